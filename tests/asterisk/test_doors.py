"""Refused requests, and what is odd on the media socket."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.stream import AsteriskStream
from tests.ports import PORTS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]


async def test_a_refused_request_gives_method_path_and_reason(service):
    with pytest.raises(AriRefused, match=r"POST /channels/none/answer: 404 Channel not found"):
        await service.ari.answer("none")


async def test_an_unreachable_asterisk_is_no_refusal():
    async with Ari(f"http://127.0.0.1:{PORTS.one()}/ari", "user", "password", "app") as ari:
        with pytest.raises(AriUnreachable, match="GET /channels"):
            await ari.channels()


async def test_hanging_up_a_missing_channel_is_harmless(service):
    await service.ari.hang_up("none")
    await service.ari.destroy_bridge("none")
    await service.ari.stop_music("none")


@pytest.mark.parametrize("text", ["nonsense", "{}", "[]", '{"event": "MEDIA_MARK_PROCESSED"}', '{"event": 5}'])
async def test_invalid_messages_on_the_media_socket_are_harmless(text):
    stream, commands = AsteriskStream(), asyncio.Queue()

    async def serve(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(text)
        await socket.send_bytes(b"odd")
        await socket.send_str('{"event": "MEDIA_START"}')
        commands.put_nowait(await socket.receive_json(timeout=5))
        return socket

    application = web.Application()
    application.add_routes([web.get("/", serve)])
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.make_url("/")) as socket,
    ):
        await stream.serve(socket)
    assert await commands.get() == {"command": "START_MEDIA_BUFFERING"}
    assert stream.ready.is_set() and stream.broken.is_set()
