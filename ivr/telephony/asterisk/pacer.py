"""What is still to be said to Asterisk's WebSocket channel, and when: sans-I/O, with the time handed in.

Audio goes out in whole frames and at most MAX_AHEAD_S ahead of what is heard: Asterisk asks for a pause at 900 queued frames
and silently drops what comes past 1000. Must not know: sockets, clocks, calls.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Final

from ivr.telephony.media import FRAME_BYTES, FRAME_MS

MAX_AHEAD_S: Final = 10.0
"""How far ahead audio is sent; so long a stall of ours goes unheard."""
CHUNK_BYTES: Final = 10 * FRAME_BYTES
PAD_THRESHOLD_S: Final = 0.06
"""A last part of a frame is filled up with silence once no more than this is left to be heard before it."""
MIN_WAIT_S: Final = 0.001
FRAME_S: Final = FRAME_MS / 1000


def command(name: str, **fields: str) -> str:
    """One command of the WebSocket channel, in its JSON form (at most 128 bytes, or Asterisk ignores it)."""
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
        """Drop everything, here and there. FLUSH_MEDIA also ends the buffering, so that begins anew."""
        self._queue.clear()
        self._names.clear()
        self._heard_until = 0.0
        self._paused = False
        self._commands.clear()
        self._commands += (command("FLUSH_MEDIA"), command("START_MEDIA_BUFFERING"))

    def pause(self) -> None:
        """Asterisk's queue is full (MEDIA_XOFF)."""
        self._paused = True

    def resume(self) -> None:
        """There is room again (MEDIA_XON)."""
        self._paused = False

    def mark_name(self, correlation_id: str) -> str | None:
        """The name of the mark that Asterisk reports; None for one that was cleared."""
        return self._names.pop(correlation_id, None)

    def take(self, now: float) -> bytes | str | None:
        """The next message to send at the time `now` (s): audio, or a command; None when nothing is due."""
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
        """How long until something is due (s); None: not before something is queued or Asterisk says so."""
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
