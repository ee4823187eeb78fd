"""ARI's event socket, made by us or by Asterisk: either way an endless, ordered supply of events.

Must not know: what follows from an event; requests.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import random
from collections.abc import AsyncIterator
from typing import Final, Protocol

import aiohttp
from aiohttp import web

from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.ari_events import AriConnected, AriDisconnected, AriEvent, read

log = logging.getLogger(__name__)

MIN_RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 10.0
STABLE_AFTER_S: Final = 10.0
"""A socket that held so long was a good one: the next retry begins with MIN_RETRY_S again."""
HEARTBEAT_S: Final = 5.0

Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class EventSource(Protocol):
    """Where ARI events come from."""

    def events(self) -> AsyncIterator[AriEvent]:
        """Events without end; Connected and Disconnected tell how things stand. To be iterated once."""


class OutgoingEventSocket:
    """The socket that we open to Asterisk, and open again, with growing pauses, whenever it breaks."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari

    async def events(self) -> AsyncIterator[AriEvent]:
        """See EventSource."""
        loop = asyncio.get_running_loop()
        delay = MIN_RETRY_S
        while True:
            started, connected = loop.time(), False
            try:
                async with self._ari.http.ws_connect(
                    f"{self._ari.url}/events", params={"app": self._ari.app}, heartbeat=HEARTBEAT_S, max_msg_size=0
                ) as socket:
                    connected = True
                    yield AriConnected()
                    async for event in _read_all(socket):
                        yield event
                log.warning("Asterisk has closed the event socket")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("no event socket to Asterisk: %s", error or type(error).__name__)
            if connected:
                yield AriDisconnected()
            if loop.time() - started > STABLE_AFTER_S:
                delay = MIN_RETRY_S
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, guards nothing)
            delay = min(delay * 2, MAX_RETRY_S)


class IncomingEventSocket:
    """The socket that Asterisk opens to us (`events: asterisk_connects`); `handle` is its route."""

    def __init__(self, login: SocketLogin) -> None:
        self._login = login
        self._arrived: asyncio.Queue[AriEvent] = asyncio.Queue()
        self._current: web.WebSocketResponse | None = None

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Take Asterisk's connection and hold it as long as it lasts."""
        self._login.check(request)
        socket = web.WebSocketResponse(protocols=("ari",), heartbeat=HEARTBEAT_S, max_msg_size=0)
        await socket.prepare(request)
        self._current = socket
        self._arrived.put_nowait(AriConnected())
        try:
            async for event in _read_all(socket):
                self._arrived.put_nowait(event)
        finally:
            if self._current is socket:
                self._arrived.put_nowait(AriDisconnected())
        return socket

    async def events(self) -> AsyncIterator[AriEvent]:
        """See EventSource."""
        while True:
            yield await self._arrived.get()


class SocketLogin:
    """The name and password that Asterisk presents when it opens a socket to us."""

    def __init__(self, user: str, password: str) -> None:
        self._expected = aiohttp.encode_basic_auth(user, password).encode()

    def check(self, request: web.Request) -> None:
        """Let a request pass.

        Raises:
            aiohttp.web.HTTPUnauthorized: it did not present them.
        """
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._expected):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="asterisk"'})


async def _read_all(socket: Socket) -> AsyncIterator[AriEvent]:
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        try:
            event = read(message.data)
        except ValueError as error:
            log.error("%s", error)
            continue
        if event is not None:
            yield event
