"""ARI's event socket: an endless, ordered stream of events.

Must not know: how events are handled; requests.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Final

import aiohttp

from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.ari_events import AriConnected, AriDisconnected, AriEvent, read

log = logging.getLogger(__name__)

MIN_RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 10.0
STABLE_AFTER_S: Final = 10.0
"""Connection time after which the back-off is reset to MIN_RETRY_S."""
HEARTBEAT_S: Final = 5.0


class EventSocket:
    """The event socket of our application: an endless stream of events, reconnecting with exponential back-off."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def events(self) -> AsyncIterator[AriEvent]:
        """Iterate over events without end, including AriConnected and AriDisconnected. May be iterated only once."""
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
        """Close the present socket, so that a new one is opened."""
        if self._socket:
            await self._socket.close()


async def _read_all(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[AriEvent]:
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
