"""What was said on a call, line by line. Must not know: how it was heard, spoken or kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Who = Literal["caller", "us"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said. `at_ms` counts from the answer of the call; `confidence` is 0 to 1, None for our own words."""

    who: Who
    text: str
    at_ms: int
    confidence: float | None = None
