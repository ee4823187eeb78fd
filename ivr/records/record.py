"""What the records tell about a call, read only. Must not know: tables, databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ivr.actions import SaveAnswer
from ivr.events import EndedBy, Event, Value
from ivr.lifecycle import Direction, Disposition, Network
from ivr.transcript import TranscriptLine

WITHHELD: Final = "what was said is withheld: only management may see it (R18)"
"""What readers are told in place of the words of a call on which misconduct was reported."""


@dataclass(frozen=True, slots=True)
class CallSummary:
    """The call detail record. `turn` is the highest one saved, `node` the last that saved one.

    `answered_at` is None for a call that nobody took, `ended_at` and what follows for one that is still open;
    `consent_at` is when the consent notice had been heard in full. `duration_ms` counts from the answer. `withheld`:
    only management may see what was said (R18); the number at the other end is masked, and variables are left out.
    """

    id: str
    network: Network
    direction: Direction
    caller: str
    called: str
    flow: str
    flow_version: str
    language: str
    variables: Mapping[str, Value]
    node: str
    turn: int
    started_at: datetime
    answered_at: datetime | None
    consent_at: datetime | None
    ended_at: datetime | None
    disposition: Disposition | None
    aapor: str | None
    cause: str | None
    ended_by: EndedBy | None
    duration_ms: int | None
    withheld: bool


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What happened, and when; enough to take the call through its flow again."""

    turn: int
    event: Event
    at: datetime


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer with the turn it was given in; `replaced_at` when a later answer to the question took its place."""

    answer: SaveAnswer
    turn: int
    at: datetime
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """Audio of the call. `offset_ms` from the answer of the call to its first sample."""

    path: str
    format: str
    seconds: float
    offset_ms: int
    sha256: str
    consent_at: datetime


@dataclass(frozen=True, slots=True)
class DispositionRecord:
    """What the call was said to have become, by whom and why."""

    disposition: Disposition
    aapor: str
    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BookingRecord:
    """A promise to call again at `at`; `state` is open, done or cancelled."""

    at: datetime
    spoken: str
    state: str


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """Something to be put right; `number` can be told on the telephone (`20261121-0001`)."""

    number: str
    kind: str
    reason: str
    details: Mapping[str, Value]
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Everything known of a call, each list in the order it happened.

    Of a call that is `withheld` only the summary and the dispositions are told; all other lists are empty.
    """

    call: CallSummary
    turns: tuple[TurnRecord, ...]
    answers: tuple[AnswerRecord, ...]
    replaced_answers: tuple[AnswerRecord, ...]
    transcript: tuple[TranscriptLine, ...]
    recordings: tuple[RecordingRecord, ...]
    dispositions: tuple[DispositionRecord, ...]
    bookings: tuple[BookingRecord, ...]
    cases: tuple[CaseRecord, ...]

    @property
    def values(self) -> dict[str, Value]:
        """The answers that count: question to value."""
        return {record.answer.question: record.answer.value for record in self.answers}


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """Who wrote what into a customer's profile."""

    name: str
    language: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer with the history: profile changes oldest first, calls newest first."""

    number: str
    name: str
    language: str
    changes: tuple[ProfileChange, ...]
    calls: tuple[CallSummary, ...]
