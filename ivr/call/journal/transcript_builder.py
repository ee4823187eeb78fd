"""The conversation as the caller had it, line by line: shown live, and kept with the turn that follows.

Must not know: audio, how lines are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final

from ivr.actions import SaveAnswer
from ivr.call.node import Observer
from ivr.events import DigitsPressed, Event, NothingHeard, SpeechHeard, SpeechRecorded, Value
from ivr.flow.state import FlowTurn
from ivr.transcript import TranscriptLine

INTERRUPTED: Final = "——"
"""Stands where the caller interrupted a prompt."""
NO_PARTIES: Final = "–"
"""Stands for those who talk while all wait."""


class TranscriptBuilder:
    """One call's lines. Our own are held back until it is known how much of them was heard."""

    def __init__(self, observe: Observer) -> None:
        self._observe = observe
        self._prompt: TranscriptLine | None = None
        self._party_changes: list[TranscriptLine] = []

    def begin_prompt(self, at_ms: int, text: str) -> None:
        """We begin to say something."""
        self._prompt = TranscriptLine("us", text, at_ms)
        self._observe("us", text, {})

    def end_prompt(self, share: float) -> list[TranscriptLine]:
        """Our last words, as much of them as was heard (`share`, 0 to 1), and who has talked since."""
        spoken, self._prompt = self._prompt, None
        talks, self._party_changes = self._party_changes, []
        return [_as_heard(spoken, share), *talks] if spoken else talks

    def set_parties(self, at_ms: int, parties: Sequence[str]) -> None:
        """These talk with each other; nobody: all wait."""
        self._party_changes.append(TranscriptLine("talk", " – ".join(parties) or NO_PARTIES, at_ms))

    def caller_lines(self, at_ms: int, event: Event, turn: FlowTurn) -> list[TranscriptLine]:
        """What the event says of the caller."""
        lines: list[TranscriptLine] = []
        match event:
            case SpeechHeard(alternatives=(best, *_)):
                lines.append(TranscriptLine("caller", best.text, at_ms, best.confidence))
                self._observe("caller", best.text, {"confidence": best.confidence, **_understood(turn)})
            case SpeechHeard() | SpeechRecorded():
                text = getattr(event, "text", "") or "…"
                lines.append(TranscriptLine("caller", text, at_ms))
                self._observe("caller", text, _understood(turn))
            case DigitsPressed(digits=digits):
                lines.append(TranscriptLine("caller", f"#{digits}", at_ms, 1.0))
                self._observe("caller", f"#{digits}", {"by": "key", **_understood(turn)})
            case NothingHeard():
                lines.append(TranscriptLine("caller", "", at_ms))
                self._observe("caller", "", {})
        return lines


def _as_heard(leg: TranscriptLine, share: float) -> TranscriptLine:
    if share >= 1:
        return leg
    return TranscriptLine(leg.who, leg.text[: ceil(len(leg.text) * share)] + INTERRUPTED, leg.at_ms)


def _understood(turn: FlowTurn) -> dict[str, Value | float]:
    """What the event was taken for: an answer kept, or one to be read back."""
    answer = next((action for action in turn.actions if isinstance(action, SaveAnswer)), None)
    if answer:
        return {"question": answer.question, "understood": answer.value, "confirmed": answer.confirmed}
    if turn.state.wait and turn.state.wait.candidate:
        return {"understood": turn.state.wait.candidate.value, "confirmed": False}
    return {}
