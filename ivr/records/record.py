"""The read model of calls and customers, read-only. Must not know: tables, databases."""

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
"""Shown to readers instead of the contents of a call on which misconduct was reported."""


@dataclass(frozen=True, slots=True)
class CallSummary:
    """The call detail record. `turn` is the last saved turn, `node` the node that saved it.

    `answered_at` is None for an unanswered call; `ended_at`, `disposition`, `aapor`, `cause`, `ended_by` and
    `duration_ms` are None for an open one. `consent_at` is when the consent notice had been played in full.
    `duration_ms` counts from the answer. `withheld`: only management may see what was said (R18); the remote number is
    masked, and variables are left out.
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
    """A turn: its event and time, which suffice to replay the call through its flow."""

    turn: int
    event: Event
    at: datetime


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer and the turn it was given in; `replaced_at` is when a later answer to the question replaced it."""

    answer: SaveAnswer
    turn: int
    at: datetime
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """The audio of a call. `offset_ms` is the time from the answer of the call to the first sample."""

    path: str
    format: str
    seconds: float
    offset_ms: int
    sha256: str
    consent_at: datetime


@dataclass(frozen=True, slots=True)
class DispositionRecord:
    """A disposition set for a call, by whom and why."""

    disposition: Disposition
    aapor: str
    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BookingRecord:
    """A callback scheduled for `at`; `state` is open, done or cancelled.

    `do_not_call_proposed`: the call was rejected as unwanted or as spam, and a person must decide.
    """

    at: datetime
    spoken: str
    state: str
    do_not_call_proposed: bool = False


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A complaint case or work order; `number` can be spoken on the telephone (`20261121-0001`)."""

    number: str
    kind: str
    reason: str
    details: Mapping[str, Value]
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The complete record of a call; each list is in chronological order.

    For a `withheld` call only the summary and the dispositions are set; all other lists are empty.
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
        """The valid answers, without replaced ones: question → value."""
        return {record.answer.question: record.answer.value for record in self.answers}


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A change to a customer's profile: what, by whom and when."""

    name: str
    language: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer with their history: profile changes oldest first, calls newest first."""

    number: str
    name: str
    language: str
    changes: tuple[ProfileChange, ...]
    calls: tuple[CallSummary, ...]
