from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator

import pytest

from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import FEED, EventFeed
from ivr.live.feed_event import FeedEvent
from tests.live.events import an_event


@pytest.fixture
async def feed(server: EmbeddedRedis) -> AsyncIterator[EventFeed]:
    opened = await EventFeed.open(server.url)
    yield opened
    await opened.close()


async def next_of(following: AsyncIterator[tuple[str, FeedEvent]]) -> tuple[str, FeedEvent]:
    return await asyncio.wait_for(anext(following), 10)


async def numbers(following: AsyncIterator[tuple[str, FeedEvent]], count: int) -> list[object]:
    return [(await next_of(following))[1].data["n"] for _ in range(count)]


async def test_events_arrive_in_order_and_a_follower_resumes_where_it_left(feed: EventFeed) -> None:
    events = [an_event(n, text="您好", flag=True, none=None) for n in range(3)]
    for each in events:
        await feed.publish(each)
    first, event = await next_of(feed.follow("0"))
    assert event == events[0]
    assert await numbers(feed.follow(first), 2) == [1, 2]


async def test_a_follower_without_an_id_gets_only_new_events(feed: EventFeed) -> None:
    await feed.publish(an_event("old"))
    waiting = asyncio.create_task(next_of(feed.follow()))
    for n in itertools.count():
        await feed.publish(an_event(n))
        if waiting.done():
            break
    assert (await waiting)[1].data["n"] != "old"


async def test_a_page_of_what_is_retained_ends_at_the_entry_asked_for(feed: EventFeed) -> None:
    for n in range(250):
        await feed.publish(an_event(n))
    entries = [entry_id async for entry_id, _ in feed.between("0-0", await feed.newest())]
    assert len(entries) == 250
    assert [event.data["n"] async for _, event in feed.between(entries[4], entries[240])] == [*range(5, 241)]
    assert [each async for each in feed.between(entries[4], entries[4])] == []


FOREIGN: dict[str, dict[str | bytes, str | bytes]] = {
    "another field": {"other": "x"},
    "no JSON": {"event": "{"},
    "no text": {"event": b"\xff\xfe"},
    "no object": {"event": "[1]"},
    "another object": {"event": '{"n": 1}'},
    "too deep": {"event": "[" * 100_000},
}


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
async def test_a_foreign_entry_is_skipped_and_counted_once(
    feed: EventFeed, server: EmbeddedRedis, fields: dict[str | bytes, str | bytes], caplog: pytest.LogCaptureFixture
) -> None:
    await feed.publish(an_event(1))
    async with connect(server.url) as redis:
        await redis.xadd(FEED, fields)  # type: ignore[arg-type]
    await feed.publish(an_event(2))
    for _ in range(2):
        assert await numbers(feed.follow("0"), 2) == [1, 2]
    assert [event.data["n"] async for _, event in feed.between("0-0", await feed.newest())] == [1, 2]
    assert feed.damaged.count == 1 and caplog.text.count("is skipped") == 1


WITHOUT_ENVELOPE = [
    {"kind": "consult", "agent": "zhang", "call": "call-1", "line": "supervision"},
    {"kind": "leave", "agent": "zhang", "call": "call-1", "line": ""},
    {"kind": "offered", "agent": "zhang", "call": "call-1", "line": "hotline", "caller": "13812345678"},
    {"kind": "presence", "agent": "zhang", "state": "away"},
    {"event": "case", "id": "7", "case": "20261129-0001", "what": "registered", "kind": "complaint", "tier": None},
]


@pytest.mark.parametrize("entry", WITHOUT_ENVELOPE, ids=lambda entry: entry["kind"])
async def test_what_an_earlier_version_published_is_skipped_quietly(
    feed: EventFeed, server: EmbeddedRedis, entry: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(server.url) as redis:
        await redis.xadd(FEED, {"event": json.dumps(entry)})
    await feed.publish(an_event(2))
    assert await numbers(feed.follow("0"), 1) == [2]
    assert (feed.damaged.count, caplog.text) == (0, "")


async def test_an_event_is_published_once(feed: EventFeed) -> None:
    for event_id in ("a", "b", "a", "b", "c"):
        await feed.publish(an_event(event_id))
    assert await numbers(feed.follow("0"), 3) == ["a", "b", "c"]


async def test_each_stream_has_its_own_ids(feed: EventFeed, server: EmbeddedRedis) -> None:
    other = await EventFeed.open(server.url, stream="ivr:other")
    for each in (feed, other):
        await each.publish(an_event("a"))
        assert await numbers(each.follow("0"), 1) == ["a"]
    await other.close()


async def test_a_follower_survives_a_restart_of_redis(feed: EventFeed, server: EmbeddedRedis) -> None:
    await feed.publish(an_event(1))
    following = feed.follow("0")
    assert await numbers(following, 1) == [1]
    waiting = asyncio.create_task(numbers(following, 1))
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await feed.publish(an_event(2))
    assert await waiting == [2]
