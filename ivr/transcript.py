"""Transcript of a call, line by line. Must not know: how speech is recognised, synthesised or stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["caller", "us"]
Party = Literal[Speaker, "talk"]
"""`talk` is no speaker: the line lists the parties bridged from then on (`caller`, agents by their ids)."""


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One utterance. `at_ms` counts from the answer of the call; `confidence` is 0 to 1, None for our own prompts."""

    who: Party
    text: str
    at_ms: int
    confidence: float | None = None
