"""Access to the service's sockets for Asterisk, and the text of refused requests."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.stream import MediaSockets
from tests.ports import PORTS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]


async def status(url, **login):
    headers = {"Authorization": aiohttp.encode_basic_auth(**login)} if login else {}
    async with aiohttp.ClientSession() as http, http.get(url.replace("ws:", "http:"), headers=headers) as answer:
        return answer.status


async def test_media_is_accepted_only_with_the_password_and_for_existing_calls(service, site, passwords):
    url = f"{site.service}/asterisk/media"
    assert await status(url) == 401
    assert await status(url, login=site.app, password="guessed") == 401
    assert await status(url, login=site.app, password=passwords.media) == 404
    assert await status(f"{url}?call=unheard-of", login=site.app, password=passwords.media) == 404


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
    sockets = MediaSockets()
    stream = sockets.expect("call")
    application = web.Application()
    application.add_routes([web.get("/", sockets.handle)])
    async with TestServer(application) as server, aiohttp.ClientSession() as http:
        async with http.ws_connect(server.make_url("/?call=call")) as socket:
            await socket.send_str(text)
            await socket.send_bytes(b"odd")
            await socket.send_str('{"event": "MEDIA_START"}')
            assert await socket.receive_json(timeout=5) == {"command": "START_MEDIA_BUFFERING"}
        await asyncio.wait_for(stream.broken.wait(), 30)
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await http.ws_connect(server.make_url("/?call=call"))
