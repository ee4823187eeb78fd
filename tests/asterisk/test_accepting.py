"""Callers whom the service cannot lead now wait or go to a person; a strange event disturbs nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from ivr.telephony.asterisk.adapter import Asterisk
from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.ari_events import AriEvent, StasisStart
from ivr.telephony.asterisk.site import Site
from ivr.telephony.port import ResumedCall

SITE = Site.model_validate({"lines": {"4000": {"flow": "survey", "language": "zh-CN"}}})


class Requests:
    """An Asterisk that notes where callers are sent."""

    app = "huifang"

    def __init__(self) -> None:
        self.sent: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()

    async def continue_in_dialplan(self, channel: str, context: str, why: str) -> None:
        self.sent.put_nowait((channel, context, why))


class Events:
    """A source of these events, then of none."""

    def __init__(self, events: list[AriEvent]) -> None:
        self._events = events

    async def events(self) -> AsyncIterator[AriEvent]:
        for event in self._events:
            yield event
        await asyncio.Event().wait()

    async def renew(self) -> None:
        return


async def answer(leg: Any) -> None:
    raise AssertionError("no call is answered here")


async def resume(call: ResumedCall) -> None:
    raise AssertionError("no call is resumed here")


async def sent(asterisk: Asterisk, requests: Requests, *events: AriEvent) -> tuple[str, str, str]:
    """Where the first caller of these events is sent."""
    asterisk._events = Events(list(events))
    running = asyncio.create_task(asterisk.run())
    try:
        return await asyncio.wait_for(requests.sent.get(), 10)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("capacity", "accepting", "where"),
    [
        (1, False, ("huifang-fallback", "full")),
        (0, True, ("huifang-line", "take")),
        (0, False, ("huifang-line", "take")),
    ],
)
async def test_a_caller_waits_while_stores_are_away_and_is_offered_to_other_nodes_during_a_drain(
    capacity: int, accepting: bool, where: tuple[str, str]
) -> None:
    requests = Requests()
    asterisk = Asterisk(SITE, cast("Ari", requests), answer, resume, accepting=lambda: accepting)
    asterisk.slots.capacity = capacity
    call = StasisStart("channel-1", ("line", "4000", "0"), "13812345678")
    assert await sent(asterisk, requests, call) == ("channel-1", *where)


async def test_a_strange_event_is_skipped_and_the_next_caller_is_served(caplog: pytest.LogCaptureFixture) -> None:
    requests = Requests()
    asterisk = Asterisk(SITE, cast("Ari", requests), answer, resume, accepting=lambda: False)
    strange = StasisStart("channel-0", ("line", "4000", "many"), "13812345678")
    call = StasisStart("channel-1", ("line", "4000", "0"), "13812345678")
    assert (await sent(asterisk, requests, strange, call))[0] == "channel-1"
    assert "StasisStart" in caplog.text and "1381" not in caplog.text
