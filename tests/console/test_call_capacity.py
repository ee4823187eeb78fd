"""`POST /api/v1/calls` at a node that can carry only so many calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from ivr.call.outbound import OutboundCaller
from ivr.console.access import access
from ivr.console.calls import RETRY_AFTER_S, CallsApi
from ivr.lifecycle import Disposition
from ivr.service.composition import open_service
from ivr.service.runtime import Service
from ivr.settings import Settings
from ivr.telephony.port import Call, CallLeg, Unanswered
from ivr.telephony.slots import CallSlot, CallSlots

CAPACITY = 2


@dataclass
class Site:
    """A service whose calls ring until they are given up, and a client of its API."""

    service: Service
    http: ClientSession
    slots: CallSlots
    outbound: OutboundCaller
    given_up: asyncio.Event

    async def post(self) -> tuple[int, str, str | None]:
        """The status of a request for a call, what it says, and when to try again."""
        async with self.http.post("/api/v1/calls", json={"number": "95500"}) as response:
            return response.status, await response.text(), response.headers.get("Retry-After")

    async def no_call_is_left(self) -> None:
        async with asyncio.timeout(30):
            while self.slots.taken:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def records(self) -> list[Any]:
        return [(call.disposition, call.cause) for call in await self.service.node.records.calls(10)]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_service(Settings(data=tmp_path, port=0)) as service:
        given_up = asyncio.Event()

        async def ring(_: Call, slot: CallSlot) -> CallLeg:
            await given_up.wait()
            raise Unanswered("no_answer", rang=True)

        slots = CallSlots(CAPACITY)
        outbound = OutboundCaller(service.node, service.flow_store, service.call_manager, slots, ring)
        app = web.Application(middlewares=[access(None)])
        app.add_routes(CallsApi(outbound, service.flow_store, service.node.records).routes())
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            site = Site(service, http, slots, outbound, given_up)
            yield site
            given_up.set()
            await site.no_call_is_left()
        await runner.cleanup()


async def test_no_more_calls_are_placed_than_the_node_may_carry(site: Site) -> None:
    answers = await asyncio.gather(*(site.post() for _ in range(CAPACITY + 3)))
    assert sorted(status for status, _, _ in answers) == [202] * CAPACITY + [503] * 3
    reason = "the service takes no more calls now: it carries 2 of at most 2 calls\n"
    assert {answer for answer in answers if answer[0] == 503} == {(503, reason, str(RETRY_AFTER_S))}
    assert await site.records() == [(None, None)] * CAPACITY


async def test_a_call_that_is_over_makes_room_for_the_next(site: Site) -> None:
    site.given_up.set()
    for _ in range(CAPACITY + 1):
        assert (await site.post())[0] == 202
        await site.no_call_is_left()
    assert await site.records() == [(Disposition.NO_ANSWER, "no_answer")] * (CAPACITY + 1)


async def test_a_service_that_drains_places_no_calls_and_says_so(site: Site) -> None:
    site.slots.capacity = 0
    reason = "the service takes no more calls now: it is draining\n"
    assert await site.post() == (503, reason, str(RETRY_AFTER_S))
    assert await site.records() == []


async def test_a_call_that_could_not_be_opened_takes_no_room(site: Site) -> None:
    def fail() -> None:
        raise OSError("gone")

    call = Call("call-1", "asterisk", "outbound", "", "1001", "survey", "zh-CN")
    with pytest.raises(OSError, match="gone"):
        await site.outbound.place(call, fail)
    assert site.slots.taken == 0


def test_a_slot_is_released_once_however_often_it_is_told_to_be() -> None:
    slots = CallSlots(2)
    first, _ = slots.take(), slots.take()
    assert slots.full
    first.release()
    first.release()
    assert (slots.taken, slots.full) == (1, False)
