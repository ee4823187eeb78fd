"""Recording of one call from consent on: started once, closed once; a recording failure does not affect the call.

Must not know: who may be recorded, how recordings are stored.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from ivr.call.audio.player import Player
from ivr.call.audio.stereo_recorder import StereoRecorder, StereoRecording
from ivr.database.errors import RecordingLost
from ivr.telephony.media import AudioSide

log = logging.getLogger(__name__)


class CallRecorder:
    """Recorder of one call; discards all audio before `start`. All times are ms on the call's clock."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._recorder: StereoRecorder | None = None
        self.from_ms = 0
        self.began_at: datetime | None = None

    def start(self, at_ms: int, at: datetime, path: Path) -> None:
        """Start recording both sides from `at_ms`, which is the time `at`. Idempotent."""
        if self._recorder is None:
            self.from_ms, self.began_at = at_ms, at
            self._recorder = self._player.tap = StereoRecorder.start(path, at_ms)

    def add_caller(self, at_ms: int, pcm: bytes) -> None:
        """Record a frame of the caller's audio."""
        if self._recorder:
            self._recorder.add_caller(at_ms, pcm)

    @property
    def running(self) -> bool:
        """Whether recording has started, that is, the caller has consented."""
        return self._recorder is not None

    def add_overheard(self, at_ms: int, who: AudioSide, pcm: bytes) -> None:
        """Record a frame of the caller or of another party during a transfer."""
        if self._recorder:
            self._recorder.add_overheard(at_ms, who, pcm)

    async def close(self, at_ms: int) -> StereoRecording | None:
        """End the recording and return it; return None if there is none or writing failed."""
        if self._recorder is None:
            return None
        try:
            return await self._recorder.close(at_ms)
        except RecordingLost as lost:
            log.error("recording lost: %s", lost)
            return None
