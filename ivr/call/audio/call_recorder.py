"""A call's recording from the consent on: begun once, ended once, lost without harm to the call.

Must not know: who may be recorded, how recordings are kept.
"""

from __future__ import annotations

import logging
from pathlib import Path

from ivr.call.audio.player import Player
from ivr.call.audio.stereo_recorder import StereoRecorder, StereoRecording
from ivr.database.errors import RecordingLost
from ivr.telephony.media import AudioSide

log = logging.getLogger(__name__)


class CallRecorder:
    """Nothing is recorded before `start`. All times are ms on the call's clock."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._recorder: StereoRecorder | None = None
        self.from_ms = 0

    def start(self, at_ms: int, path: Path) -> None:
        """Record both sides from now on; a second time changes nothing."""
        if self._recorder is None:
            self.from_ms = at_ms
            self._recorder = self._player.tap = StereoRecorder.start(path, at_ms)

    def add_caller(self, at_ms: int, pcm: bytes) -> None:
        """A frame of the caller's voice arrived."""
        if self._recorder:
            self._recorder.add_caller(at_ms, pcm)

    @property
    def running(self) -> bool:
        """Whether there is consent, so that a recording has begun."""
        return self._recorder is not None

    def add_overheard(self, at_ms: int, who: AudioSide, pcm: bytes) -> None:
        """A frame arrived of what the caller, or one of those whom they were handed to, says."""
        if self._recorder:
            self._recorder.add_overheard(at_ms, who, pcm)

    async def close(self, at_ms: int) -> StereoRecording | None:
        """End the recording; None when there is none, or it was lost."""
        if self._recorder is None:
            return None
        try:
            return await self._recorder.close(at_ms)
        except RecordingLost as lost:
            log.error("the recording was lost: %s", lost)
            return None
