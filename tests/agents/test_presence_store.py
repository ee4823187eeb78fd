"""The board: two nodes and one agent."""

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

SEE = partial(presence.set_reachable, reachable=True)
COME = partial(presence.set_available, now=1.0)


@pytest.fixture
async def boards(server: EmbeddedRedis) -> AsyncIterator[tuple[PresenceStore, PresenceStore]]:
    """The boards of two nodes; `zhang` is available."""
    async with AsyncExitStack() as stack:
        live = []
        for _ in range(2):
            live.append(await LiveAgents.open(server.url))
            stack.push_async_callback(live[-1].close)
        one, other = (PresenceStore(each) for each in live)
        await one.move("zhang", COME)
        await one.move("zhang", SEE)
        yield one, other


def offer(call: str, node: str = "n") -> partial[Presence]:
    return partial(presence.offer, call=call, line="hotline", node=node)


async def test_what_one_node_does_the_other_sees(boards):
    one, other = boards
    assert (await other.all())["zhang"].state is AgentState.AVAILABLE
    await one.move("zhang", offer("a", "n1"))
    seen = (await other.all())["zhang"]
    assert seen == presence.offer(Presence(True, True, 1.0), "a", "hotline", "n1")


async def test_of_many_offers_by_two_nodes_at_once_one_is_made(boards):
    results = await asyncio.gather(
        *(boards[n % 2].move("zhang", offer(f"call-{n}")) for n in range(20)), return_exceptions=True
    )
    (made,) = [result for result in results if isinstance(result, Presence)]
    assert all(isinstance(result, IllegalMove) for result in results if result is not made)
    assert (await boards[0].all())["zhang"] == made


async def test_a_move_that_is_not_allowed_changes_nothing(boards):
    one, other = boards
    before = await one.all()
    with pytest.raises(IllegalMove):
        await other.move("zhang", partial(presence.accept, call="a"))
    assert await one.all() == before


async def test_words_and_offers_at_the_same_time_are_both_kept(boards):
    one, other = boards
    await asyncio.gather(one.move("zhang", offer("a")), *(other.move("zhang", COME) for _ in range(10)))
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


async def test_an_agent_whose_node_died_is_free_again(boards, server):
    one, other = boards
    await one.move("zhang", offer("a"))
    await lapse(server)
    assert (await other.all())["zhang"].state is AgentState.AVAILABLE
    assert (await other.move("zhang", offer("b"))).engaged.call == "b"
    with pytest.raises(IllegalMove):
        await one.move("zhang", partial(presence.accept, call="a"))


async def test_a_node_that_lives_keeps_what_it_has(boards, server):
    one, other = boards
    await one.move("zhang", offer("a"))
    await lapse(server)
    await one.renew()
    with pytest.raises(IllegalMove):
        await other.move("zhang", offer("b"))


async def test_a_node_gives_up_what_another_has_taken(boards, server):
    one, other = boards
    await one.move("zhang", offer("a"))
    await lapse(server)
    await other.move("zhang", offer("b"))
    await one.renew()
    assert (await one.all())["zhang"].engaged.call == "b"


async def test_the_wrap_up_ends_by_itself(boards, server):
    one, other = boards
    for step in (offer("a"), partial(presence.accept, call="a"), partial(presence.hang_up, call="a", now=8.0)):
        after = await one.move("zhang", step, wrap_up_s=600)
    assert after.state is AgentState.WRAP_UP
    await one.renew()
    async with connect(server.url) as redis:
        assert 0 < await redis.pttl(ENGAGED + "zhang") <= 600_000
    await lapse(server)
    await one.renew()
    assert (await other.all())["zhang"] == Presence(True, True, 8.0)


async def test_without_a_wrap_up_an_agent_is_free_at_once(boards):
    for step in (offer("a"), partial(presence.accept, call="a"), partial(presence.hang_up, call="a", now=8.0)):
        after = await boards[0].move("zhang", step)
    assert after == Presence(True, True, 8.0) and (await boards[1].all())["zhang"] == after


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
    board = PresenceStore(live)
    await board.move("li", COME)
    async with connect(server.url) as redis:
        await redis.hset(AGENTS, "zhang", note)
        if engagement:
            await redis.set(ENGAGED + "zhang", engagement)
    for _ in range(2):
        seen = await board.all()
        assert (seen["zhang"], seen["li"].here) == (Presence(), True)
    assert live.damaged.count == 1
    await board.move("zhang", COME)
    await board.move("zhang", SEE)
    assert (await board.all())["zhang"].state is AgentState.AVAILABLE
    await live.close()


async def test_a_presence_with_a_field_of_a_later_version_is_read(server: EmbeddedRedis) -> None:
    live = await LiveAgents.open(server.url)
    async with connect(server.url) as redis:
        await redis.hset(AGENTS, "zhang", b'{"here": true, "reachable": true, "mood": "good"}')
    assert (await PresenceStore(live).all())["zhang"].state is AgentState.AVAILABLE
    assert live.damaged.count == 0
    await live.close()
