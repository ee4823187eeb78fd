"""The caller's audio of one call, kept a while: a recogniser hears it from before the voice was noticed.

A recogniser that fails is deaf, no more: nothing is heard, and the caller is soon asked for keys instead.
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
"""Audio kept: an answer begun before the prompt's end may be looked at again from its beginning."""


class RecognitionSession:
    """Feeds the present listener, if any, with frames as they come and with those before it."""

    def __init__(self, recognizer: Recognizer, timeout_ms: int) -> None:
        """A result that takes longer than `timeout_ms` is none."""
        self._recognizer = recognizer
        self._timeout_s = timeout_ms / 1000
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=BUFFER_MS // FRAME_MS)
        self._listener: Listener | None = None

    def add_frame(self, at_ms: int, pcm: bytes) -> None:
        """One frame of the caller's audio, ended at `at_ms` on the call's clock."""
        self._frames.append((at_ms, pcm))
        self._feed(pcm)

    def start(self, grammar: Grammar, from_ms: int) -> None:
        """Listen with a grammar to everything from `from_ms` on, in place of any earlier listener."""
        self.stop()
        try:
            self._listener = self._recognizer.listen(grammar)
        except Exception:
            log.exception("nothing can be heard with the grammar of this question")
            return
        self._feed(b"".join(pcm for at_ms, pcm in self._frames if at_ms > from_ms))

    async def hypotheses(self) -> tuple[Hypothesis, ...]:
        """What was said since `start`; nothing when nobody listens."""
        try:
            if self._listener:
                async with asyncio.timeout(self._timeout_s):
                    return tuple(await self._listener.hypotheses())
        except TimeoutError:
            log.warning("the recogniser took longer than %s s", self._timeout_s)
        except Exception:
            log.exception("the recogniser failed")
        return ()

    def stop(self) -> None:
        """Stop listening; the last audio is kept."""
        if self._listener:
            self._listener.close()
            self._listener = None

    def _feed(self, pcm: bytes) -> None:
        try:
            if self._listener:
                self._listener.feed(pcm)
        except Exception:
            log.exception("the recogniser failed")
            self.stop()
