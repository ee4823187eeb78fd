"""The presence of all agents, shared by the nodes: each transition is validated, then stored by compare-and-set.

An engagement is a lease: the node that created it renews it; if the node dies, the lease expires. So does its report of
the agents that it reaches; an agent is reachable if any node reaches them.
Must not know: rosters, calls, telephones.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any, Final

from pydantic import TypeAdapter

from ivr.agents.presence import AgentState, Presence, end_wrap_up, set_reachable
from ivr.errors import HuifangError
from ivr.live.agents import LiveAgents, StoredPresence

log = logging.getLogger(__name__)

ENGAGEMENT_LEASE_MS: Final = 15_000
"""Lease of an engagement, in ms: an agent is free again if their node has not renewed it for this long."""
REACHED_LEASE_MS: Final = 15_000
"""Lease of a node's report of the agents that it reaches, in ms."""
RENEW_S: Final = ENGAGEMENT_LEASE_MS / 3000

PresenceStep = Callable[[Presence], Presence]

_PRESENCE: Final = TypeAdapter(Presence)


class PresenceStore:
    """The presence of all agents. Methods raise LiveStateUnavailable when Redis stays unavailable.

    A stored presence that is damaged counts as none; the agent's next transition replaces it.
    """

    def __init__(self, live: LiveAgents) -> None:
        self._live = live
        self._owned: dict[str, bytes] = {}
        self._lock = asyncio.Lock()

    async def all(self) -> dict[str, Presence]:
        """Return the presence of every agent who ever had one."""
        return {agent: self._decode(agent, stored) for agent, stored in (await self._live.all()).items()}

    async def move(self, agent: str, step: PresenceStep, wrap_up_s: float = 0) -> Presence:
        """Apply a transition to an agent's presence; a resulting wrap-up lasts `wrap_up_s`, 0 skips it.

        Raises:
            IllegalMove: the current state does not allow the transition; nothing was changed.
        """
        async with self._lock:
            while True:
                before = await self._live.load(agent)
                presence = step(self._decode(agent, before))
                wrapping_up = presence.state is AgentState.WRAP_UP
                if wrapping_up and not wrap_up_s:
                    presence, wrapping_up = end_wrap_up(presence), False
                after = _encode(presence)
                ttl_ms = round(wrap_up_s * 1000) if wrapping_up else ENGAGEMENT_LEASE_MS
                if after == before or await self._live.change(agent, before, after, ttl_ms):
                    break
            if after.engagement != before.engagement:
                self._owned.pop(agent, None)
                if after.engagement and not wrapping_up:
                    self._owned[agent] = after.engagement
            return presence

    async def report_reachable(self, node: str, agents: Collection[str]) -> None:
        """Report the agents that a node reaches; the report replaces the earlier one, and expires unless repeated."""
        await self._live.report_reachable(node, agents, REACHED_LEASE_MS)

    async def run(self) -> None:
        """Run until cancelled: renew the leases of this node's engagements."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew()
            except HuifangError as error:
                log.warning("the leases of agents' calls were not renewed: %s", error)

    async def renew(self) -> None:
        """Renew the leases of this node's engagements once."""
        for agent in tuple(self._owned):
            async with self._lock:
                engagement = self._owned.get(agent)
                if engagement and not await self._live.renew(agent, engagement, ENGAGEMENT_LEASE_MS):
                    log.error("agent %s: the lease of their call expired, and they have another call now", agent)
                    del self._owned[agent]

    def _decode(self, agent: str, stored: StoredPresence) -> Presence:
        presence = Presence()
        try:
            fields: dict[str, Any] = json.loads(stored.note or b"{}")
            presence = _PRESENCE.validate_python({**fields, "engaged": json.loads(stored.engagement or b"null")})
        except (ValueError, TypeError, RecursionError):
            content = stored.note + b"\n" + stored.engagement
            self._live.damaged.skip("presence of agents", agent, content, "not a presence")
        return set_reachable(presence, stored.reachable)


def _encode(presence: Presence) -> StoredPresence:
    fields = asdict(presence)
    engaged, reachable = fields.pop("engaged"), fields.pop("reachable")
    return StoredPresence(json.dumps(fields).encode(), json.dumps(engaged).encode() if engaged else b"", reachable)
