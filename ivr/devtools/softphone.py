"""A Python client for the browser phone's socket: runs in real time and records both sides on one timeline.

Must not know: the server's internals, flows, recognisers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from ivr.devtools.playout import PlayoutBuffer
from ivr.devtools.timeline import SOUND, CallTimeline, Samples, SoundSpan
from ivr.events import Value
from ivr.telephony.browser import wire
from ivr.telephony.media import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ

FRAME_S = FRAME_MS / 1000
HANG_UP_TIMEOUT_S = 5


class CallRefused(Exception):
    """The server did not answer the call; the message gives the reason."""


class CallOver(Exception):
    """The call ended before the awaited condition was met."""


@dataclass(slots=True)
class _Utterance:
    pcm: bytearray
    start: int | None = None
    said: asyncio.Future[SoundSpan] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@asynccontextmanager
async def dial(
    url: str, flow: str, language: str, variables: Mapping[str, Value] | None = None, token: str | None = None
) -> AsyncIterator[Softphone]:
    """Call `flow` at a server's socket (`http://127.0.0.1:8080/phone/socket`); hang up at the end of the block.

    Raises:
        CallRefused: the server responded with an error or closed the socket.
        aiohttp.ClientError: the server is unreachable or requires a token.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with ClientSession(headers=headers) as session, session.ws_connect(url) as socket:
        request = wire.CallMessage(
            version=wire.VERSION, flow=flow, language=language, rate=SAMPLE_RATE_HZ, variables=dict(variables or {})
        )
        await socket.send_str(request.encode())
        first = await socket.receive()
        answer = wire.decode_server(first.data) if first.type is WSMsgType.TEXT else None
        if not isinstance(answer, wire.AnsweredMessage):
            raise CallRefused(
                answer.reason if isinstance(answer, wire.ErrorMessage) else "the server closed the socket"
            )
        phone = Softphone(session, socket, answer.call)
        running = asyncio.create_task(phone.run())
        try:
            yield phone
            if not phone.over:
                await phone.hang_up()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class Softphone:
    """One call. Every 20 ms it sends a frame (silence if nothing is queued) and plays one."""

    def __init__(self, session: ClientSession, socket: ClientWebSocketResponse, call: str) -> None:
        loop = asyncio.get_running_loop()
        self.call = call
        """The server's id of the call."""
        self.marks: list[tuple[str, int]] = []
        """The marks reached, each with its position on the timeline."""
        self.max_tick_delay_ms = 0.0
        """Maximum delay of a 20 ms tick: the error that this process adds to a measurement."""
        self._session, self._socket, self._now = session, socket, loop.time
        self._began = loop.time()
        self._utterances: deque[_Utterance] = deque()
        self._playout = PlayoutBuffer()
        self._said, self._heard = bytearray(), bytearray(FRAME_BYTES)
        self._last_sound = 0
        self._sounded = False
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._transcript: asyncio.Queue[wire.TranscriptMessage | None] = asyncio.Queue()
        self._ended: asyncio.Future[wire.EndedMessage] = loop.create_future()

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self._ended.done()

    @property
    def underflows(self) -> int:
        """Number of times a prompt was interrupted because its audio arrived late."""
        return self._playout.underflows

    @property
    def position(self) -> int:
        """Current position on the timeline (samples)."""
        return round((self._now() - self._began + FRAME_S) * SAMPLE_RATE_HZ)

    @property
    def timeline(self) -> CallTimeline:
        """Audio sent and heard so far.

        A sent frame covers the 20 ms before it is sent; a heard frame covers the 20 ms after it is played.
        """
        return CallTimeline(np.frombuffer(bytes(self._said), "<i2"), np.frombuffer(bytes(self._heard), "<i2"))

    @property
    def loud_until(self) -> float:
        """The moment of the last sound heard, on the event loop's clock."""
        return self._began + self._last_sound / SAMPLE_RATE_HZ

    def last(self, seconds: float, until: float) -> Samples:
        """Return what was heard in so many seconds before a moment of the event loop's clock."""
        end = max(0, round((until - self._began) * SAMPLE_RATE_HZ)) * 2
        start = max(0, end - round(seconds * SAMPLE_RATE_HZ) * 2)
        return np.frombuffer(bytes(self._heard[start:end]), "<i2")

    def moment(self, position: int) -> float:
        """Return a position on the timeline (samples) as a moment of the event loop's clock."""
        return self._began + position / SAMPLE_RATE_HZ

    def say(self, pcm: bytes) -> asyncio.Future[SoundSpan]:
        """Queue audio to be sent after the audio already queued, starting with the next frame.

        The future resolves to its span once the last sample is sent, or raises CallOver if the call ends first.
        """
        utterance = _Utterance(bytearray(pcm))
        if self.over:
            _fail(utterance.said)
        else:
            self._utterances.append(utterance)
        return utterance.said

    async def press(self, digit: str) -> int:
        """Press a key (0-9, *, #); return its position on the timeline."""
        await self._send(wire.KeyPressMessage(digit=digit))
        return self.position

    async def hang_up(self) -> wire.EndedMessage:
        """Hang up and wait for the server's confirmation. No effect if the call is over."""
        with suppress(ConnectionError):
            await self._send(wire.HangUpMessage())
        async with asyncio.timeout(HANG_UP_TIMEOUT_S):
            return await self.ended()

    async def cut(self) -> None:
        """Drop the connection without hanging up."""
        await self._session.close()

    async def ended(self) -> wire.EndedMessage:
        """Wait for the end of the call."""
        return await asyncio.shield(self._ended)

    async def heard_quiet(self, ms: int) -> int:
        """Wait until a prompt has been heard, nothing is queued for playout and `ms` of silence have passed.

        Only sound since the previous return counts. Return the position of the prompt's last sound (samples).

        Raises:
            CallOver: the call ended first.
        """
        await self._wait_until(
            lambda: self._sounded and self._playout.empty and len(self._heard) // 2 - self._last_sound >= ms * 8
        )
        self._sounded = False
        return self._last_sound

    async def heard_sound(self) -> None:
        """Wait for sound that heard_quiet has not yet reported; raise CallOver if the call ends first."""
        await self._wait_until(lambda: self._sounded)

    async def transcript(self) -> AsyncIterator[wire.TranscriptMessage]:
        """Iterate over the live transcript's lines until the call ends. Supports one reader."""
        while (line := await self._transcript.get()) is not None:
            yield line

    async def run(self) -> None:
        """Run the call until it ends; started by `dial`."""
        speaking = asyncio.create_task(self._run_clock())
        try:
            await self._receive()
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            self._end(wire.EndedMessage(by="network", cause="media_lost"))

    async def _run_clock(self) -> None:
        self._began = self._now()
        tick = 0
        while True:
            due = self._began + tick * FRAME_S
            wait = due - self._now()
            if wait > 0:
                await asyncio.sleep(wait)
            self.max_tick_delay_ms = max(self.max_tick_delay_ms, (self._now() - due) * 1000)
            await self._tick()
            tick += 1

    async def _tick(self) -> None:
        self._wake_waiters()
        spoken = self._next_spoken()
        self._said += spoken
        heard, marks = self._playout.next()
        start = len(self._heard) // 2
        self._heard += heard
        self.marks += [(name, start) for name in marks]
        if (loud := np.flatnonzero(np.abs(np.frombuffer(heard, "<i2").astype(np.int32)) >= SOUND)).size:
            self._sounded = True
            self._last_sound = start + int(loud[-1]) + 1
        await self._socket.send_bytes(spoken)
        for name in marks:
            await self._send(wire.MarkMessage(name=name))

    def _wake_waiters(self) -> None:
        for waiter in [waiter for waiter in self._waiting if waiter[0]()]:
            self._waiting.remove(waiter)
            if not waiter[1].done():
                waiter[1].set_result(None)

    def _next_spoken(self) -> bytes:
        frame = bytearray()
        while self._utterances and len(frame) < FRAME_BYTES:
            now = self._utterances[0]
            position = (len(self._said) + len(frame)) // 2
            now.start = position if now.start is None else now.start
            room = FRAME_BYTES - len(frame)
            frame += now.pcm[:room]
            del now.pcm[:room]
            if not now.pcm:
                self._utterances.popleft()
                if not now.said.done():
                    now.said.set_result(SoundSpan(now.start, (len(self._said) + len(frame)) // 2))
        return bytes(frame) + bytes(FRAME_BYTES - len(frame))

    async def _receive(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                self._playout.add(message.data)
            elif message.type is WSMsgType.TEXT:
                self._handle_message(wire.decode_server(message.data))

    def _handle_message(self, message: wire.ServerMessage) -> None:
        match message:
            case wire.MarkMessage(name=name):
                self._playout.mark(name)
            case wire.ClearMessage():
                self._playout.clear()
            case wire.TranscriptMessage():
                self._transcript.put_nowait(message)
            case wire.EndedMessage():
                self._end(message)
            case wire.ErrorMessage():
                self._end(wire.EndedMessage(by="network", cause="protocol"))

    def _end(self, how: wire.EndedMessage) -> None:
        if self._ended.done():
            return
        self._ended.set_result(how)
        self._transcript.put_nowait(None)
        for utterance in self._utterances:
            _fail(utterance.said)
        for _, waiter in self._waiting:
            _fail(waiter)

    async def _wait_until(self, met: Callable[[], bool]) -> None:
        if met():
            return
        if self.over:
            raise CallOver
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((met, waiter))
        await waiter

    async def _send(self, message: wire.WireMessage) -> None:
        await self._socket.send_str(message.encode())


def _fail(future: asyncio.Future[SoundSpan] | asyncio.Future[None]) -> None:
    """Fail a future with CallOver, without requiring anyone to await it."""
    if not future.done():
        future.set_exception(CallOver())
        future.exception()
