from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr.live.agents import AGENTS, ENGAGED, REACHED, REPORTING, LiveAgents, StoredPresence
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.errors import LiveStateUnavailable

LONG_MS = 600_000
HERE = StoredPresence(b"here")
NOTHING = StoredPresence()


@pytest.fixture
async def agents(server: EmbeddedRedis) -> AsyncIterator[LiveAgents]:
    opened = await LiveAgents.open(server.url)
    yield opened
    await opened.close()


async def test_a_stored_presence_is_found(agents: LiveAgents) -> None:
    assert await agents.load("zhang") == NOTHING and await agents.all() == {}
    assert await agents.change("zhang", NOTHING, HERE, LONG_MS)
    assert await agents.change("li", NOTHING, StoredPresence(b"\xff", b"ringing"), LONG_MS)
    assert await agents.load("zhang") == HERE
    assert await agents.all() == {"zhang": HERE, "li": StoredPresence(b"\xff", b"ringing")}


@pytest.mark.parametrize("wrong", [NOTHING, StoredPresence(b"away"), StoredPresence(b"here", b"busy")])
async def test_a_change_needs_the_stored_presence(agents: LiveAgents, wrong: StoredPresence) -> None:
    assert await agents.change("zhang", NOTHING, HERE, LONG_MS)
    assert not await agents.change("zhang", wrong, StoredPresence(b"other"), LONG_MS)
    assert await agents.load("zhang") == HERE


@pytest.mark.parametrize("key", [ENGAGED + "zhang", REACHED + "n1"])
async def test_a_foreign_value_in_place_of_a_lease_counts_as_none(
    agents: LiveAgents, server: EmbeddedRedis, key: str
) -> None:
    await agents.change("li", NOTHING, HERE, LONG_MS)
    await agents.change("zhang", NOTHING, HERE, LONG_MS)
    await agents.report_reachable("n1", ["zhang"], LONG_MS)
    async with connect(server.url) as redis:
        for use in (agents.all(), agents.load("zhang"), agents.renew("zhang", b"busy", LONG_MS)):
            await redis.delete(key)
            await redis.rpush(key, "foreign")  # type: ignore[misc]
            await use
        await redis.delete(ENGAGED + "zhang")
        await redis.rpush(ENGAGED + "zhang", "foreign")  # type: ignore[misc]
    assert await agents.change("zhang", HERE, StoredPresence(b"here", b"busy"), LONG_MS)
    assert (await agents.all())["zhang"].engagement == b"busy"


async def test_one_of_many_nodes_engages_an_agent(agents: LiveAgents) -> None:
    await agents.change("zhang", NOTHING, HERE, LONG_MS)
    offers = [StoredPresence(b"here", f"call {n}".encode()) for n in range(20)]
    won = await asyncio.gather(*(agents.change("zhang", HERE, offer, LONG_MS) for offer in offers))
    assert sum(won) == 1
    assert await agents.load("zhang") == offers[won.index(True)]


async def test_an_engagement_lapses_with_its_node_and_the_presence_stays(
    agents: LiveAgents, server: EmbeddedRedis
) -> None:
    await agents.change("zhang", NOTHING, StoredPresence(b"here", b"ringing"), LONG_MS)
    assert await agents.renew("zhang", b"ringing", LONG_MS)
    async with connect(server.url) as redis:
        await redis.pexpire(ENGAGED + "zhang", 0)
    assert await agents.load("zhang") == HERE and await agents.all() == {"zhang": HERE}


async def test_a_change_of_the_presence_alone_does_not_renew_the_engagement(
    agents: LiveAgents, server: EmbeddedRedis
) -> None:
    await agents.change("zhang", NOTHING, StoredPresence(b"here", b"busy"), LONG_MS)
    await agents.change("zhang", StoredPresence(b"here", b"busy"), StoredPresence(b"away", b"busy"), 10 * LONG_MS)
    async with connect(server.url) as redis:
        assert await redis.pttl(ENGAGED + "zhang") <= LONG_MS


async def test_a_lapsed_engagement_is_renewed_unless_another_exists(agents: LiveAgents) -> None:
    await agents.change("zhang", NOTHING, HERE, LONG_MS)
    assert await agents.renew("zhang", b"busy with 1", LONG_MS)
    assert await agents.load("zhang") == StoredPresence(b"here", b"busy with 1")
    assert not await agents.renew("zhang", b"busy with 2", LONG_MS)


async def test_a_foreign_name_is_skipped(agents: LiveAgents, server: EmbeddedRedis) -> None:
    await agents.change("zhang", NOTHING, HERE, LONG_MS)
    async with connect(server.url) as redis:
        await redis.hset(AGENTS, b"\xff\xfe", "note")  # type: ignore[misc]
    for _ in range(2):
        assert await agents.all() == {"zhang": HERE}
    assert agents.damaged.count == 1


async def test_an_agent_is_reachable_if_any_node_reaches_them(agents: LiveAgents) -> None:
    await agents.change("zhang", NOTHING, HERE, LONG_MS)
    await agents.report_reachable("n1", ["zhang", "li"], LONG_MS)
    await agents.report_reachable("n2", [], LONG_MS)
    assert await agents.load("zhang") == StoredPresence(b"here", reachable=True)
    assert await agents.load("li") == StoredPresence(reachable=True)
    assert await agents.all() == {"zhang": StoredPresence(b"here", reachable=True)}
    await agents.report_reachable("n2", ["zhang"], LONG_MS)
    await agents.report_reachable("n1", ["li"], LONG_MS)
    assert (await agents.load("zhang")).reachable
    await agents.report_reachable("n2", [], LONG_MS)
    assert not (await agents.load("zhang")).reachable and not (await agents.all())["zhang"].reachable
    assert (await agents.load("li")).reachable


async def test_the_report_of_a_dead_node_expires(agents: LiveAgents, server: EmbeddedRedis) -> None:
    await agents.report_reachable("dead", ["zhang"], LONG_MS)
    await agents.report_reachable("alive", ["li"], LONG_MS)
    async with connect(server.url) as redis:
        assert 0 < await redis.pttl(REACHED + "dead") <= LONG_MS
        await redis.pexpire(REACHED + "dead", 0)
        assert not (await agents.load("zhang")).reachable and (await agents.load("li")).reachable
        assert await redis.smembers(REPORTING) == {b"alive"}


async def test_a_report_does_not_interfere_with_a_change(agents: LiveAgents) -> None:
    await agents.change("zhang", NOTHING, HERE, LONG_MS)
    before = await agents.load("zhang")
    await agents.report_reachable("n1", ["zhang"], LONG_MS)
    assert await agents.change("zhang", before, StoredPresence(b"away"), LONG_MS)
    assert await agents.load("zhang") == StoredPresence(b"away", reachable=True)


async def test_a_redis_that_stays_away_is_reported(server: EmbeddedRedis) -> None:
    agents = await LiveAgents.open(server.url, retries=1)
    await agents.all()
    await server.close()
    for doing in (
        agents.all(),
        agents.load("a"),
        agents.change("a", NOTHING, HERE, 1),
        agents.renew("a", b"", 1),
        agents.report_reachable("n1", ["a"], 1),
    ):
        with pytest.raises(LiveStateUnavailable, match="Redis"):
            await doing
    await agents.close()
