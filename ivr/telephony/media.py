"""The media stream: interface common to Asterisk's WebSocket channel, Twilio Media Streams and the browser's socket.

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
    """20 ms of the caller's audio (FRAME_BYTES bytes)."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class MarkReached:
    """The caller has heard everything played before the mark."""

    name: str


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A DTMF key from the caller: one of 0-9, *, #."""

    digit: str


@dataclass(frozen=True, slots=True)
class MediaClosed:
    """The stream has ended; always the last event. `cause` is one of lifecycle.HANGUP_CAUSES."""

    by: EndedBy
    cause: str


@dataclass(frozen=True, slots=True)
class CallReleased:
    """The stream has ended, but not the call: the network offers it to all nodes. Then there is no MediaClosed."""


@dataclass(frozen=True, slots=True)
class OverheardAudio:
    """20 ms of the caller's, the other party's or a third party's audio during a transfer."""

    who: AudioSide
    pcm: bytes


@dataclass(frozen=True, slots=True)
class PartiesChanged:
    """The parties now talking to each other: `caller` and the others' ids. Parties not listed are on hold."""

    parties: tuple[str, ...]


MediaEvent = AudioFrame | MarkReached | KeyPressed | MediaClosed | CallReleased | OverheardAudio | PartiesChanged


class MediaStream(Protocol):
    """Two-way audio with one caller. `play`, `mark` and `clear` never block: the adapter queues and paces them."""

    def events(self) -> AsyncIterator[MediaEvent]:
        """Iterate over the caller's events in order, up to MediaClosed or CallReleased. May be iterated only once."""

    def play(self, pcm: bytes) -> None:
        """Append audio (8 kHz, 16-bit, mono, any length) to the playout queue."""

    def mark(self, name: str) -> None:
        """Request MarkReached(name) once everything queued so far has been heard. Dropped by `clear`."""

    def clear(self) -> None:
        """Discard everything queued, here and at the far end, so that playout stops at once."""
