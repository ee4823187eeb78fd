from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr.live.agents import AGENTS, ENGAGED, LiveAgents, StoredPresence
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


async def test_what_was_kept_is_found_again(agents: LiveAgents) -> None:
    assert await agents.load("zhang") == NOTHING and await agents.all() == {}
    assert await agents.change("zhang", NOTHING, HERE, LONG_MS)
    assert await agents.change("li", NOTHING, StoredPresence(b"\xff", b"ringing"), LONG_MS)
    assert await agents.load("zhang") == HERE
    assert await agents.all() == {"zhang": HERE, "li": StoredPresence(b"\xff", b"ringing")}


@pytest.mark.parametrize("wrong", [NOTHING, StoredPresence(b"away"), StoredPresence(b"here", b"busy")])
async def test_only_who_knows_what_is_kept_may_change_it(agents: LiveAgents, wrong: StoredPresence) -> None:
    assert await agents.change("zhang", NOTHING, HERE, LONG_MS)
    assert not await agents.change("zhang", wrong, StoredPresence(b"other"), LONG_MS)
    assert await agents.load("zhang") == HERE


async def test_of_many_nodes_that_engage_an_agent_one_succeeds(agents: LiveAgents) -> None:
    await agents.change("zhang", NOTHING, HERE, LONG_MS)
    offers = [StoredPresence(b"here", f"call {n}".encode()) for n in range(20)]
    won = await asyncio.gather(*(agents.change("zhang", HERE, offer, LONG_MS) for offer in offers))
    assert sum(won) == 1
    assert await agents.load("zhang") == offers[won.index(True)]


async def test_an_engagement_lapses_with_its_node_and_the_note_stays(agents: LiveAgents, server: EmbeddedRedis) -> None:
    await agents.change("zhang", NOTHING, StoredPresence(b"here", b"ringing"), LONG_MS)
    assert await agents.renew("zhang", b"ringing", LONG_MS)
    async with connect(server.url) as redis:
        await redis.pexpire(ENGAGED + "zhang", 0)
    assert await agents.load("zhang") == HERE and await agents.all() == {"zhang": HERE}


async def test_a_change_of_the_note_alone_does_not_prolong_the_engagement(
    agents: LiveAgents, server: EmbeddedRedis
) -> None:
    await agents.change("zhang", NOTHING, StoredPresence(b"here", b"busy"), LONG_MS)
    await agents.change("zhang", StoredPresence(b"here", b"busy"), StoredPresence(b"away", b"busy"), 10 * LONG_MS)
    async with connect(server.url) as redis:
        assert await redis.pttl(ENGAGED + "zhang") <= LONG_MS


async def test_a_lapsed_engagement_is_taken_up_again_unless_there_is_another(agents: LiveAgents) -> None:
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


async def test_a_redis_that_stays_away_is_reported(server: EmbeddedRedis) -> None:
    agents = await LiveAgents.open(server.url, retries=1)
    await agents.all()
    await server.close()
    for doing in (agents.all(), agents.load("a"), agents.change("a", NOTHING, HERE, 1), agents.renew("a", b"", 1)):
        with pytest.raises(LiveStateUnavailable, match="Redis"):
            await doing
    await agents.close()
