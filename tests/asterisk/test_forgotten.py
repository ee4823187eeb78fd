"""The service reconnects to an Asterisk that has forgotten its application while the event socket stayed open."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.asterisk.conftest import make_secrets, make_site
from tests.asterisk.service import AdapterFixture

pytestmark = pytest.mark.asyncio(loop_scope="session")


class FakeAri:
    """The part of ARI that a connecting service uses; it knows the application only from the second event socket on."""

    def __init__(self) -> None:
        self.sockets = 0
        self.asked = 0

    def server(self) -> TestServer:
        """The server of this ARI."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/ari/events", self._events),
                web.put("/ari/applications/huifang/eventFilter", self._filter),
                web.get("/ari/channels", self._nothing),
                web.get("/ari/bridges", self._nothing),
            ]
        )
        return TestServer(application)

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        self.sockets += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def _filter(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.sockets < 2:
            return web.json_response({"message": "Application not found"}, status=404)
        return web.Response(status=204)

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.json_response([])


async def test_the_service_reconnects_its_own_event_socket() -> None:
    asterisk = FakeAri()
    site, passwords = make_site(), make_secrets()
    async with asterisk.server() as server, AdapterFixture(site, passwords, str(server.make_url("/ari"))) as service:
        assert service.asterisk.connected.is_set()
    assert (asterisk.sockets, asterisk.asked) == (2, 2)


async def test_an_event_socket_made_by_asterisk_is_closed_so_that_asterisk_reconnects() -> None:
    asterisk, site, passwords = FakeAri(), make_site(events="asterisk_connects"), make_secrets()
    login = {"Authorization": aiohttp.encode_basic_auth(site.app, passwords.media)}

    async def connects() -> None:
        """Connect as Asterisk does, and again whenever the socket closes."""
        async with aiohttp.ClientSession(headers=login) as http:
            while True:
                try:
                    async with http.ws_connect(f"{site.service}/asterisk/events", protocols=("ari",)) as socket:
                        asterisk.sockets += 1
                        async for _ in socket:
                            pass
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)

    connecting = asyncio.create_task(connects())
    try:
        async with (
            asterisk.server() as server,
            AdapterFixture(site, passwords, str(server.make_url("/ari"))) as service,
        ):
            assert service.asterisk.connected.is_set()
            assert (asterisk.sockets, asterisk.asked) == (2, 2)
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
