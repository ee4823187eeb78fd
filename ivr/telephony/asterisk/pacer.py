"""Pacing of messages to Asterisk's WebSocket channel: sans-I/O, with the time passed in.

Audio is sent in whole frames and at most MAX_AHEAD_S ahead of playout: Asterisk requests a pause at 900 queued frames
and silently drops frames beyond 1000. Must not know: sockets, clocks, calls.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Final

from ivr.telephony.media import FRAME_BYTES, FRAME_MS

MAX_AHEAD_S: Final = 10.0
"""How far ahead of playout audio is sent; a stall of ours of up to this length is inaudible."""
CHUNK_BYTES: Final = 10 * FRAME_BYTES
PAD_THRESHOLD_S: Final = 0.06
"""A trailing partial frame is padded with silence once no more than this is left to play before it."""
MIN_WAIT_S: Final = 0.001
FRAME_S: Final = FRAME_MS / 1000


def command(name: str, **fields: str) -> str:
    """Return a command of the WebSocket channel as JSON (at most 128 bytes, or Asterisk ignores it)."""
    return json.dumps({"command": name, **fields})


class MediaPacer:
    """Queued audio and marks of one call."""

    def __init__(self) -> None:
        self._queue: deque[bytearray | str] = deque()
        self._commands: deque[str] = deque([command("START_MEDIA_BUFFERING")])
        self._names: dict[str, str] = {}
        self._marks = 0
        self._heard_until = 0.0
        self._paused = False

    def play(self, pcm: bytes) -> None:
        """Queue audio."""
        if not pcm:
            return
        if self._queue and isinstance(last := self._queue[-1], bytearray):
            last += pcm
        else:
            self._queue.append(bytearray(pcm))

    def mark(self, name: str) -> None:
        """Queue a mark."""
        self._queue.append(name)

    def clear(self) -> None:
        """Drop everything, here and in Asterisk. FLUSH_MEDIA also ends buffering, so restart it."""
        self._queue.clear()
        self._names.clear()
        self._heard_until = 0.0
        self._paused = False
        self._commands.clear()
        self._commands += (command("FLUSH_MEDIA"), command("START_MEDIA_BUFFERING"))

    def pause(self) -> None:
        """Stop sending: Asterisk's queue is full (MEDIA_XOFF)."""
        self._paused = True

    def resume(self) -> None:
        """Resume sending: Asterisk's queue has room again (MEDIA_XON)."""
        self._paused = False

    def mark_name(self, correlation_id: str) -> str | None:
        """Return the name of the mark reported by Asterisk, and forget it; None if it was cleared."""
        return self._names.pop(correlation_id, None)

    def take(self, now: float) -> bytes | str | None:
        """Return the next message to send at `now` (s): audio or a command; None if nothing is due."""
        if self._commands:
            return self._commands.popleft()
        if not self._queue or self._paused:
            return None
        head = self._queue[0]
        if isinstance(head, str):
            self._queue.popleft()
            self._marks += 1
            self._names[str(self._marks)] = head
            return command("MARK_MEDIA", correlation_id=str(self._marks))
        if self.wait(now) != 0:
            return None
        return self._next_audio(head, now)

    def wait(self, now: float) -> float | None:
        """Return the time until a message is due (s); None if that needs new input or Asterisk's MEDIA_XON first."""
        if self._commands:
            return 0
        if not self._queue or self._paused:
            return None
        ahead = max(0.0, self._heard_until - now)
        head = self._queue[0]
        part = len(self._queue) == 1 and isinstance(head, bytearray) and len(head) < FRAME_BYTES
        pause = ahead - (PAD_THRESHOLD_S if part else MAX_AHEAD_S)
        return pause if pause > MIN_WAIT_S else 0

    def _next_audio(self, head: bytearray, now: float) -> bytes:
        if len(head) < FRAME_BYTES:
            self._queue.popleft()
            audio = bytes(head).ljust(FRAME_BYTES, b"\0")
        else:
            audio = bytes(head[: min(CHUNK_BYTES, len(head) // FRAME_BYTES * FRAME_BYTES)])
            del head[: len(audio)]
            if not head:
                self._queue.popleft()
        self._heard_until = max(self._heard_until, now) + len(audio) / FRAME_BYTES * FRAME_S
        return audio
