"""Tracks which agents' phones are registered. Must not know: telephone networks, calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Rosters
from ivr.errors import HuifangError

log = logging.getLogger(__name__)

POLL_S: Final = 2.0

RegisteredPhones = Callable[[], Awaitable[frozenset[str]]]


async def watch_phones(
    phones: RegisteredPhones, rosters: Callable[[], Rosters], presences: PresenceStore, node: str
) -> None:
    """Run until cancelled: report the agents that `node` reaches; `phones` returns the phones registered with it."""
    last_fault = ""
    while True:
        try:
            await report_phones(await phones(), rosters(), presences, node)
            last_fault = ""
        except HuifangError as fault:
            if str(fault) != last_fault:
                log.warning("the registration of agents' phones cannot be determined: %s", fault)
            last_fault = str(fault)
        await asyncio.sleep(POLL_S)


async def report_phones(registered: frozenset[str], rosters: Rosters, presences: PresenceStore, node: str) -> None:
    """Report the agents of the rosters whose phones are registered with a node."""
    reached = [agent.id for agent in rosters.agents.values() if agent.phone in registered]
    await presences.report_reachable(node, reached)
