"""The recordings of one node's calls: from the spool folder, where they are written, to the store and the records.

Each node that leads a call records its own part: the first one to `CALL.wav`, a node that goes on with the call from
turn N on to `CALL.N.wav`. A file leaves the spool once its recording is stored and indexed. A file that a crash or an
unavailable store left there is stored later, whichever node has closed the call in the meantime.
Must not know: live calls, what kind of storage the store is.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import Final

from ivr.call.audio.stereo_recorder import StereoRecording
from ivr.database.errors import UnknownCall, describe
from ivr.errors import HuifangError
from ivr.events import CallResumed
from ivr.recordings.store import RecordingStore, RecordingsUnavailable, StoredRecording
from ivr.recordings.wav import measure
from ivr.records.call_records import CallRecords
from ivr.records.record import CallRecord, CallSummary

log = logging.getLogger(__name__)

STORE_TIMEOUT_S: Final = 20.0
"""Maximum time that the end of a call waits for its recording to be stored."""
CATCH_UP_S: Final = 10.0
"""Seconds between two attempts to catch up with recordings that were left behind."""
RETRY_S: Final = 5.0
"""Seconds until the next attempt after one that failed unexpectedly."""


class RecordingArchive:
    """The recordings of one node. `spool` is its folder for recordings that are not stored yet.

    `timezone` is the callers' time zone: recordings are stored by the day on which they began.
    """

    def __init__(self, spool: Path, store: RecordingStore, records: CallRecords, timezone: tzinfo) -> None:
        self._spool, self._store, self._records, self._timezone = spool, store, records, timezone
        self._sought: set[str] = set()
        self._refused: set[Path] = set()
        self._wake = asyncio.Event()
        self.trouble = ""
        """Why the last round of `run` failed unexpectedly; empty if it did not."""

    def spool_path(self, call_id: str, from_turn: int = 0) -> Path:
        """Return the file for a call's recording, or for its part since this node goes on with it at `from_turn`."""
        return self._spool / f"{call_id}.{from_turn}.wav" if from_turn else self._spool / f"{call_id}.wav"

    async def store(self, recording: StereoRecording, began_at: datetime) -> StoredRecording | None:
        """Store a finished recording; return None if the store does not take it in time, and catch up with it later."""
        key = self._key(recording.path.stem, began_at)
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._store.put(recording.path, key)
        except (RecordingsUnavailable, TimeoutError) as error:
            log.warning("recording %s stays in the spool: %s", key, error or "the store does not respond")
            return None
        return StoredRecording(self._store.url(key), recording.seconds, recording.sha256)

    def look_for(self, call_id: str) -> None:
        """Have the recording of a lost call indexed, from this node's spool or as the lost node has stored it."""
        self._sought.add(call_id)
        self._wake.set()

    async def run(self) -> None:
        """Run until cancelled: catch up with recordings that were left behind."""
        last_fault = ""
        while True:
            self._wake.clear()
            try:
                await self.catch_up()
                last_fault = self.trouble = ""
            except HuifangError as fault:
                if str(fault) != last_fault:
                    log.warning("recordings left behind are not stored yet: %s", fault)
                last_fault = str(fault)
            except Exception as error:
                self.trouble = f"the search for recordings left behind failed: {describe(error)}"
                log.exception("the search for recordings left behind failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S if self.trouble else CATCH_UP_S):
                    await self._wake.wait()

    async def catch_up(self) -> int:
        """Store and index the recordings of ended calls in the spool, index the sought ones; return their number.

        Raises:
            RecordsUnavailable, RecordingsUnavailable: the rest is left for the next time.
        """
        count = 0
        for file in await asyncio.to_thread(_complete_files, self._spool):
            if file not in self._refused:
                count += await self._settle(file)
        for call_id in tuple(self._sought):
            count += await self._find_stored(call_id)
            self._sought.discard(call_id)
        return count

    async def _settle(self, file: Path) -> bool:
        """Store and index a file of the spool, then delete it; return False if its call goes on, or it is indexed."""
        try:
            record = await self._records.call(file.stem.partition(".")[0], "management")
        except UnknownCall:
            return False
        call, began_at = record.call, _parts(record).get(file.stem)
        if call.ended_at is None or began_at is None:
            return False
        key = self._key(file.stem, began_at)
        if indexed := file.stem in _indexed(record):
            log.debug("recording %s: stored before", key)
        elif measured := await asyncio.to_thread(_measure, file):
            await self._store.put(file, key)
            await self._index(call, StoredRecording(self._store.url(key), *measured), began_at)
        else:
            self._refused.add(file)
            log.error("%s is not a playable recording; it stays there", file)
            return False
        await asyncio.to_thread(file.unlink, missing_ok=True)
        return not indexed

    async def _find_stored(self, call_id: str) -> int:
        """Index the parts of a lost call's recording that its nodes have stored; return their number."""
        record, count = await self._records.call(call_id, "management"), 0
        indexed = _indexed(record)
        for stem, began_at in _parts(record).items():
            if stem not in indexed and (stored := await self._store.find(self._key(stem, began_at))):
                await self._index(record.call, stored, began_at)
                count += 1
        return count

    async def _index(self, call: CallSummary, stored: StoredRecording, began_at: datetime) -> None:
        """Add a recording to the records."""
        offset_ms = int((began_at - call.answered_at).total_seconds() * 1000) if call.answered_at else 0
        await self._records.add_recording(call.id, stored.url, "wav", stored.seconds, offset_ms, stored.sha256)
        log.info("call %s: the recording that was left behind is indexed", call.id)

    def _key(self, stem: str, began_at: datetime) -> str:
        return f"{began_at.astimezone(self._timezone):%Y-%m-%d}/{stem}.wav"


def _indexed(record: CallRecord) -> frozenset[str]:
    """Return the stems of the files in the record, wherever they are stored."""
    return frozenset(PurePosixPath(recording.path).stem for recording in record.recordings)


def _parts(record: CallRecord) -> dict[str, datetime]:
    """Return when each part of a call's recording began, by the stem of its file; none without consent."""
    call = record.call
    if call.consent_at is None:
        return {}
    later = {
        f"{call.id}.{turn.turn}": turn.at
        for turn in record.turns
        if isinstance(turn.event, CallResumed) and turn.at > call.consent_at
    }
    return {call.id: call.consent_at, **later}


def _complete_files(spool: Path) -> list[Path]:
    """Return the recordings in the spool that no process is writing; see StereoRecorder."""
    return [file for file in sorted(spool.glob("*.wav")) if not _locked(file)]


def _locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return True
    return False


def _measure(path: Path) -> tuple[float, str] | None:
    try:
        with path.open("rb") as file:
            return measure(file)
    except OSError as error:
        log.error("%s cannot be read: %s", path, error)
        return None
