"""Stereo mix: aligns the caller's frames and our prompts on one clock and returns stereo audio. Pure.

Must not know: files, networks, real time.

Offsets are ms since the call was answered; audio is 16-bit little-endian mono at 8 kHz. Gaps become silence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np

from ivr.telephony.media import FRAME_MS, SAMPLE_RATE_HZ, AudioSide

SAMPLES_PER_MS: Final = SAMPLE_RATE_HZ // 1000
SETTLE_MS: Final = 1000
"""Audio more recent than this may still be moved or cut; older audio is final."""

_WINDOW = SETTLE_MS // FRAME_MS
_TOLERANCE = FRAME_MS * SAMPLES_PER_MS
_LOST = SETTLE_MS * SAMPLES_PER_MS
_NEVER = -(1 << 62)


class MixTrack:
    """One track: samples addressed by position since the start of the recording, kept until taken."""

    def __init__(self) -> None:
        self.end = _NEVER
        self._taken = 0
        self._pcm = bytearray()

    def put(self, start: int, pcm: bytes) -> None:
        """Write samples at `start`, overwriting existing ones; drop samples that precede the part already taken."""
        late = max(0, self._taken - start)
        samples, at = pcm[late * 2 :], (start + late - self._taken) * 2
        self._pcm.extend(bytes(max(0, at - len(self._pcm))))
        self._pcm[at : at + len(samples)] = samples
        self.end = start + len(pcm) // 2

    def cut(self, at: int) -> None:
        """Discard everything from `at` on."""
        if at < self.end:
            self.end = max(at, self._taken)
            del self._pcm[(self.end - self._taken) * 2 :]

    def take(self, count: int) -> bytes:
        """Remove and return the next `count` samples, with silence in the gaps."""
        pcm = bytes(self._pcm[: count * 2])
        del self._pcm[: count * 2]
        self._taken += count
        return pcm.ljust(count * 2, b"\0")


class FrameArrivals:
    """Removes network jitter from the frames of a sender with a steady rate.

    Frames are placed back to back however they arrive, so a stall followed by a burst leaves no trace. The position is
    realigned to the clock only if every frame of the last second was late (frames were lost) or early (the sender's
    clock runs fast), or, at once, after a second without frames.
    """

    def __init__(self) -> None:
        self._late: deque[int] = deque(maxlen=_WINDOW)

    def place(self, arrived: int, end: int) -> int:
        """Return the start of the frame that arrived at `arrived` and whose predecessor ends at `end` (samples)."""
        late = arrived - end
        if late > _LOST:
            self._late.clear()
            return arrived
        self._late.append(late)
        if len(self._late) < _WINDOW:
            return end
        least, most = min(self._late), max(self._late)
        if most >= -_TOLERANCE and least <= _TOLERANCE:
            return end
        self._late.clear()
        return end + (least if least > _TOLERANCE else most)


class StereoMix:
    """Mix with the caller on the left and our prompts or the other parties on the right, starting at `start_ms`."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._caller = MixTrack()
        self._prompts = MixTrack()
        self._third = MixTrack()
        self._arrivals = FrameArrivals()
        self._tracks: dict[AudioSide, MixTrack] = {"caller": self._caller, "other": self._prompts, "third": self._third}
        self._overheard_arrivals = {side: FrameArrivals() for side in self._tracks}
        self._overheard_at = dict.fromkeys(self._tracks, _NEVER)
        self._taken = 0

    def add_caller(self, at_ms: int, pcm: bytes) -> None:
        """Add a frame of the caller's audio that arrived at `at_ms`."""
        self._caller.put(self._arrivals.place(self._place(at_ms), self._caller.end), pcm)

    def add_overheard(self, at_ms: int, who: AudioSide, pcm: bytes) -> None:
        """Add a frame of the caller or of another party, captured during a transfer."""
        track, arrived = self._tracks[who], self._place(at_ms)
        if arrived - self._overheard_at[who] > _LOST:
            self._overheard_arrivals[who] = FrameArrivals()
            track.put(max(arrived, track.end), pcm)
        else:
            track.put(self._overheard_arrivals[who].place(arrived, track.end), pcm)
        self._overheard_at[who] = arrived

    def add_prompt(self, at_ms: int, pcm: bytes) -> None:
        """Add queued prompt audio: it starts at `at_ms`, or when all audio queued before has been heard."""
        at = self._place(at_ms)
        self._prompts.put(at if at - self._prompts.end > _TOLERANCE else self._prompts.end, pcm)

    def clear(self, at_ms: int) -> None:
        """Discard prompt audio from `at_ms` on: it was never heard."""
        self._prompts.cut(max(0, self._place(at_ms)))

    def settled(self, now_ms: int) -> Iterator[bytes]:
        """Yield the stereo samples that are final at `now_ms`, in chunks of exactly one second."""
        settled = self._place(now_ms - SETTLE_MS) - self._taken
        return self._take(self._taken + settled // SAMPLE_RATE_HZ * SAMPLE_RATE_HZ)

    def rest(self, end_ms: int) -> Iterator[bytes]:
        """Yield all remaining stereo samples up to `end_ms`."""
        return self._take(self._place(end_ms))

    def _place(self, at_ms: int) -> int:
        return (at_ms - self._start_ms) * SAMPLES_PER_MS

    def _take(self, until: int) -> Iterator[bytes]:
        while (count := min(until - self._taken, SAMPLE_RATE_HZ)) > 0:
            self._taken += count
            left, right, third = (np.frombuffer(track.take(count), "<i2") for track in self._tracks.values())
            both = np.clip(right.astype(np.int32) + third, -32768, 32767).astype("<i2")
            yield np.stack((left, both), axis=1).tobytes()
