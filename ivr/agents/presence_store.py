"""Everybody's presence as all nodes see it: each move is checked, then made by compare-and-set.

What this node has engaged an agent in is renewed as long as it lives, and lapses with it.
Must not know: rosters, calls, telephones.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from ivr.agents.presence import AgentState, Engagement, Presence, end_wrap_up
from ivr.errors import HuifangError
from ivr.live.agents import Kept, LiveAgents

log = logging.getLogger(__name__)

ENGAGEMENT_LEASE_MS: Final = 15_000
"""An agent whose node has not renewed their call for so long is free again."""
RENEW_S: Final = ENGAGEMENT_LEASE_MS / 3000

PresenceStep = Callable[[Presence], Presence]


class PresenceStore:
    """The presence of all agents. Methods raise LiveStateUnavailable when Redis stays away."""

    def __init__(self, live: LiveAgents) -> None:
        self._live = live
        self._held: dict[str, bytes] = {}
        self._changing = asyncio.Lock()

    async def all(self) -> dict[str, Presence]:
        """The presence of everybody who ever had one."""
        return {agent: _read(kept) for agent, kept in (await self._live.all()).items()}

    async def move(self, agent: str, step: PresenceStep, wrap_up_s: float = 0) -> Presence:
        """Take an agent one step on; a wrap-up that it leads to lasts `wrap_up_s`, and is left out when that is 0.

        Raises:
            IllegalMove: the present state does not allow it; nothing was changed.
        """
        async with self._changing:
            while True:
                before = await self._live.load(agent)
                presence = step(_read(before))
                resting = presence.state is AgentState.WRAP_UP
                if resting and not wrap_up_s:
                    presence, resting = end_wrap_up(presence), False
                after = _write(presence)
                ttl_ms = round(wrap_up_s * 1000) if resting else ENGAGEMENT_LEASE_MS
                if after == before or await self._live.change(agent, before, after, ttl_ms):
                    break
            if after.engagement != before.engagement:
                self._held.pop(agent, None)
                if after.engagement and not resting:
                    self._held[agent] = after.engagement
            return presence

    async def keep(self) -> None:
        """Until cancelled: renew what this node has engaged agents in."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew()
            except HuifangError as away:
                log.warning("the agents' calls cannot be renewed: %s", away)

    async def renew(self) -> None:
        """Say that this node lives."""
        for agent in tuple(self._held):
            async with self._changing:
                engagement = self._held.get(agent)
                if engagement and not await self._live.renew(agent, engagement, ENGAGEMENT_LEASE_MS):
                    log.error("agent %s, whose call had lapsed, was offered another one", agent)
                    del self._held[agent]


def _read(kept: Kept) -> Presence:
    engaged = Engagement(**json.loads(kept.engagement)) if kept.engagement else None
    return Presence(**json.loads(kept.note), engaged=engaged) if kept.note else Presence(engaged=engaged)


def _write(presence: Presence) -> Kept:
    fields = asdict(presence)
    engaged = fields.pop("engaged")
    return Kept(json.dumps(fields).encode(), json.dumps(engaged).encode() if engaged else b"")
