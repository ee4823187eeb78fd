"""One reader fans a feed out to many subscribers: no gap, no duplicate, nobody held up."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ivr.live import feed_reader
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed
from ivr.live.feed_event import FeedEvent
from ivr.live.feed_reader import MAX_WAITING, Delivery, FeedReader
from tests.live.events import an_event

SUBSCRIBERS = 50
EVENTS = 200


@pytest.fixture
async def reader(server: EmbeddedRedis) -> AsyncIterator[FeedReader]:
    async with reading(server) as running:
        yield running


@asynccontextmanager
async def reading(server: EmbeddedRedis, retries: int = 12) -> AsyncIterator[FeedReader]:
    """A reader that runs."""
    feed = await EventFeed.open(server.url, retries)
    reader = FeedReader(feed)
    running = asyncio.create_task(reader.run())
    yield reader
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await feed.close()


async def numbers(events: AsyncGenerator[Delivery, None], count: int) -> list[object]:
    """The numbers of the next events."""
    async with asyncio.timeout(30):
        return [(await anext(events))[1].data["n"] for _ in range(count)]


async def publish(feed: EventFeed, count: int, first: int = 0) -> None:
    for n in range(first, first + count):
        await feed.publish(an_event(n))


async def xreads(server: EmbeddedRedis) -> tuple[int, int]:
    """How often the feed was read from Redis so far, and how many connections read it now."""
    async with connect(server.url) as redis:
        stats = await redis.info("commandstats")
        clients = await redis.client_list()
    return stats.get("cmdstat_xread", {}).get("calls", 0), sum(client["cmd"] == "xread" for client in clients)


async def test_one_reader_serves_fifty_subscribers(server: EmbeddedRedis, reader: FeedReader) -> None:
    subscribers = [reader.events("0-0") for _ in range(SUBSCRIBERS)]
    receiving = [asyncio.create_task(numbers(each, EVENTS)) for each in subscribers]
    await publish(reader.feed, EVENTS)
    assert await asyncio.gather(*receiving) == [[*range(EVENTS)]] * SUBSCRIBERS
    calls, readers = await xreads(server)
    assert calls <= EVENTS + 30, "a read for each event at most, and one a second while nothing happens"
    assert readers == 1


async def test_a_subscriber_gets_only_what_it_wants(reader: FeedReader) -> None:
    await reader.feed.publish(an_event(0, "li"))
    await reader.feed.publish(an_event(1, "zhang"))
    of_zhang = reader.events("0-0", lambda event: event.agent == "zhang")
    assert await numbers(of_zhang, 1) == [1]
    waiting = asyncio.create_task(numbers(of_zhang, 1))
    await reader.feed.publish(an_event(2, "li"))
    await reader.feed.publish(an_event(3, "zhang"))
    assert await waiting == [3]


@pytest.mark.parametrize("ahead", [False, True], ids=["resumes in the past", "is ahead of the reader"])
async def test_late_joiners_have_neither_gap_nor_duplicate(
    server: EmbeddedRedis, reader: FeedReader, ahead: bool
) -> None:
    """Subscribers join at every entry while events are published; some have read more, at another node."""
    entries: list[str] = []
    receiving: list[asyncio.Task[list[object]]] = []
    publishing = asyncio.create_task(publish(reader.feed, EVENTS))
    async for entry_id, event in reader.feed.follow("0"):
        entries.append(entry_id)
        n = len(entries) - 1
        assert event.data["n"] == n
        seen = n if ahead else n // 2
        receiving.append(asyncio.create_task(numbers(reader.events(entries[seen]), EVENTS - seen - 1)))
        if n == EVENTS - 1:
            break
    await publishing
    expected = [[*range((n if ahead else n // 2) + 1, EVENTS)] for n in range(EVENTS)]
    assert await asyncio.gather(*receiving) == expected


async def test_a_slow_subscriber_is_disconnected_and_resumes(reader: FeedReader) -> None:
    disconnected = asyncio.Event()
    slow, quick = reader.events("0-0", disconnect=disconnected.set), reader.events("0-0")
    first = asyncio.create_task(anext(slow))
    receiving = asyncio.create_task(numbers(quick, MAX_WAITING + 10))
    await publish(reader.feed, MAX_WAITING + 10)
    assert await receiving == [*range(MAX_WAITING + 10)]
    await asyncio.wait_for(disconnected.wait(), 10)
    last, event = await first
    assert event.data["n"] == 0
    assert [each async for each in slow] == []
    assert await numbers(reader.events(last), MAX_WAITING + 9) == [*range(1, MAX_WAITING + 10)]


async def test_whoever_leaves_is_forgotten(reader: FeedReader) -> None:
    events = reader.events("0-0")
    waiting = asyncio.create_task(numbers(events, 1))
    await publish(reader.feed, 1)
    await waiting
    assert len(reader._subscribers) == 1
    await events.aclose()
    assert not reader._subscribers


async def test_subscribers_end_when_redis_is_away_and_resume_when_it_is_back(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_reader, "RESUME_S", 0.01)
    away = False
    follow = EventFeed.follow

    async def interrupted(feed: EventFeed, after: str | None = None) -> AsyncGenerator[tuple[str, FeedEvent], None]:
        if away:
            raise feed_reader.LiveStateUnavailable("away")
        async for each in follow(feed, after):
            yield each
            if away:
                raise feed_reader.LiveStateUnavailable("away")

    monkeypatch.setattr(EventFeed, "follow", interrupted)
    async with reading(server) as reader:
        events = reader.events("0-0")
        waiting = asyncio.create_task(anext(events))
        await publish(reader.feed, 1)
        last, _ = await waiting
        ending = asyncio.create_task(numbers(events, 2))
        away = True
        await publish(reader.feed, 1, first=1)
        with pytest.raises(StopAsyncIteration):
            await ending
        await publish(reader.feed, 2, first=2)
        away = False
        assert await numbers(reader.events(last), 3) == [1, 2, 3]


async def test_a_reader_survives_a_restart_of_redis(server: EmbeddedRedis, reader: FeedReader) -> None:
    events = reader.events("0-0")
    await publish(reader.feed, 1)
    assert await numbers(events, 1) == [0]
    waiting = asyncio.create_task(numbers(events, 1))
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await publish(reader.feed, 1, first=1)
    assert await waiting == [1]


async def test_hundreds_may_resume_at_once(reader: FeedReader) -> None:
    await publish(reader.feed, EVENTS)
    resuming = [asyncio.create_task(numbers(reader.events("0-0"), EVENTS)) for _ in range(300)]
    assert await asyncio.gather(*resuming) == [[*range(EVENTS)]] * 300
