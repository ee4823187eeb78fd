"""Prompt playout into a media stream, with its position tracked so that a prompt can be muted and resumed.

Must not know: prompts' names, questions, turn-taking's rules.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ivr.telephony.media import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ, MediaStream
from ivr.turntaking.voice import SILENT_DBOV

BYTES_PER_MS: Final = SAMPLE_RATE_HZ * 2 // 1000
REWIND_MS: Final = 300
"""A resumed prompt starts this much earlier, so that the interrupted word is heard whole."""
MARK_GRACE_MS: Final = 2_000
"""Time allowed for a prompt's mark beyond the prompt's length."""

MARK_TOLERANCE_MS: Final = 500
"""How early a mark may arrive, to allow for clocks and buffers; an earlier one is ignored as implausible."""


class Tap(Protocol):
    """Receiver of a copy of the audio played; times are ms on the call's clock."""

    def add_prompt(self, at_ms: int, pcm: bytes) -> None:
        """Add audio that the caller hears from `at_ms` on, or after the audio still queued."""

    def clear(self, at_ms: int) -> None:
        """Discard the audio from `at_ms` on: the caller never hears it."""


class Player:
    """Plays one call's prompts: at most one prompt sequence at a time."""

    def __init__(self, media: MediaStream, tap: Tap | None = None) -> None:
        self._media = media
        self.tap = tap
        self._pcm = b""
        self._levels: NDArray[np.float64] = np.empty(0)
        self._started_ms = 0
        self._from_ms = 0
        self._marks = 0
        self._playing = False
        self._stopped = asyncio.Event()

    @property
    def playing(self) -> bool:
        """Whether a prompt is being played, that is, neither muted nor heard to its end."""
        return self._playing

    @property
    def length_ms(self) -> int:
        """Length of the current prompt."""
        return len(self._pcm) // BYTES_PER_MS

    def start(self, at_ms: int, pcm: bytes) -> None:
        """Play `pcm` (8 kHz, 16-bit, mono), replacing the current prompt; `mark_reached` detects its end."""
        self.mute(at_ms)
        self._pcm = pcm
        self._levels = levels_dbov(pcm)
        self._play(at_ms, 0)

    def heard_share(self, at_ms: int) -> float:
        """Return the share of the current prompt heard so far, 0 to 1."""
        played_ms = self._position(at_ms) if self._playing else self._from_ms
        return min(1.0, played_ms / self.length_ms) if self._pcm else 1.0

    def mute(self, at_ms: int) -> None:
        """Stop playing at once; `resume` continues from this position."""
        if not self._playing:
            return
        self._from_ms = self._position(at_ms)
        self._stop()
        self._media.clear()
        if self.tap:
            self.tap.clear(at_ms)

    def resume(self, at_ms: int) -> None:
        """Resume a muted prompt, REWIND_MS before the position where it stopped."""
        self._play(at_ms, max(0, self._from_ms - REWIND_MS))

    def mark_reached(self, at_ms: int, mark: str) -> bool:
        """Return whether this mark is a plausible end of the current prompt, and if so, end the prompt."""
        early = self._position(at_ms) + MARK_TOLERANCE_MS < self.length_ms
        if mark != str(self._marks) or not self._playing or early:
            return False
        self._stop()
        self._from_ms = self.length_ms
        return True

    async def wait_until_heard(self) -> bool:
        """Wait until the current prompt is heard or muted; return False if its mark does not arrive in time."""
        if self._playing:
            try:
                async with asyncio.timeout((self.length_ms + MARK_GRACE_MS) / 1000):
                    await self._stopped.wait()
            except TimeoutError:
                return False
        return True

    def level_dbov(self, at_ms: int) -> float:
        """Return our own prompt's level at `at_ms` in dB relative to full scale; -inf if nothing is playing."""
        frame = self._position(at_ms) // FRAME_MS
        return float(self._levels[frame]) if self._playing and frame < len(self._levels) else SILENT_DBOV

    def _stop(self) -> None:
        self._playing = False
        self._stopped.set()

    def _position(self, at_ms: int) -> int:
        return min(self._from_ms + max(0, at_ms - self._started_ms), self.length_ms)

    def _play(self, at_ms: int, from_ms: int) -> None:
        self._started_ms, self._from_ms = at_ms, from_ms
        self._marks += 1
        self._playing = True
        self._stopped.clear()
        rest = self._pcm[from_ms * BYTES_PER_MS :]
        self._media.play(rest)
        self._media.mark(str(self._marks))
        if self.tap:
            self.tap.add_prompt(at_ms, rest)


def levels_dbov(pcm: bytes) -> NDArray[np.float64]:
    """Return the RMS level of each whole 20 ms frame in dB relative to full scale; -inf for digital silence."""
    whole = len(pcm) // FRAME_BYTES * FRAME_BYTES
    frames = np.frombuffer(pcm[:whole], np.int16).reshape(-1, FRAME_BYTES // 2).astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) / 32768))
