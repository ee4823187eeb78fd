"""Outbound calls that nobody answers, at an ARI that tells of them by a script: the cause, and whether it rang."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from ivr.telephony.asterisk.channels import ChannelTracker
from ivr.telephony.port import Call, Unanswered
from tests.asterisk.conftest import make_secrets, make_site
from tests.asterisk.service import AdapterFixture

pytestmark = pytest.mark.asyncio(loop_scope="session")

Event = dict[str, Any]

CALL = Call("out-1", "asterisk", "outbound", "4000", "1001", "survey", "zh-CN")
PARTY = "the party"
"""Stands for the id of the channel that is dialled."""


def dial(status: str) -> Event:
    return {"type": "Dial", "peer": {"id": PARTY}, "dialstatus": status}


def state(name: str) -> Event:
    return {"type": "ChannelStateChange", "channel": {"id": PARTY, "state": name}}


def gone(cause: int, **tech_cause: int) -> Event:
    return {"type": "ChannelDestroyed", "channel": {"id": PARTY}, "cause": cause, **tech_cause}


TRYING = [dial(""), dial("PROCEEDING"), state("Dialing")]
"""The INVITE is sent; SIP 100."""
RINGING = [*TRYING, dial("RINGING"), state("Ringing")]
"""SIP 180."""
RINGING_BY_STATE = [*TRYING, state("Ringing")]
"""SIP 180, if only the channel's state tells of it."""
PROGRESS = [*TRYING, dial("PROGRESS")]
"""SIP 183."""


class ScriptedAri:
    """The part of ARI that an outbound call takes; `events` are told once the call is placed."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._socket: web.WebSocketResponse | None = None

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[BaseTestServer]:
        application = web.Application()
        application.add_routes(
            [
                web.get("/ari/events", self._serve_events),
                web.get("/ari/channels", _nothing),
                web.get("/ari/bridges", _nothing),
                web.get("/ari/applications", _nothing),
                web.post("/ari/channels/externalMedia", _open_media),
                web.get("/media/{channel}", self._serve_media),
                web.post("/ari/channels", self._originate),
                web.route("*", "/ari/{path:.*}", _done),
            ]
        )
        async with TestServer(application) as server:
            yield server

    async def _serve_events(self, request: web.Request) -> web.WebSocketResponse:
        self._socket = web.WebSocketResponse()
        await self._socket.prepare(request)
        async for _ in self._socket:
            pass
        return self._socket

    async def _tell(self, event: Event) -> None:
        assert self._socket
        await self._socket.send_str(json.dumps(event))

    async def _serve_media(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("media",))
        await socket.prepare(request)
        channel = {"id": request.match_info["channel"], "caller": {"number": ""}}
        await self._tell({"type": "StasisStart", "args": [], "channel": channel})
        await socket.send_str(json.dumps({"event": "MEDIA_START"}))
        async for _ in socket:
            pass
        return socket

    async def _originate(self, request: web.Request) -> web.Response:
        for event in self._events:
            await self._tell(json.loads(json.dumps(event).replace(PARTY, request.query["channelId"])))
        return web.json_response({})


async def _nothing(_: web.Request) -> web.Response:
    return web.json_response([])


async def _open_media(request: web.Request) -> web.Response:
    return web.json_response({"channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": request.query["channelId"]}})


async def _done(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def outcome(events: Sequence[Event]) -> tuple[str, bool]:
    """How a call ends of which Asterisk tells these events."""
    site, passwords = make_site(), make_secrets()
    ari = ScriptedAri(events)
    async with ari.serve() as server, AdapterFixture(site, passwords, str(server.make_url("/ari"))) as service:
        with pytest.raises(Unanswered) as caught:
            await service.asterisk.dial(CALL, service.asterisk.slots.take())
        assert service.asterisk.slots.taken == 0
    return caught.value.cause, caught.value.rang


@pytest.mark.parametrize(
    ("progressed", "rang"), [(TRYING, False), (RINGING, True), (RINGING_BY_STATE, True), (PROGRESS, True)]
)
async def test_a_call_rang_if_the_far_end_signalled_ringing_or_early_media(
    progressed: Sequence[Event], rang: bool
) -> None:
    assert await outcome([*progressed, gone(19, tech_cause=480)]) == ("no_answer", rang)


@pytest.mark.parametrize(
    ("status", "q850", "cause"),
    [
        (487, 127, "failed"),
        (481, 127, "failed"),
        (433, 127, "failed"),
        (500, 38, "congestion"),
        (513, 34, "congestion"),
        (606, 58, "protocol"),
        (486, 17, "busy"),
        (603, 21, "rejected"),
        (607, 127, "unwanted"),
        (608, 127, "spam"),
    ],
)
@pytest.mark.parametrize(("progressed", "rang"), [(TRYING, False), (RINGING, True)])
async def test_the_cause_of_each_refusal(
    status: int, q850: int, cause: str, progressed: Sequence[Event], rang: bool
) -> None:
    assert await outcome([*progressed, gone(q850, tech_cause=status)]) == (cause, rang)


async def test_without_a_sip_status_the_q850_cause_decides() -> None:
    assert await outcome([*RINGING, gone(0)]) == ("failed", True)
    assert await outcome([*RINGING, gone(127)]) == ("failed", True)


async def test_ringing_that_was_missed_is_seen_at_the_next_sweep() -> None:
    tracker = ChannelTracker()
    party = tracker.expect(PARTY)
    party.created = True
    tracker.reconcile(tracker.created(), {PARTY: "Ringing"})
    assert party.rang and not party.gone.done() and not party.entered.done()
