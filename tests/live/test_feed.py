from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from ivr.events import Value
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed


@pytest.fixture
async def feed(server: EmbeddedRedis) -> AsyncIterator[EventFeed]:
    opened = await EventFeed.open(server.url)
    yield opened
    await opened.close()


async def next_of(following: AsyncIterator[tuple[str, dict[str, Value]]]) -> tuple[str, dict[str, Value]]:
    return await asyncio.wait_for(anext(following), 10)


async def test_events_arrive_in_order_and_a_follower_resumes_where_it_left(feed: EventFeed) -> None:
    for n in range(3):
        await feed.publish({"n": n, "text": "您好", "flag": True, "none": None})
    following = feed.follow("0")
    first, event = await next_of(following)
    assert event == {"n": 0, "text": "您好", "flag": True, "none": None}
    later = feed.follow(first)
    assert [(await next_of(later))[1]["n"] for _ in range(2)] == [1, 2]


async def test_a_follower_without_an_id_gets_only_new_events(feed: EventFeed) -> None:
    await feed.publish({"n": "old"})
    waiting = asyncio.create_task(next_of(feed.follow()))
    while not waiting.done():
        await feed.publish({"n": "new"})
    assert (await waiting)[1] == {"n": "new"}


async def test_a_follower_survives_a_restart_of_redis(feed: EventFeed, server: EmbeddedRedis) -> None:
    await feed.publish({"n": 1})
    following = feed.follow("0")
    assert (await next_of(following))[1] == {"n": 1}
    waiting = asyncio.create_task(next_of(following))
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await feed.publish({"n": 2})
    assert (await waiting)[1] == {"n": 2}
