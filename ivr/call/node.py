"""What all calls of one process share. Must not know: any single call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Protocol

from ivr.calendar import Calendar
from ivr.events import Value
from ivr.live.calls import LiveCalls
from ivr.prompts.library import PromptLibrary
from ivr.records.call_records import CallRecords
from ivr.transcript import Speaker
from ivr.turntaking.timing import Timing
from recognizer.base import Recognizer
from recognizer.endpoint import VoiceActivity


class Observer(Protocol):
    """Whoever watches a conversation live."""

    def __call__(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        """One thing was said; `detail` tells what was understood, how surely and by what."""


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """One process' share of the service. `recordings` is the folder of the audio; `timezone` that of the callers.

    `calendar` tells the festivals that they are greeted with.
    """

    name: str
    recognizer: Recognizer
    activity: Callable[[], VoiceActivity]
    prompts: PromptLibrary
    records: CallRecords
    live: LiveCalls
    recordings: Path
    timezone: tzinfo
    timing: Timing
    calendar: Calendar = field(default_factory=Calendar)

    def recording_path(self, call_id: str, at: datetime) -> Path:
        """Where the audio of a call lies whose recording began at `at`."""
        return self.recordings / f"{at.astimezone(self.timezone):%Y-%m-%d}" / f"{call_id}.wav"

    def now(self) -> datetime:
        """The time of day at the callers'."""
        return datetime.now(self.timezone)
