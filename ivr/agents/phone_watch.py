"""Tracks which agents' phones are registered. Must not know: telephone networks, calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from ivr.agents import presence
from ivr.agents.presence import Presence
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Rosters
from ivr.errors import HuifangError

log = logging.getLogger(__name__)

POLL_S: Final = 2.0

RegisteredPhones = Callable[[], Awaitable[frozenset[str] | None]]
"""Returns the registered phones, None if no network can tell."""


async def watch_phones(phones: RegisteredPhones, rosters: Callable[[], Rosters], presences: PresenceStore) -> None:
    """Run until cancelled: update the agents' presence from `phones`; without any that register, leave it alone."""
    last_fault = ""
    while True:
        try:
            if (registered := await phones()) is not None:
                await update_reachability(registered, rosters(), presences)
            last_fault = ""
        except HuifangError as fault:
            if str(fault) != last_fault:
                log.warning("the registration of agents' phones cannot be determined: %s", fault)
            last_fault = str(fault)
        await asyncio.sleep(POLL_S)


async def update_reachability(registered: frozenset[str], rosters: Rosters, presences: PresenceStore) -> None:
    """Update the presence of each agent whose phone has registered or unregistered since any node's last check."""
    current = await presences.all()
    for agent in rosters.agents.values():
        reachable = agent.phone in registered
        if current.get(agent.id, Presence()).reachable != reachable:
            await presences.move(agent.id, partial(presence.set_reachable, reachable=reachable))
