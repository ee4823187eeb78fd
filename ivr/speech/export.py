"""The export of clips from the records: confirmed answers of callers who consented to recording.

Must not know: how a model is trained on them.
"""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from ivr.call.flow_versions import FlowVersions
from ivr.flow.parse import FlowSet
from ivr.recordings.fsspec_store import open_recording
from ivr.recordings.store import RecordingsUnavailable
from ivr.records.call_records import CallRecords
from ivr.records.record import CallRecord, RecordingRecord
from ivr.speech.confirmed import ConfirmedAnswer, confirmed_answers
from ivr.speech.cutting import cut
from ivr.speech.folder import CallerClip, ClipFolder
from ivr.speech.speakers import Speakers
from ivr.telephony.media import SAMPLE_RATE_HZ
from recognizer.pronounce import syllables

LICENCE: Final = "consent of the caller, {day}, for models of this service"
SOURCE: Final = "a call to this service"
_PAGE_SIZE: Final = 200
_MAX_SYLLABLE_MS: Final = 500
_MARGIN_MS: Final = 600
"""A clip longer than _MAX_SYLLABLE_MS per syllable plus _MARGIN_MS contains more than the words of its text."""


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """The result of an export: number of new clips, of their speakers, and of calls with an unreadable recording."""

    clips: int
    speakers: int
    unreadable: int


class ClipExport:
    """The export of new clips from the records into a folder. Existing clips are not changed."""

    def __init__(self, records: CallRecords, speakers: Speakers, folder: ClipFolder) -> None:
        self._records, self._speakers, self._folder = records, speakers, folder
        self._flow_versions = FlowVersions(records.flow_source)

    async def run(self) -> ExportSummary:
        """Export the confirmed answers of all calls.

        Raises:
            RecordsUnavailable: the database cannot be used.
        """
        erased = self._speakers.erased()
        new: list[CallerClip] = []
        unreadable = 0
        async for record in self._recorded_calls():
            speaker, *earlier = self._speakers.pseudonyms(_number(record))
            flow_set = await self._flow_versions.get(record.call.flow_version)
            if flow_set is None or not erased.isdisjoint({speaker, *earlier}):
                continue
            try:
                new += await asyncio.to_thread(self._export_call, flow_set, record, speaker)
            except (RecordingsUnavailable, OSError, EOFError, ValueError, wave.Error):
                unreadable += 1
        self._folder.save()
        return ExportSummary(len(new), len({clip.speaker for clip in new}), unreadable)

    async def _recorded_calls(self) -> AsyncIterator[CallRecord]:
        """Yield the ended calls that were recorded with consent and have a number by which they can be erased."""
        last = None
        while page := await self._records.calls(_PAGE_SIZE, last):
            for call in page:
                if call.ended_at and call.consent_at:
                    record = await self._records.call(call.id)
                    if record.recordings and _number(record):
                        yield record
            last = page[-1].id

    def _export_call(self, flow_set: FlowSet, record: CallRecord, speaker: str) -> list[CallerClip]:
        taken = (
            self._export_clip(record, record.recordings[0], said, speaker)
            for said in confirmed_answers(flow_set, record)
        )
        return [clip for clip in taken if clip]

    def _export_clip(
        self, record: CallRecord, recording: RecordingRecord, said: ConfirmedAnswer, speaker: str
    ) -> CallerClip | None:
        path = f"{speaker}/{self._speakers.clip_name(record.call.id, said.turn)}.wav"
        if path in self._folder:
            return None
        with open_recording(recording.path) as file:
            pcm = cut(file, recording.offset_ms, said.end_ms, said.voice_ms)
        length_ms = len(pcm) // 2 * 1000 // SAMPLE_RATE_HZ
        if not 0 < length_ms <= _MAX_SYLLABLE_MS * syllables(record.call.language, said.text) + _MARGIN_MS:
            return None
        clip = CallerClip(
            path=path,
            text=said.text,
            speaker=speaker,
            lang=record.call.language.partition("-")[0],
            sec=f"{length_ms / 1000:.2f}",
            licence=LICENCE.format(day=f"{recording.consent_at:%Y-%m-%d}"),
            source=SOURCE,
            note="",
        )
        self._folder.add(clip, pcm)
        return clip


def _number(record: CallRecord) -> str:
    """Return the customer's number, caller or called; empty if it is not a number (a browser, “anonymous”)."""
    number = record.call.caller if record.call.direction == "inbound" else record.call.called
    return number if any(map(str.isdigit, number)) else ""
