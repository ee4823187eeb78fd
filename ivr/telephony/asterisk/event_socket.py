"""ARI's event socket, opened by us or by Asterisk: in both cases an endless, ordered stream of events.

Must not know: how events are handled; requests.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Final, Protocol

import aiohttp
from aiohttp import web

from ivr.credential import matches
from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.ari_events import AriConnected, AriDisconnected, AriEvent, read

log = logging.getLogger(__name__)

MIN_RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 10.0
STABLE_AFTER_S: Final = 10.0
"""Connection time after which the back-off is reset to MIN_RETRY_S."""
HEARTBEAT_S: Final = 5.0

Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class EventSource(Protocol):
    """Source of ARI events."""

    def events(self) -> AsyncIterator[AriEvent]:
        """Iterate over events without end, including AriConnected and AriDisconnected. May be iterated only once."""

    async def renew(self) -> None:
        """Close the present socket, so that a new one is opened."""


class OutgoingEventSocket:
    """Event socket that we open to Asterisk, reconnecting with exponential back-off."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari
        self._socket: aiohttp.ClientWebSocketResponse | None = None

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
                    connected, self._socket = True, socket
                    yield AriConnected()
                    async for event in _read_all(socket):
                        yield event
                log.warning("Asterisk closed the event socket; reconnecting")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                log.warning("event socket to Asterisk failed, retrying: %s", error or type(error).__name__)
            if connected:
                yield AriDisconnected()
            if loop.time() - started > STABLE_AFTER_S:
                delay = MIN_RETRY_S
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, guards nothing)
            delay = min(delay * 2, MAX_RETRY_S)

    async def renew(self) -> None:
        """See EventSource."""
        if self._socket:
            await self._socket.close()


class IncomingEventSocket:
    """Event socket that Asterisk opens to us (`events: asterisk_connects`); `handle` is its route handler."""

    def __init__(self, login: SocketLogin) -> None:
        self._login = login
        self._arrived: asyncio.Queue[AriEvent] = asyncio.Queue()
        self._current: web.WebSocketResponse | None = None

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Accept Asterisk's connection and read events until it closes."""
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

    async def renew(self) -> None:
        """See EventSource."""
        if self._current:
            await self._current.close()


class SocketLogin:
    """Basic-auth credentials that Asterisk presents when it opens a socket to us."""

    def __init__(self, user: str, password: str) -> None:
        self._expected = aiohttp.encode_basic_auth(user, password)

    def check(self, request: web.Request) -> None:
        """Check a request's credentials.

        Raises:
            aiohttp.web.HTTPUnauthorized: the credentials are missing or wrong.
        """
        if not matches(request.headers.get("Authorization", ""), self._expected):
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
