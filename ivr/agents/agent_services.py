"""Everything that the agents of one node need, put together. Must not know: telephone networks, HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from ivr.agents.acd_service import AcdService, ContactJournal
from ivr.agents.announcements import Announcements
from ivr.agents.phone_watch import RegisteredPhones, watch_phones
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Rosters
from ivr.agents.roster_store import RosterStore
from ivr.live.agents import LiveAgents
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues


@dataclass(frozen=True, slots=True)
class AgentServices:
    """The agents, and what they are reached by. `now`: the time of day, with its zone."""

    roster_store: RosterStore
    presences: PresenceStore
    feed: EventFeed
    acd: AcdService
    now: Callable[[], datetime]

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        roster_store: RosterStore,
        redis: str,
        announcements: Announcements,
        node: str,
        now: Callable[[], datetime],
        journal: ContactJournal | None = None,
    ) -> AsyncIterator[AgentServices]:
        """Connected to the Redis at the URL `redis` within the block. `journal`: see ivr.agents.acd_service.AcdService.

        Raises:
            LiveStateUnavailable: it cannot be used.
        """
        async with AsyncExitStack() as stack:
            agents = await LiveAgents.open(redis)
            stack.push_async_callback(agents.close)
            queues = await LiveQueues.open(redis)
            stack.push_async_callback(queues.close)
            feed = await EventFeed.open(redis)
            stack.push_async_callback(feed.close)
            presences = PresenceStore(agents)
            acd = AcdService(lambda: roster_store.rosters, presences, queues, feed, announcements, node, now, journal)
            stack.push_async_callback(acd.drain)
            yield cls(roster_store, presences, feed, acd, now)

    @property
    def rosters(self) -> Rosters:
        """Those in force."""
        return self.roster_store.rosters

    async def run(self, phones: RegisteredPhones | None) -> None:
        """Until cancelled: keep what this node has engaged agents in, and watch their phones (None: nobody can)."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.presences.run())
            group.create_task(self.acd.run_commands())
            if phones:
                group.create_task(watch_phones(phones, lambda: self.rosters, self.presences))
