"""The presence store: two nodes, one agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import pytest

from ivr.agents import presence
from ivr.agents.presence import AgentState, Presence
from ivr.agents.presence_store import PresenceStore
from ivr.errors import IllegalMove
from ivr.live.agents import AGENTS, ENGAGED, LiveAgents
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis

LONG_MS = 600_000
AVAILABLE = partial(presence.set_available, now=1.0)


@pytest.fixture
async def stores(server: EmbeddedRedis) -> AsyncIterator[tuple[PresenceStore, PresenceStore]]:
    """The stores of two nodes; `zhang` is available."""
    async with AsyncExitStack() as stack:
        live = []
        for _ in range(2):
            live.append(await LiveAgents.open(server.url))
            stack.push_async_callback(live[-1].close)
        one, other = (PresenceStore(each) for each in live)
        await one.move("zhang", AVAILABLE)
        await live[0].report_reachable("n", ["zhang"], LONG_MS)
        yield one, other


def offer(call: str, node: str = "n") -> partial[Presence]:
    return partial(presence.offer, call=call, line="hotline", node=node)


async def test_one_node_sees_the_moves_of_the_other(stores):
    one, other = stores
    assert (await other.all())["zhang"].state is AgentState.AVAILABLE
    await one.move("zhang", offer("a", "n1"))
    seen = (await other.all())["zhang"]
    assert seen == presence.offer(Presence(True, True, 1.0), "a", "hotline", "n1")


async def test_one_of_many_concurrent_offers_succeeds(stores):
    results = await asyncio.gather(
        *(stores[n % 2].move("zhang", offer(f"call-{n}")) for n in range(20)), return_exceptions=True
    )
    (made,) = [result for result in results if isinstance(result, Presence)]
    assert all(isinstance(result, IllegalMove) for result in results if result is not made)
    assert (await stores[0].all())["zhang"] == made


async def test_a_move_that_is_not_allowed_changes_nothing(stores):
    one, other = stores
    before = await one.all()
    with pytest.raises(IllegalMove):
        await other.move("zhang", partial(presence.accept, call="a"))
    assert await one.all() == before


async def test_concurrent_presence_changes_and_offers_are_both_kept(stores):
    one, other = stores
    await asyncio.gather(one.move("zhang", offer("a")), *(other.move("zhang", AVAILABLE) for _ in range(10)))
    assert (await one.all())["zhang"].state is AgentState.RINGING
    await asyncio.gather(
        one.move("zhang", partial(presence.accept, call="a")),
        other.move("zhang", presence.set_away),
        return_exceptions=True,
    )
    after = (await one.all())["zhang"]
    assert after.state is AgentState.BUSY and not after.here


async def lapse(server: EmbeddedRedis) -> None:
    async with connect(server.url) as redis:
        await redis.pexpire(ENGAGED + "zhang", 0)


async def test_an_agent_of_a_dead_node_is_available_again(stores, server):
    one, other = stores
    await one.move("zhang", offer("a"))
    await lapse(server)
    assert (await other.all())["zhang"].state is AgentState.AVAILABLE
    assert (await other.move("zhang", offer("b"))).engaged.call == "b"
    with pytest.raises(IllegalMove):
        await one.move("zhang", partial(presence.accept, call="a"))


async def test_a_live_node_keeps_its_engagements(stores, server):
    one, other = stores
    await one.move("zhang", offer("a"))
    await lapse(server)
    await one.renew()
    with pytest.raises(IllegalMove):
        await other.move("zhang", offer("b"))


async def test_a_node_gives_up_an_engagement_that_another_has_taken(stores, server):
    one, other = stores
    await one.move("zhang", offer("a"))
    await lapse(server)
    await other.move("zhang", offer("b"))
    await one.renew()
    assert (await one.all())["zhang"].engaged.call == "b"


async def test_the_wrap_up_ends_by_itself(stores, server):
    one, other = stores
    for step in (offer("a"), partial(presence.accept, call="a"), partial(presence.hang_up, call="a", now=8.0)):
        after = await one.move("zhang", step, wrap_up_s=600)
    assert after.state is AgentState.WRAP_UP
    await one.renew()
    async with connect(server.url) as redis:
        assert 0 < await redis.pttl(ENGAGED + "zhang") <= 600_000
    await lapse(server)
    await one.renew()
    assert (await other.all())["zhang"] == Presence(True, True, 8.0)


async def test_missed_offers_are_counted_by_all_nodes_and_outlive_a_restart(stores, server):
    one, other = stores
    for node in stores:
        await node.move("zhang", offer("a"))
        after = await node.move("zhang", partial(presence.miss, call="a"))
    assert after.state is AgentState.MISSED
    live = await LiveAgents.open(server.url)
    restarted = PresenceStore(live)
    assert (await restarted.all())["zhang"] == after
    with pytest.raises(IllegalMove):
        await restarted.move("zhang", offer("b"))
    assert (await restarted.move("zhang", AVAILABLE)).state is AgentState.AVAILABLE
    await live.close()
    assert (await one.all())["zhang"] == (await other.all())["zhang"] == Presence(True, True, 1.0)


async def test_what_was_stored_before_offers_were_counted_is_understood(stores, server):
    one, _ = stores
    async with connect(server.url) as redis:
        await redis.hset(AGENTS, "zhang", '{"here": true, "reachable": true, "idle_since": 1.0}')
    assert (await one.all())["zhang"] == Presence(True, True, 1.0)
    await one.move("zhang", offer("a"))


async def test_without_wrap_up_an_agent_is_available_at_once(stores):
    for step in (offer("a"), partial(presence.accept, call="a"), partial(presence.hang_up, call="a", now=8.0)):
        after = await stores[0].move("zhang", step)
    assert after == Presence(True, True, 8.0) and (await stores[1].all())["zhang"] == after


DAMAGED = [
    (b"{", b""),
    (b"[]", b""),
    (b'"text"', b""),
    (b"\xff\xfe", b""),
    (b'{"here": "perhaps"}', b""),
    (b'{"here": true}', b"{"),
    (b'{"here": true}', b'{"stage": "asleep", "call": "a", "line": "b", "node": "c"}'),
    (b'{"here": true}', b'{"stage": "busy"}'),
    (b'{"here": true}', b"[" * 100_000),
]


@pytest.mark.parametrize(("note", "engagement"), DAMAGED, ids=range(len(DAMAGED)))
async def test_a_damaged_presence_counts_as_none_and_is_replaced_by_the_next_move(
    server: EmbeddedRedis, note: bytes, engagement: bytes
) -> None:
    live = await LiveAgents.open(server.url)
    store = PresenceStore(live)
    await store.move("li", AVAILABLE)
    async with connect(server.url) as redis:
        await redis.hset(AGENTS, "zhang", note)
        if engagement:
            await redis.set(ENGAGED + "zhang", engagement)
    for _ in range(2):
        seen = await store.all()
        assert (seen["zhang"], seen["li"].here) == (Presence(), True)
    assert live.damaged.count == 1
    await store.move("zhang", AVAILABLE)
    await store.report_reachable("n1", ["zhang"])
    assert (await store.all())["zhang"].state is AgentState.AVAILABLE
    await live.close()


async def test_a_presence_with_a_field_of_a_later_version_is_read(server: EmbeddedRedis) -> None:
    live = await LiveAgents.open(server.url)
    async with connect(server.url) as redis:
        await redis.hset(AGENTS, "zhang", b'{"here": true, "mood": "good"}')
    assert (await PresenceStore(live).all())["zhang"] == Presence(here=True)
    assert live.damaged.count == 0
    await live.close()
