"""Resources shared by all calls of one process. Must not know: any single call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Protocol

from ivr.agents.transfer_service import TransferService
from ivr.calendar import Calendar
from ivr.call.recording_archive import RecordingArchive
from ivr.events import Value
from ivr.live.calls import LiveCalls
from ivr.prompts.library import PromptLibrary
from ivr.records.call_records import CallRecords
from ivr.records.journal.records_journal import RecordsJournal
from ivr.transcript import Speaker
from ivr.turntaking.timing import Timing
from recognizer.base import Recognizer
from recognizer.endpoint import VoiceActivity


class Observer(Protocol):
    """Callback for a live view of the conversation."""

    def __call__(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        """Report an utterance; `detail` holds how it was understood, its confidence and its input mode."""


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """Resources of one service process.

    `journal` takes all writes of live calls to the `records`. `timezone` is the callers' time zone, and `calendar` the
    source of the festivals used in greetings.
    """

    name: str
    recognizer: Recognizer
    activity: Callable[[], VoiceActivity]
    prompts: PromptLibrary
    records: CallRecords
    journal: RecordsJournal
    live: LiveCalls
    recordings: RecordingArchive
    timezone: tzinfo
    timing: Timing
    calendar: Calendar = field(default_factory=Calendar)
    transfers: TransferService = field(default_factory=TransferService)

    def now(self) -> datetime:
        """Return the current time in the callers' time zone."""
        return datetime.now(self.timezone)
