from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from ivr.events import Value
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import FEED, EventFeed


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


FOREIGN: dict[str, dict[str | bytes, str | bytes]] = {
    "another field": {"other": "x"},
    "no JSON": {"event": "{"},
    "no text": {"event": b"\xff\xfe"},
    "no object": {"event": "[1]"},
    "nested": {"event": '{"kind": {"a": 1}}'},
    "too deep": {"event": "[" * 100_000},
}


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
async def test_a_foreign_entry_is_skipped_and_counted_once(
    feed: EventFeed, server: EmbeddedRedis, fields: dict[str | bytes, str | bytes], caplog: pytest.LogCaptureFixture
) -> None:
    await feed.publish({"n": 1})
    async with connect(server.url) as redis:
        await redis.xadd(FEED, fields)  # type: ignore[arg-type]
    await feed.publish({"n": 2})
    for _ in range(2):
        following = feed.follow("0")
        assert [(await next_of(following))[1] for _ in range(2)] == [{"n": 1}, {"n": 2}]
    assert feed.damaged.count == 1 and caplog.text.count("is skipped") == 1


async def test_an_event_with_an_id_is_published_once(feed: EventFeed) -> None:
    for n, event_id in enumerate(("a", "b", "a", "b", "c")):
        await feed.publish({"n": n, "id": event_id})
    for _ in range(2):
        await feed.publish({"n": "no id"})
    following = feed.follow("0")
    received = [(await next_of(following))[1] for _ in range(5)]
    assert received == [{"n": 0, "id": "a"}, {"n": 1, "id": "b"}, {"n": 4, "id": "c"}, {"n": "no id"}, {"n": "no id"}]


async def test_each_stream_has_its_own_ids(feed: EventFeed, server: EmbeddedRedis) -> None:
    other = await EventFeed.open(server.url, stream="ivr:other")
    for each in (feed, other):
        await each.publish({"id": "a"})
        assert (await next_of(each.follow("0")))[1] == {"id": "a"}
    await other.close()


async def test_a_follower_survives_a_restart_of_redis(feed: EventFeed, server: EmbeddedRedis) -> None:
    await feed.publish({"n": 1})
    following = feed.follow("0")
    assert (await next_of(following))[1] == {"n": 1}
    waiting = asyncio.create_task(next_of(following))
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await feed.publish({"n": 2})
    assert (await waiting)[1] == {"n": 2}
