from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.errors import LiveStateUnavailable
from ivr.live.queues import QUEUE, LiveQueues

LONG_MS = 600_000


@pytest.fixture
async def queues(server: EmbeddedRedis) -> AsyncIterator[LiveQueues]:
    opened = await LiveQueues.open(server.url)
    yield opened
    await opened.close()


async def test_callers_wait_in_order_of_arrival_however_often_they_join(queues: LiveQueues) -> None:
    for call in ("z", "a", "m", "z"):
        await queues.renew("hotline", call, f"note of {call}".encode(), LONG_MS)
    waiting = await queues.renew("hotline", "a", b"another", LONG_MS)
    assert waiting == [("z", b"note of z"), ("a", b"another"), ("m", b"note of m")]


async def test_lines_have_queues_of_their_own(queues: LiveQueues) -> None:
    await queues.renew("hotline", "a", b"", LONG_MS)
    assert await queues.renew("supervision", "b", b"", LONG_MS) == [("b", b"")]


async def test_a_caller_who_leaves_rejoins_last(queues: LiveQueues) -> None:
    for call in ("a", "b"):
        await queues.renew("hotline", call, b"", LONG_MS)
    for _ in range(2):
        await queues.leave("hotline", "a")
    assert [call for call, _ in await queues.renew("hotline", "b", b"", LONG_MS)] == ["b"]
    assert [call for call, _ in await queues.renew("hotline", "a", b"", LONG_MS)] == ["b", "a"]


async def test_a_caller_of_a_dead_node_is_dropped_by_the_others(queues: LiveQueues, server: EmbeddedRedis) -> None:
    await queues.renew("hotline", "lost", b"", LONG_MS)
    async with connect(server.url) as redis:
        await redis.zadd(f"{QUEUE}hotline:seen", {"lost": 1.0})
    assert await queues.renew("hotline", "a", b"", LONG_MS) == [("a", b"")]


async def test_an_empty_queue_leaves_no_keys(queues: LiveQueues, server: EmbeddedRedis) -> None:
    await queues.renew("hotline", "a", b"", LONG_MS)
    await queues.leave("hotline", "a")
    async with connect(server.url) as redis:
        assert await redis.keys(f"{QUEUE}*") == []


async def test_a_foreign_entry_is_skipped(queues: LiveQueues, server: EmbeddedRedis) -> None:
    async with connect(server.url) as redis:
        await redis.zadd(f"{QUEUE}hotline", {b"\xff\xfe": 0, "without note": 0})
    for _ in range(2):
        assert await queues.renew("hotline", "a", b"note", LONG_MS) == [("without note", b""), ("a", b"note")]
    assert queues.damaged.count == 1


async def test_callers_who_join_concurrently_all_have_a_place(queues: LiveQueues) -> None:
    await asyncio.gather(*(queues.renew("hotline", f"{n}", b"", LONG_MS) for n in range(20)))
    assert len(await queues.renew("hotline", "0", b"", LONG_MS)) == 20


async def test_a_redis_that_stays_away_is_reported(server: EmbeddedRedis) -> None:
    queues = await LiveQueues.open(server.url, retries=1)
    await queues.leave("hotline", "a")
    await server.close()
    for doing in (queues.renew("hotline", "a", b"", 1), queues.leave("hotline", "a")):
        with pytest.raises(LiveStateUnavailable, match="Redis"):
            await doing
    await queues.close()
