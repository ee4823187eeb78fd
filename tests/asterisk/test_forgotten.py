"""The service reconnects to an Asterisk that has forgotten its application while the event socket stayed open."""

from __future__ import annotations

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
                web.put("/ari/applications/huifang@node/eventFilter", self._filter),
                web.get("/ari/channels", self._nothing),
                web.get("/ari/bridges", self._nothing),
                web.get("/ari/applications", self._nothing),
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
