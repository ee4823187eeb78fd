"""The media stream: what Asterisk's WebSocket channel, Twilio Media Streams and the browser's socket have in common.

Must not know: flows, recognisers, any network's own framing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from ivr.events import EndedBy

SAMPLE_RATE_HZ = 8000
FRAME_MS = 20
AudioSide = Literal["caller", "other", "third"]
FRAME_BYTES = 320
"""One frame: 20 ms of signed 16-bit little-endian mono samples at 8 kHz."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """20 ms of the caller's voice (FRAME_BYTES bytes)."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class MarkReached:
    """Everything played before the mark has been heard by the caller."""

    name: str


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key: one of 0-9, *, #."""

    digit: str


@dataclass(frozen=True, slots=True)
class MediaClosed:
    """The stream is gone; always the last event. `cause` is one of lifecycle.HANGUP_CAUSES."""

    by: EndedBy
    cause: str


@dataclass(frozen=True, slots=True)
class OverheardAudio:
    """20 ms of what the caller, the other party that they were handed to, or a third one says while they talk."""

    who: AudioSide
    pcm: bytes


@dataclass(frozen=True, slots=True)
class PartiesChanged:
    """From now on these talk with each other: `caller`, the others by their ids; whoever is not named waits."""

    parties: tuple[str, ...]


MediaEvent = AudioFrame | MarkReached | KeyPressed | MediaClosed | OverheardAudio | PartiesChanged


class MediaStream(Protocol):
    """Two-way audio with one caller. The verbs never block: an adapter queues them and paces as its network asks."""

    def events(self) -> AsyncIterator[MediaEvent]:
        """What comes from the caller, in order; ends after Closed. To be iterated once."""

    def play(self, pcm: bytes) -> None:
        """Queue audio (8 kHz, 16-bit, mono, any length) behind what is already queued."""

    def mark(self, name: str) -> None:
        """Ask for Marked(name) once everything queued so far has been heard. Forgotten by `clear`."""

    def clear(self) -> None:
        """Throw away everything queued, here and at the far end: quiet at once."""
