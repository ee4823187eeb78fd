"""A call from the browser phone as a media stream and a call leg.

Must not know: flows, recognisers, sessions, how the socket was opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from itertools import count

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from ivr.events import EndedBy, Value
from ivr.lifecycle import AnsweringParty
from ivr.telephony.browser import wire
from ivr.telephony.browser.limits import PhoneLimits, RateAllowance
from ivr.telephony.browser.send_queue import SendQueue
from ivr.telephony.media import KeyPressed, MarkReached, MediaClosed, MediaEvent
from ivr.telephony.port import Call, HoldWork, TransferRefused
from ivr.transcript import Speaker

CONNECTION_LOST = MediaClosed(by="network", cause="media_lost")
CLEAN_CLOSE_CODES = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)


class BrowserStream:
    """MediaStream over an open WebSocket whose `call` message has been read; `run` sends and receives."""

    def __init__(self, socket: web.WebSocketResponse, limits: PhoneLimits) -> None:
        loop = asyncio.get_running_loop()
        self._socket, self._limits, self._now = socket, limits, loop.time
        self._events: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self._send_queue, self._outgoing = SendQueue(), asyncio.Event()
        self._marks: dict[str, str] = {}  # names of pending marks by their numbers on the wire
        self._mark_numbers = count(1)
        self._closed: asyncio.Future[MediaClosed] = loop.create_future()
        self.fault: wire.WireError | None = None
        """The client's protocol violation, if any."""

    async def events(self) -> AsyncIterator[MediaEvent]:
        while True:
            event = await self._events.get()
            if isinstance(event, MarkReached):
                if event.name not in self._marks:
                    continue
                event = MarkReached(self._marks.pop(event.name))
            yield event
            if isinstance(event, MediaClosed):
                return

    def play(self, pcm: bytes) -> None:
        """Queue audio; a trailing partial frame is padded with silence if no audio follows it in time.

        Raises:
            ValueError: the audio has an odd number of bytes.
        """
        self._send_queue.play(pcm)
        self._outgoing.set()
        if self._send_queue.audio_bytes > self._limits.unplayed_bytes:
            self.end(CONNECTION_LOST)

    def mark(self, name: str) -> None:
        number = str(next(self._mark_numbers))
        self._marks[number] = name
        self.send(wire.MarkMessage(name=number))

    def clear(self) -> None:
        self._marks.clear()
        self._send_queue.clear()
        self._outgoing.set()

    def send(self, message: wire.WireMessage) -> None:
        """Queue a message. `clear` drops marks, but no other messages."""
        self._send_queue.put(message)
        self._outgoing.set()

    def end(self, closed: MediaClosed) -> None:
        """Make `run` return and the events end with `closed`; only the first one counts."""
        if not self._closed.done():
            self._closed.set_result(closed)
            self._events.put_nowait(closed)

    async def run(self) -> MediaClosed:
        """Send and receive messages until the call is over; return how it ended."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        try:
            return await asyncio.shield(self._closed)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        allowance = RateAllowance(self._limits.burst_messages, self._limits.messages_per_s, self._now())
        try:
            async with asyncio.timeout(self._limits.silence_s) as silence:
                while not self._closed.done():
                    message = await self._socket.receive()
                    silence.reschedule(self._now() + self._limits.silence_s)
                    if not allowance.take(self._now()):
                        raise wire.WireError("too many messages", WSCloseCode.POLICY_VIOLATION)
                    self._take(message.type, message.data)
        except TimeoutError:
            self.end(CONNECTION_LOST)
        except wire.WireError as fault:
            self.fault = fault
            self.end(MediaClosed(by="network", cause="protocol"))

    def _take(self, kind: WSMsgType, data: object) -> None:
        if isinstance(data, bytes):
            self._push(wire.decode_frame(data))
        elif isinstance(data, str):
            self._handle_message(wire.decode_client(data))
        elif kind is WSMsgType.CLOSE:
            self.end(MediaClosed(by="caller", cause="normal") if data in CLEAN_CLOSE_CODES else CONNECTION_LOST)
        elif kind is WSMsgType.ERROR and isinstance(data, WebSocketError):
            self.end(MediaClosed(by="network", cause="protocol"))
        else:
            self.end(CONNECTION_LOST)

    def _handle_message(self, message: wire.ClientMessage) -> None:
        match message:
            case wire.KeyPressMessage(digit=digit):
                self._push(KeyPressed(digit))
            case wire.MarkMessage(name=number):
                self._push(MarkReached(number))
            case wire.HangUpMessage():
                self.end(MediaClosed(by="caller", cause="normal"))
            case wire.CallMessage():
                raise wire.WireError("a second call on one socket", WSCloseCode.POLICY_VIOLATION)

    def _push(self, event: MediaEvent) -> None:
        if self._events.qsize() >= self._limits.unread_events:
            self.end(MediaClosed(by="us", cause="failed"))
        elif not self._closed.done():
            self._events.put_nowait(event)

    async def _write(self) -> None:
        try:
            while True:
                await self._outgoing.wait()
                self._outgoing.clear()
                for item in self._send_queue.drain():
                    async with asyncio.timeout(self._limits.stalled_s):
                        await send(self._socket, item)
        except (TimeoutError, ConnectionError):
            self.end(CONNECTION_LOST)


async def send(socket: web.WebSocketResponse, item: bytes | wire.WireMessage) -> None:
    """Send one message, waiting while the client reads none; raise ConnectionError if the socket is gone."""
    if isinstance(item, bytes):
        await socket.send_bytes(item)
    else:
        await socket.send_str(item.encode())


class BrowserCallLeg:
    """CallLeg of a browser phone."""

    def __init__(self, call: Call, media: BrowserStream) -> None:
        self._call, self._media = call, media

    @property
    def call(self) -> Call:
        return self._call

    @property
    def media(self) -> BrowserStream:
        return self._media

    @property
    def answered_by(self) -> AnsweringParty:
        return "unknown"

    async def hang_up(self) -> None:
        self._media.end(MediaClosed(by="us", cause="normal"))

    async def release(self) -> bool:
        """See CallLeg; a browser's socket leads to one node."""
        return False

    def can_reach(self, name: str) -> bool:
        """See CallLeg; always False."""
        return False

    async def hold(self, work: HoldWork, *, overhear: bool = False) -> EndedBy:
        """Refuse to hold the caller: a browser has no music on hold, and nobody can be connected with it.

        Raises:
            TransferRefused: always, with reason `unavailable`.
        """
        raise TransferRefused("unavailable")

    def show(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        """Add a line to the caller's live transcript; `detail` is described in docs/browser-phone.md."""
        self._media.send(wire.TranscriptMessage(who=who, text=text, detail=detail))
