"""Transcript of the conversation as the caller heard it: shown live, and saved with the next turn.

Must not know: audio, how lines are stored.
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
"""Marks the place where the caller interrupted a prompt."""
NO_PARTIES: Final = "–"
"""Text of a party change after which all parties are on hold."""


class TranscriptBuilder:
    """Builds one call's transcript. Our own line is held back until it is known how much of it was heard."""

    def __init__(self, observe: Observer) -> None:
        self._observe = observe
        self._prompt: TranscriptLine | None = None
        self._party_changes: list[TranscriptLine] = []

    def begin_prompt(self, at_ms: int, text: str) -> None:
        """Start a prompt line and show it live."""
        self._prompt = TranscriptLine("us", text, at_ms)
        self._observe("us", text, {})

    def end_prompt(self, share: float) -> list[TranscriptLine]:
        """Return the last prompt line, cut to the `share` (0 to 1) that was heard, and the party changes since."""
        spoken, self._prompt = self._prompt, None
        talks, self._party_changes = self._party_changes, []
        return [_as_heard(spoken, share), *talks] if spoken else talks

    def set_parties(self, at_ms: int, parties: Sequence[str]) -> None:
        """Add a line with the parties now talking to each other; empty if all are on hold."""
        self._party_changes.append(TranscriptLine("talk", " – ".join(parties) or NO_PARTIES, at_ms))

    def caller_lines(self, at_ms: int, event: Event, turn: FlowTurn) -> list[TranscriptLine]:
        """Return the caller's lines for an event, and show them live."""
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


def _as_heard(line: TranscriptLine, share: float) -> TranscriptLine:
    if share >= 1:
        return line
    return TranscriptLine(line.who, line.text[: ceil(len(line.text) * share)] + INTERRUPTED, line.at_ms)


def _understood(turn: FlowTurn) -> dict[str, Value | float]:
    """Return how the event was understood: a saved answer, or a candidate awaiting confirmation."""
    answer = next((action for action in turn.actions if isinstance(action, SaveAnswer)), None)
    if answer:
        return {"question": answer.question, "understood": answer.value, "confirmed": answer.confirmed}
    if turn.state.wait and turn.state.wait.candidate:
        return {"understood": turn.state.wait.candidate.value, "confirmed": False}
    return {}
