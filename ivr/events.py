"""What has happened on a call: facts, past tense, frozen. Must not know: how they came about (network, recogniser)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | bool | None
"""Anything a flow can remember."""

EndedBy = Literal["caller", "us", "network"]


@dataclass(frozen=True, slots=True)
class Heard:
    """One reading of what the caller said, with a confidence from 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The call is up. `variables` go into the flow (customer's name, unpaid fee, …)."""

    variables: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PromptsFinished:
    """The prompts of a notice were played to their very end."""

    wait: str


@dataclass(frozen=True, slots=True)
class SpeechHeard:
    """The caller spoke; `alternatives` best first, empty when nothing of the grammar was in it. `voice_ms` of voice."""

    wait: str
    alternatives: tuple[Heard, ...]
    voice_ms: int = 0


@dataclass(frozen=True, slots=True)
class DigitsPressed:
    """The caller pressed keys (0-9, *, #), without the finishing key."""

    wait: str
    digits: str


@dataclass(frozen=True, slots=True)
class NothingHeard:
    """The time to answer ran out without voice or key."""

    wait: str


@dataclass(frozen=True, slots=True)
class SpeechRecorded:
    """A free answer ended; it lies at `start_ms` in the call.

    `text` is what was said, empty where no model transcribes; `cues` are the words in it that were worth noticing.
    """

    wait: str
    start_ms: int
    duration_ms: int
    text: str = ""
    cues: tuple[str, ...] = ()

    @property
    def span_ms(self) -> tuple[int, int]:
        """Its beginning and its end in the call."""
        return self.start_ms, self.start_ms + self.duration_ms


@dataclass(frozen=True, slots=True)
class CaseFound:
    """A case as a caller may be told of it: its number, its kind, whether it is still being worked on, since when.

    `opened_on` is an ISO 8601 date. `tier` and `roster` tell who handles it: the tier of lines, and those of
    rosters.yaml whose people take its calls; empty where nobody has decided, or management alone handles it.
    """

    wait: str
    number: str
    kind: str
    open: bool
    opened_on: str
    tier: str = ""
    roster: str = ""


@dataclass(frozen=True, slots=True)
class CaseMissing:
    """There is no such case, or none that the caller may be told of."""

    wait: str


def format_span(span_ms: tuple[int, int]) -> str:
    """A stretch of the call as a value that a flow can remember: `12300-18000` (ms)."""
    return f"{span_ms[0]}-{span_ms[1]}"


@dataclass(frozen=True, slots=True)
class TransferCompleted:
    """The other party took the call over and has hung up; the caller is still there."""

    wait: str


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """Nobody took the call: `busy`, `no_answer`, `declined`, `unreachable`, `unavailable`; or the caller `gave_up`."""

    wait: str
    reason: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The line is gone. `cause` is one of lifecycle.HANGUP_CAUSES."""

    by: EndedBy
    cause: str = "normal"


Event = (
    CallAnswered
    | PromptsFinished
    | SpeechHeard
    | DigitsPressed
    | NothingHeard
    | SpeechRecorded
    | CaseFound
    | CaseMissing
    | TransferCompleted
    | TransferFailed
    | CallEnded
)
