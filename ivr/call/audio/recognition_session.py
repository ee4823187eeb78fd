"""Recognition on one call, with a buffer of recent audio so that a recogniser also gets audio from before voice onset.

A recogniser failure yields no hypotheses, so the flow soon falls back to DTMF.
Must not know: questions, turn-taking's rules, networks.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from ivr.telephony.media import FRAME_MS
from recognizer.base import Grammar, Hypothesis, Listener, Recognizer

log = logging.getLogger(__name__)

BUFFER_MS: Final = 8_000
"""Length of the audio buffer: an answer begun before the prompt's end may be decoded again from its beginning."""


class RecognitionSession:
    """Feeds the current listener, if any, with buffered and incoming frames."""

    def __init__(self, recognizer: Recognizer, timeout_ms: int) -> None:
        """Create a session; a result that takes longer than `timeout_ms` counts as empty."""
        self._recognizer = recognizer
        self._timeout_s = timeout_ms / 1000
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=BUFFER_MS // FRAME_MS)
        self._listener: Listener | None = None

    def add_frame(self, at_ms: int, pcm: bytes) -> None:
        """Add a frame of the caller's audio that ended at `at_ms` on the call's clock."""
        self._frames.append((at_ms, pcm))
        self._feed(pcm)

    def start(self, grammar: Grammar, from_ms: int) -> None:
        """Start recognition with a grammar on all audio from `from_ms` on, replacing any earlier listener."""
        self.stop()
        try:
            self._listener = self._recognizer.listen(grammar)
        except Exception:
            log.exception("the recogniser cannot listen with this question's grammar")
            return
        self._feed(b"".join(pcm for at_ms, pcm in self._frames if at_ms > from_ms))

    async def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Return the hypotheses for the audio since `start`; empty without a listener, on timeout or on failure."""
        try:
            if self._listener:
                async with asyncio.timeout(self._timeout_s):
                    return tuple(await self._listener.hypotheses())
        except TimeoutError:
            log.warning("recogniser timed out after %s s", self._timeout_s)
        except Exception:
            log.exception("recogniser failed")
        return ()

    def stop(self) -> None:
        """Stop recognition; the audio buffer is kept."""
        if self._listener:
            self._listener.close()
            self._listener = None

    def _feed(self, pcm: bytes) -> None:
        try:
            if self._listener:
                self._listener.feed(pcm)
        except Exception:
            log.exception("recogniser failed")
            self.stop()
