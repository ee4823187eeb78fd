"""The media stream of a call over the scripted network. Must not know: who is connected with it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from ivr.events import EndedBy
from ivr.telephony.media import (
    FRAME_BYTES,
    AudioFrame,
    KeyPressed,
    MarkReached,
    MediaClosed,
    MediaEvent,
    OverheardAudio,
    PartiesChanged,
)


class ScriptedStream:
    """Implements ivr.telephony.media.MediaStream; a party of the exchange."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self._queue: deque[bytearray | str] = deque()
        self._played = asyncio.Event()
        self._closed = False

    async def events(self) -> AsyncIterator[MediaEvent]:
        """See MediaStream."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, MediaClosed):
                return

    def play(self, pcm: bytes) -> None:
        """See MediaStream."""
        if self._queue and isinstance(last := self._queue[-1], bytearray):
            last += pcm
        elif pcm:
            self._queue.append(bytearray(pcm))
        self._played.clear()

    def mark(self, name: str) -> None:
        """See MediaStream."""
        self._queue.append(name)

    def clear(self) -> None:
        """See MediaStream."""
        self._queue.clear()
        self._played.set()

    async def play_and_wait(self, pcm: bytes) -> None:
        """Play audio and wait until it is heard or cleared."""
        if pcm:
            self.play(pcm)
            await self._played.wait()

    def push(self, event: KeyPressed | OverheardAudio | PartiesChanged) -> None:
        """Deliver an event of the call."""
        if not self._closed:
            self._events.put_nowait(event)

    def close(self, by: EndedBy, cause: str) -> None:
        """Deliver the end of the call; only the first one counts."""
        if not self._closed:
            self._closed = True
            self._events.put_nowait(MediaClosed(by, cause))

    def speak(self) -> bytes:
        """See Party. Everything taken before has been heard by now."""
        frame = bytearray()
        while self._queue and len(frame) < FRAME_BYTES:
            head = self._queue[0]
            if isinstance(head, str):
                if frame:
                    break
                self._queue.popleft()
                self._push_mark(head)
                continue
            room = FRAME_BYTES - len(frame)
            frame += head[:room]
            del head[:room]
            if not head:
                self._queue.popleft()
        if not frame:
            self._played.set()
        return bytes(frame.ljust(FRAME_BYTES, b"\0")) if frame else b""

    def hear(self, frame: bytes) -> None:
        """See Party."""
        if not self._closed:
            self._events.put_nowait(AudioFrame(frame))

    def _push_mark(self, name: str) -> None:
        if not self._closed:
            self._events.put_nowait(MarkReached(name))
