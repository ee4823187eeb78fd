"""Watching which phones are registered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, time
from functools import partial

import pytest

from ivr.agents import phone_watch, presence
from ivr.agents.phone_watch import report_phones, watch_phones
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Agent, Roster, Rosters, Shift
from ivr.errors import HuifangError
from ivr.live.agents import LiveAgents
from ivr.live.embedded import EmbeddedRedis

ROSTERS = Rosters(
    UTC,
    "zh-CN",
    {name: Agent(name, "", f"phone-{name}") for name in ("zhang", "li")},
    {"hotline": Roster({"always": Shift(time(0), time(0), ("zhang", "li"))})},
)


@pytest.fixture
async def presences(server: EmbeddedRedis) -> AsyncIterator[PresenceStore]:
    live = await LiveAgents.open(server.url)
    store = PresenceStore(live)
    await store.move("zhang", partial(presence.set_available, now=1.0))
    yield store
    await live.close()


async def states(presences: PresenceStore) -> dict[str, str]:
    return {agent: str(each.state) for agent, each in (await presences.all()).items()}


async def test_a_phone_that_registers_or_disappears_is_noticed(presences: PresenceStore) -> None:
    await report_phones(frozenset(), ROSTERS, presences, "node")
    assert await states(presences) == {"zhang": "unreachable"}
    await report_phones(frozenset({"phone-zhang", "phone-li", "phone-of-a-stranger"}), ROSTERS, presences, "node")
    await presences.move("li", partial(presence.set_available, now=2.0))
    assert await states(presences) == {"zhang": "available", "li": "available"}
    await report_phones(frozenset({"phone-li"}), ROSTERS, presences, "node")
    assert await states(presences) == {"zhang": "unreachable", "li": "available"}


async def test_nodes_with_different_pbxs_do_not_contradict_each_other(presences: PresenceStore) -> None:
    await presences.move("li", partial(presence.set_available, now=2.0))
    phones = {"one": frozenset({"phone-zhang"}), "other": frozenset({"phone-li"})}
    for node, registered in phones.items():
        await report_phones(registered, ROSTERS, presences, node)
    for node, registered in [*phones.items()] * 3:
        await report_phones(registered, ROSTERS, presences, node)
        assert await states(presences) == {"zhang": "available", "li": "available"}
    await report_phones(frozenset(), ROSTERS, presences, "one")
    assert await states(presences) == {"zhang": "unreachable", "li": "available"}


async def test_phones_whose_registration_is_unknown_stay_as_they_were(
    presences: PresenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_watch, "POLL_S", 0)
    polls, done = 0, asyncio.Event()

    async def phones() -> frozenset[str]:
        nonlocal polls
        polls += 1
        if polls > 1:
            done.set()
            raise HuifangError("Asterisk is away")
        return frozenset({"phone-zhang"})

    watching = asyncio.create_task(watch_phones(phones, lambda: ROSTERS, presences, "node"))
    await done.wait()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert await states(presences) == {"zhang": "available"}
