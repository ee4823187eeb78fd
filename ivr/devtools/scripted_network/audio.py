"""The audio of the scripted network: who hears whom, frame by frame. Must not know: calls, the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from ivr.telephony.media import FRAME_BYTES, SAMPLE_RATE_HZ

SILENCE: Final = bytes(FRAME_BYTES)


class Party(Protocol):
    """Somebody who speaks and listens in frames of 20 ms."""

    def speak(self) -> bytes:
        """Return the next frame spoken; empty in silence."""

    def hear(self, frame: bytes) -> None:
        """Take the next frame heard."""


class MusicOnHold:
    """A party that plays a soft tone, and hears nothing."""

    def __init__(self) -> None:
        moments = np.arange(FRAME_BYTES // 2) / SAMPLE_RATE_HZ
        self._frame = (2000 * np.sin(2 * np.pi * 400 * moments)).astype("<i2").tobytes()

    def speak(self) -> bytes:
        """See Party."""
        return self._frame

    def hear(self, frame: bytes) -> None:
        """See Party."""


def exchange_frames(parties: Sequence[Party]) -> None:
    """Let each party speak one frame and hear what all others speak."""
    spoken = [(party, party.speak()) for party in parties]
    for party in parties:
        party.hear(_mix([frame for other, frame in spoken if frame and other is not party]))


def _mix(frames: Sequence[bytes]) -> bytes:
    if not frames:
        return SILENCE
    if len(frames) == 1:
        return frames[0]
    total = np.sum([np.frombuffer(frame, "<i2").astype(np.int32) for frame in frames], axis=0)
    return bytes(np.clip(total, -32768, 32767).astype("<i2"))
