"""The entries of the journal: idempotent writes to the records, as values that can be stored as JSON.

Must not know: where entries wait, why they wait.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator

from ivr.actions import Fact
from ivr.complaints.case_writer import SYSTEM
from ivr.errors import IllegalMove
from ivr.events import EndedBy, Event
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.records.reading import EVENTS
from ivr.tagged import Tagged
from ivr.telephony.port import Call
from ivr.transcript import TranscriptLine

log = logging.getLogger(__name__)

_FACTS: Tagged[Fact] = Tagged(Fact)

StoredEvent = Annotated[Event, PlainValidator(EVENTS.load), PlainSerializer(EVENTS.dump)]
StoredFact = Annotated[Fact, PlainValidator(_FACTS.load), PlainSerializer(_FACTS.dump)]


@dataclass(frozen=True, slots=True)
class FlowSourceEntry:
    """The source of a flow file, by its hash."""

    version: str
    source: str

    async def write(self, records: CallRecords) -> None:
        """Write the entry to the records."""
        await records.save_flow_source(self.version, self.source)


@dataclass(frozen=True, slots=True)
class OpeningEntry:
    """The start of a call."""

    call: Call
    flow_version: str
    at: datetime

    async def write(self, records: CallRecords) -> None:
        """Write the entry to the records."""
        await records.open_call(self.call, self.flow_version, self.at)


@dataclass(frozen=True, slots=True)
class PickUpEntry:
    """The answering of a call, and the id under which its network knows it."""

    call_id: str
    at: datetime
    external_id: str = ""

    async def write(self, records: CallRecords) -> None:
        """Write the entry to the records, unless a sweep has closed the call as unanswered."""
        try:
            await records.answer_call(self.call_id, self.at, self.external_id)
        except IllegalMove as closed:
            log.warning("call %s: the time of its answer is not recorded: %s", self.call_id, closed)


@dataclass(frozen=True, slots=True)
class TurnEntry:
    """A turn of a call: the event that led to it, its facts and its transcript lines."""

    call_id: str
    turn: int
    event: StoredEvent
    facts: tuple[StoredFact, ...]
    lines: tuple[TranscriptLine, ...]
    at: datetime

    async def write(self, records: CallRecords) -> None:
        """Write the entry to the records, even if a sweep has closed the call in the meantime."""
        await records.save_turn(self.call_id, self.turn, self.event, self.facts, self.lines, self.at, late=True)


@dataclass(frozen=True, slots=True)
class RecordingEntry:
    """A recording; see CallRecords.add_recording."""

    call_id: str
    url: str
    audio_format: str
    seconds: float
    offset_ms: int
    sha256: str

    async def write(self, records: CallRecords) -> None:
        """Write the entry to the records."""
        await records.add_recording(
            self.call_id, self.url, self.audio_format, self.seconds, self.offset_ms, self.sha256
        )


@dataclass(frozen=True, slots=True)
class ContactEntry:
    """The contact of an agent with the caller."""

    call_id: str
    agent: str
    line: str
    at: datetime

    async def write(self, records: CallRecords) -> None:
        """Write the entry to the records."""
        await records.put_through(self.call_id, self.agent, self.line, self.at)


@dataclass(frozen=True, slots=True)
class ClosingEntry:
    """The end of a call; see CallRecords.close_call."""

    call_id: str
    disposition: Disposition
    cause: str
    by: EndedBy
    at: datetime
    rang: bool | None = None

    async def write(self, records: CallRecords) -> None:
        """Write the entry to the records; if a sweep has closed the call, correct its disposition."""
        try:
            await records.close_call(self.call_id, self.disposition, self.cause, self.by, self.at, rang=self.rang)
        except IllegalMove as closed:
            log.warning("call %s: closed by a sweep, its disposition is corrected: %s", self.call_id, closed)
            why = f"the call's own node: {self.cause}, by {self.by}"
            await records.change_disposition(self.call_id, self.disposition, SYSTEM, why, self.at)


JournalEntry = FlowSourceEntry | OpeningEntry | PickUpEntry | TurnEntry | RecordingEntry | ContactEntry | ClosingEntry

_ENTRIES: Final[Tagged[JournalEntry]] = Tagged(JournalEntry)


def dump(entry: JournalEntry) -> str:
    """Return an entry as one line of JSON."""
    return json.dumps(_ENTRIES.dump(entry))


def load(line: str | bytes) -> JournalEntry:
    """Return the entry that `dump` encoded.

    Raises:
        ValueError: the line is not an entry.
    """
    try:
        return _ENTRIES.load(json.loads(line))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dump_all(entries: Iterable[JournalEntry]) -> bytes:
    """Return entries as JSON, one a line."""
    return "\n".join(map(dump, entries)).encode()


def load_all(data: bytes) -> list[JournalEntry]:
    """Return the entries that `dump_all` encoded.

    Raises:
        ValueError: the data does not consist of entries.
    """
    return [load(line) for line in data.splitlines()]


def describe_entry(entry: JournalEntry) -> str:
    """Return the kind of an entry and its call, without what was said."""
    match entry:
        case FlowSourceEntry(version=version):
            return f"flow version {version}"
        case OpeningEntry(call=call):
            return f"call {call.id}: OpeningEntry"
        case TurnEntry(call_id=call_id, turn=turn):
            return f"call {call_id}: TurnEntry {turn}"
    return f"call {entry.call_id}: {type(entry).__name__}"
