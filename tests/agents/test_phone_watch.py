"""Watching which phones are registered."""

from __future__ import annotations

from datetime import UTC, time
from functools import partial

from ivr.agents import presence
from ivr.agents.phone_watch import update_reachability
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Agent, Roster, Rosters, Shift
from ivr.live.agents import LiveAgents
from ivr.live.embedded import EmbeddedRedis

ROSTERS = Rosters(
    UTC,
    "zh-CN",
    {name: Agent(name, "", f"phone-{name}") for name in ("zhang", "li")},
    {"hotline": Roster({"always": Shift(time(0), time(0), ("zhang", "li"))})},
)


async def test_a_phone_that_registers_or_disappears_is_noticed(server: EmbeddedRedis) -> None:
    live = await LiveAgents.open(server.url)
    presences = PresenceStore(live)
    await presences.move("zhang", partial(presence.set_available, now=1.0))

    async def states() -> dict[str, str]:
        return {agent: str(each.state) for agent, each in (await presences.all()).items()}

    await update_reachability(frozenset(), ROSTERS, presences)
    assert await states() == {"zhang": "unreachable"}
    await update_reachability(frozenset({"phone-zhang", "phone-li", "phone-of-a-stranger"}), ROSTERS, presences)
    assert await states() == {"zhang": "available", "li": "away"}
    await update_reachability(frozenset({"phone-li"}), ROSTERS, presences)
    assert await states() == {"zhang": "unreachable", "li": "away"}
    await live.close()
