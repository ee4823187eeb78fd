"""What was said on a call, line by line. Must not know: how it was heard, spoken or kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["caller", "us"]
Party = Literal[Speaker, "talk"]
"""`talk`: nobody; the line names those who talk with each other from then on (`caller`, agents by their ids)."""


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One thing said. `at_ms` counts from the answer of the call; `confidence` is 0 to 1, None for our own words."""

    who: Party
    text: str
    at_ms: int
    confidence: float | None = None
