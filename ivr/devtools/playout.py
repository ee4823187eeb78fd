"""Playout buffer of a softphone: audio and marks, in order. Must not know: sockets, time."""

from __future__ import annotations

from collections import deque

from ivr.telephony.media import FRAME_BYTES


class PlayoutBuffer:
    """A queue of audio and marks read frame by frame; returns silence if it is empty."""

    def __init__(self) -> None:
        self._queue: deque[bytearray | str] = deque()
        self._midway = False
        self.underflows = 0
        """Number of times audio ran out before the mark at its end or a `clear` arrived."""

    @property
    def empty(self) -> bool:
        """Whether no audio is queued."""
        return not any(isinstance(item, bytearray) for item in self._queue)

    def add(self, pcm: bytes) -> None:
        if self._queue and isinstance(last := self._queue[-1], bytearray):
            last += pcm
        else:
            self._queue.append(bytearray(pcm))

    def mark(self, name: str) -> None:
        self._queue.append(name)

    def clear(self) -> None:
        self._queue.clear()
        self._midway = False

    def next(self) -> tuple[bytes, list[str]]:
        """Return the next frame and the marks reached before its last sample."""
        frame, reached = bytearray(), list[str]()
        if self._midway and not self._queue:
            self.underflows += 1
            self._midway = False
        while self._queue and len(frame) < FRAME_BYTES:
            head = self._queue[0]
            self._midway = not isinstance(head, str)
            if isinstance(head, str):
                reached.append(head)
            else:
                room = FRAME_BYTES - len(frame)
                frame += head[:room]
                del head[:room]
            if not head or isinstance(head, str):
                self._queue.popleft()
        return bytes(frame) + bytes(FRAME_BYTES - len(frame)), reached
