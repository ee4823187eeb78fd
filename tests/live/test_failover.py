"""Redis fails over to its replica: the old master stays reachable and refuses writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ivr.live.agents import LiveAgents, StoredPresence
from ivr.live.calls import LiveCalls
from ivr.live.commands import LiveCommands
from ivr.live.errors import LiveStateUnavailable
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues
from tests.live.events import an_event
from tests.live.failover import RedisPair, a_pair

LONG_MS = 600_000


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[RedisPair]:
    async with a_pair(tmp_path) as started:
        yield started


async def test_every_kind_of_live_state_goes_on_with_the_new_master(pair: RedisPair) -> None:
    async with AsyncExitStack() as stack:
        calls = await LiveCalls.open(pair.url)
        agents = await LiveAgents.open(pair.url)
        queues = await LiveQueues.open(pair.url)
        feed = await EventFeed.open(pair.url)
        commands = await LiveCommands.open(pair.url)
        for each in (calls, agents, queues, feed, commands):
            stack.push_async_callback(each.close)
        await calls.save("a", 1, b"one", "n1")
        await calls.claim("b", "n1", LONG_MS)
        await pair.fail_over()
        await calls.save("a", 2, b"two", "n1")
        assert await calls.load("a") == (2, b"two")
        assert await calls.claim("a", "n1", LONG_MS)
        assert await agents.change("zhang", StoredPresence(), StoredPresence(b"here"), LONG_MS)
        assert await agents.renew("zhang", b"busy", LONG_MS)
        assert await queues.renew("hotline", "a", b"note", LONG_MS) == [("a", b"note")]
        await queues.leave("hotline", "a")
        await feed.publish(an_event(1))
        assert (await anext(feed.follow("0")))[1] == an_event(1)
        await commands.send("n1", "zhang:1", b"leave", LONG_MS)
        assert await anext(commands.follow("n1")) == "zhang:1"
        assert await commands.take("zhang:1") is not None
        await commands.reply("zhang:1", b"done")
        assert await commands.reply_to("zhang:1", 10) == b"done"
        await calls.drop("a")
        assert await calls.load("a") is None
        assert await pair.master.command("DBSIZE") != 0


async def test_many_connections_to_the_old_master_are_all_left(pair: RedisPair) -> None:
    calls = await LiveCalls.open(pair.url)
    for turn in (1, 2):
        await asyncio.gather(*(calls.save(f"call-{n}", turn, b"turn", "n1") for n in range(20)))
        if turn == 1:
            await pair.fail_over()
    assert await pair.master.command("SCARD", "ivr:calls") == 20
    await calls.close()


async def test_a_follower_of_the_feed_hears_what_the_new_master_hears(pair: RedisPair) -> None:
    feed = await EventFeed.open(pair.url)
    await feed.publish(an_event(1))
    following = feed.follow("0")
    assert (await anext(following))[1] == an_event(1)
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0.05)
    await pair.fail_over()
    await feed.publish(an_event(2))
    assert (await asyncio.wait_for(waiting, 20))[1] == an_event(2)
    await feed.close()


async def test_while_there_is_no_master_the_client_connects_again_and_again(pair: RedisPair) -> None:
    calls = await LiveCalls.open(pair.url, retries=3)
    await pair.fail_over()
    pair.relay.target = pair.replica.port
    before = pair.relay.accepted
    with pytest.raises(LiveStateUnavailable, match="READONLY"):
        await calls.save("a", 1, b"one", "n1")
    assert pair.relay.accepted - before >= 3
    pair.relay.target = pair.master.port
    await calls.save("a", 1, b"one", "n1")
    await calls.close()


async def test_a_server_that_was_started_again_or_took_over_is_another_one(pair: RedisPair) -> None:
    calls = await LiveCalls.open(pair.url)
    seen = [await calls.server(), await calls.server()]
    await pair.master.kill()
    await pair.restart()
    seen.append(await calls.server())
    await pair.replica.follow(pair.master)
    await pair.fail_over()
    await calls.save("a", 1, b"one", "n1")
    seen.append(await calls.server())
    assert seen[0] == seen[1] and len(set(seen)) == 3
    await calls.close()
