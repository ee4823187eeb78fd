"""A stand-in for an Asterisk: its interface (ARI), its events and its voice sockets, without telephones.

Whoever is dialled answers at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Self

from aiohttp import ClientSession, encode_basic_auth, web
from aiohttp.test_utils import TestServer

from ivr.telephony.asterisk.site import Secrets, Site


class Exchange:
    """An async context manager; `requests` are the requests to channels and bridges: method, path, parameters."""

    def __init__(self, site: Site, secrets: Secrets) -> None:
        self._site, self._secrets = site, secrets
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._voices: list[asyncio.Task[None]] = []
        application = web.Application()
        application.add_routes(
            [web.get("/ari/events", self._send_events), web.route("*", "/ari/{path:.*}", self._request)]
        )
        self._server = TestServer(application)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        for voice in self._voices:
            voice.cancel()
        await asyncio.gather(*self._voices, return_exceptions=True)
        await self._server.close()

    @property
    def url(self) -> str:
        """The address of its interface."""
        return str(self._server.make_url("/ari"))

    def calls_in(self, caller: str, called: str = "4000") -> None:
        """A call comes in from a number, as the network shows it."""
        self._enters("in-1", caller, "line", called, "0")

    def dialled(self) -> list[tuple[str, str]]:
        """The dial strings of all calls placed, each with the number shown."""
        return [(query["endpoint"], query["callerId"]) for _, path, query in self.requests if path == "channels"]

    def _enters(self, channel: str, caller: str = "", *args: str) -> None:
        about = {"id": channel, "state": "Up", "caller": {"number": caller}}
        self._events.put_nowait({"type": "StasisStart", "args": args, "channel": about})

    def _leaves(self, channel: str) -> None:
        about = {"id": channel, "state": "Up", "caller": {"number": ""}}
        self._events.put_nowait({"type": "ChannelDestroyed", "cause": 16, "channel": about})

    async def _send_events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        reading = asyncio.create_task(socket.receive())
        while not reading.done():
            event = asyncio.create_task(self._events.get())
            await asyncio.wait((reading, event), return_when=asyncio.FIRST_COMPLETED)
            if event.done():
                await socket.send_str(json.dumps(event.result()))
            else:
                event.cancel()
        return socket

    async def _request(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if request.method == "GET":
            return web.json_response([])
        self.requests.append((request.method, path, dict(request.query)))
        match request.method, path.split("/"):
            case "POST", ["channels"]:
                self._enters(request.query["channelId"])
            case "POST", ["channels", "externalMedia"]:
                channel = request.query["channelId"]
                self._enters(channel)
                self._voices.append(asyncio.create_task(self._speak(channel)))
            case "DELETE", ["channels", channel]:
                self._leaves(channel)
        return web.Response(status=204)

    async def _speak(self, channel: str) -> None:
        """Open the voice socket of a channel, and keep it open."""
        headers = {"Authorization": encode_basic_auth(self._site.app, self._secrets.media)}
        async with (
            ClientSession(headers=headers) as http,
            http.ws_connect(f"{self._site.service}/asterisk/media?call={channel}", protocols=("media",)) as socket,
        ):
            await socket.send_str('{"event": "MEDIA_START"}')
            async for _ in socket:
                pass
