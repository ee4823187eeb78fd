"""One call's audio over Asterisk's WebSocket channel (chan_websocket, JSON control messages, 8 kHz linear audio).

DTMF is taken from ARI, not from here: Asterisk reports each key on both. Must not know: bridges, ARI, flows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import ClientWebSocketResponse, WSMsgType

from ivr.events import EndedBy
from ivr.telephony.asterisk.pacer import MediaPacer
from ivr.telephony.media import (
    FRAME_BYTES,
    AudioFrame,
    CallReleased,
    KeyPressed,
    MarkReached,
    MediaClosed,
    MediaEvent,
    OverheardAudio,
    PartiesChanged,
)

log = logging.getLogger(__name__)

PLAYED: Final = "\0played"


class AsteriskStream:
    """Implements ivr.telephony.media.MediaStream. The caller's input is dropped unless `listening` is set."""

    def __init__(self) -> None:
        self.listening = False
        self.ready = asyncio.Event()
        """Set once Asterisk has started the stream."""
        self.broken = asyncio.Event()
        """Set once the socket is closed."""
        self._pacer = MediaPacer()
        self._wake = asyncio.Event()
        self._arrived: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self._partial = bytearray()
        self._played: asyncio.Future[None] | None = None
        self._closed = False

    async def events(self) -> AsyncIterator[MediaEvent]:
        """See MediaStream."""
        while True:
            event = await self._arrived.get()
            yield event
            if isinstance(event, MediaClosed | CallReleased):
                return

    def play(self, pcm: bytes) -> None:
        """See MediaStream."""
        self._pacer.play(pcm)
        self._wake.set()

    def mark(self, name: str) -> None:
        """See MediaStream."""
        self._pacer.mark(name)
        self._wake.set()

    def clear(self) -> None:
        """See MediaStream."""
        self._pacer.clear()
        self._wake.set()

    async def play_and_wait(self, pcm: bytes) -> None:
        """Play audio and wait until it is heard."""
        self._played = asyncio.get_running_loop().create_future()
        self.play(pcm)
        self.mark(PLAYED)
        await self._played

    def push_key(self, digit: str) -> None:
        """Deliver a DTMF key of the caller."""
        if self.listening:
            self._arrived.put_nowait(KeyPressed(digit))

    def push(self, event: OverheardAudio | PartiesChanged) -> None:
        """Deliver audio or a party change of a transferred call."""
        if not self._closed:
            self._arrived.put_nowait(event)

    def release(self) -> None:
        """Deliver that the call goes on without this stream; see `close`."""
        if not self._closed:
            self._closed = True
            self._arrived.put_nowait(CallReleased())

    def close(self, by: EndedBy, cause: str) -> None:
        """Deliver the end of the call; only the first one counts."""
        if not self._closed:
            self._closed = True
            self._arrived.put_nowait(MediaClosed(by, cause))

    async def serve(self, socket: ClientWebSocketResponse) -> None:
        """Send and receive over Asterisk's socket until it closes; close it if cancelled."""
        sending = asyncio.create_task(self._send(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    self._take_audio(message.data)
                elif message.type is WSMsgType.TEXT:
                    self._take_control(message.data)
        finally:
            sending.cancel()
            self.broken.set()
            await socket.close()

    async def _send(self, socket: ClientWebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        await self.ready.wait()
        while not socket.closed:
            self._wake.clear()
            while (message := self._pacer.take(loop.time())) is not None:
                try:
                    await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
                except ConnectionError:
                    return
            try:
                await asyncio.wait_for(self._wake.wait(), self._pacer.wait(loop.time()))
            except TimeoutError:
                continue

    def _take_audio(self, pcm: bytes) -> None:
        if not self.listening or self._closed:
            return
        self._partial += pcm
        whole = len(self._partial) // FRAME_BYTES * FRAME_BYTES
        for start in range(0, whole, FRAME_BYTES):
            self._arrived.put_nowait(AudioFrame(bytes(self._partial[start : start + FRAME_BYTES])))
        del self._partial[:whole]

    def _take_control(self, text: str) -> None:
        try:
            message = json.loads(text)
            kind = message["event"]
        except (ValueError, TypeError, KeyError):
            log.error("unexpected message on Asterisk's WebSocket channel: %.80s", text)
            return
        if kind == "MEDIA_START":
            self.ready.set()
        elif kind == "MEDIA_XOFF":
            self._pacer.pause()
        elif kind == "MEDIA_XON":
            self._pacer.resume()
            self._wake.set()
        elif kind == "MEDIA_MARK_PROCESSED":
            name = self._pacer.mark_name(str(message.get("correlation_id")))
            if name == PLAYED and self._played and not self._played.done():
                self._played.set_result(None)
            elif name is not None and not self._closed:
                self._arrived.put_nowait(MarkReached(name))
