"""Events on a call: immutable facts, named in the past tense. Must not know: their source (network, recogniser)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | bool | None
"""Any value that a flow variable can hold."""

EndedBy = Literal["caller", "us", "network"]


@dataclass(frozen=True, slots=True)
class Heard:
    """One recognition hypothesis, with a confidence from 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The call was answered. `variables` initialise the flow (customer's name, unpaid fee, …)."""

    variables: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallResumed:
    """Another node goes on with the call; what had been asked was not answered.

    `transferred`: in the meantime, the caller talked with the person to whom the flow had transferred them.
    """

    transferred: bool = False


@dataclass(frozen=True, slots=True)
class PromptsFinished:
    """The prompts of a notice were played in full."""

    wait: str


@dataclass(frozen=True, slots=True)
class SpeechHeard:
    """The caller spoke for `voice_ms`. `alternatives` are sorted best first; empty if nothing matched the grammar."""

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
    """The no-input timeout expired without speech or DTMF."""

    wait: str


@dataclass(frozen=True, slots=True)
class SpeechRecorded:
    """Free speech ended; it began `start_ms` into the call.

    `text` is the transcript, empty if no model transcribes the language; `cues` are the keywords spotted in it.
    """

    wait: str
    start_ms: int
    duration_ms: int
    text: str = ""
    cues: tuple[str, ...] = ()

    @property
    def span_ms(self) -> tuple[int, int]:
        """Start and end within the call."""
        return self.start_ms, self.start_ms + self.duration_ms


@dataclass(frozen=True, slots=True)
class CaseFound:
    """A case was found. It holds only facts that callers may be told: number, kind, whether it is open, opening date.

    `opened_on` is an ISO 8601 date. `tier` and `roster` identify the handlers: the tier of lines and the line of
    rosters.yaml that takes its calls; empty while the case is not routed or if only management handles it.
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
    """No case matched, or none that may be disclosed to callers."""

    wait: str


def format_span(span_ms: tuple[int, int]) -> str:
    """Return a span of the call as a flow variable: `12300-18000` (ms)."""
    return f"{span_ms[0]}-{span_ms[1]}"


@dataclass(frozen=True, slots=True)
class TransferCompleted:
    """The other party took the call and has hung up; the caller is still connected."""

    wait: str


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """The transfer failed: `busy`, `no_answer`, `declined`, `unreachable`, `unavailable`, or the caller `gave_up`."""

    wait: str
    reason: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call ended. `cause` is one of lifecycle.HANGUP_CAUSES."""

    by: EndedBy
    cause: str = "normal"


Event = (
    CallAnswered
    | CallResumed
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
