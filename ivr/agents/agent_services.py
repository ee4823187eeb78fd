"""The wiring of one node's agent services. Must not know: telephone networks, HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from ivr.agents.acd_service import AcdService, ContactJournal
from ivr.agents.announcements import Announcements
from ivr.agents.command_service import CommandService
from ivr.agents.phone_watch import RegisteredPhones, watch_phones
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Rosters
from ivr.agents.roster_store import RosterStore
from ivr.live.agents import LiveAgents
from ivr.live.commands import LiveCommands
from ivr.live.damage import DamagedEntries
from ivr.live.feed_reader import FeedReader
from ivr.live.queues import LiveQueues


@dataclass(frozen=True, slots=True)
class AgentServices:
    """Rosters, presence, event feed, commands and ACD of one node. `now` returns the current time, with its zone."""

    roster_store: RosterStore
    presences: PresenceStore
    reader: FeedReader
    commands: CommandService
    acd: AcdService
    now: Callable[[], datetime]

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        roster_store: RosterStore,
        redis: str,
        reader: FeedReader,
        announcements: Announcements,
        node: str,
        now: Callable[[], datetime],
        journal: ContactJournal | None = None,
        damaged: DamagedEntries | None = None,
    ) -> AsyncIterator[AgentServices]:
        """Connect to the Redis at the URL `redis` for the block. `journal`: see ivr.agents.acd_service.AcdService.

        `reader` reads the event feed, and is run elsewhere; `damaged` counts the entries in Redis that are skipped.

        Raises:
            LiveStateUnavailable: Redis cannot be used.
        """
        async with AsyncExitStack() as stack:
            agents = await LiveAgents.open(redis, damaged=damaged)
            stack.push_async_callback(agents.close)
            queues = await LiveQueues.open(redis, damaged=damaged)
            stack.push_async_callback(queues.close)
            live = await LiveCommands.open(redis, damaged=damaged)
            stack.push_async_callback(live.close)
            presences = PresenceStore(agents)
            commands = CommandService(live, presences, node)
            acd = AcdService(
                lambda: roster_store.rosters,
                presences,
                queues,
                reader.feed,
                commands,
                announcements,
                node,
                now,
                journal,
            )
            yield cls(roster_store, presences, reader, commands, acd, now)

    @property
    def rosters(self) -> Rosters:
        """The rosters in force."""
        return self.roster_store.rosters

    async def run(self, phones: RegisteredPhones) -> None:
        """Run until cancelled: renew this node's engagements, execute agents' commands, watch their phones."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.presences.run())
            group.create_task(self.commands.run())
            group.create_task(watch_phones(phones, lambda: self.rosters, self.presences, self.acd.node))
