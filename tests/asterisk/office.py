"""A service whose lines are staffed by agents with SIP phones, each line with people of its own; tests lead calls."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

from ivr.agents import presence
from ivr.agents.acd_service import AcdService
from ivr.agents.announcements import Announcements
from ivr.agents.presence import Presence
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Agent, Roster, Rosters, Shift
from ivr.agents.transfer_service import TransferService
from ivr.events import EndedBy
from ivr.live.agents import LiveAgents
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues
from ivr.prompts.library import PromptLibrary
from ivr.resource_files import ROOT
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.port import CallLeg
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.service import Service
from tests.asterisk.sound import babble
from tests.asterisk.system import SystemFixture, running_system

WHISPER = "三次报修未解决"
WORDS = babble(0.8, seed=21)
"""What free words sound like here."""


class Switch(Service):
    """Gives each call to whoever placed it, for many are placed at once."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arrived: dict[str, asyncio.Queue[AsteriskCallLeg]] = defaultdict(asyncio.Queue)

    async def connect(self, phone: Phone) -> tuple[PhoneCall, AsteriskCallLeg]:
        call = await phone.call("4000")
        line = await asyncio.wait_for(self._arrived[phone.account.name].get(), 30)
        return await call.answered(), line

    async def _answer(self, line: CallLeg) -> None:
        assert isinstance(line, AsteriskCallLeg)
        self._arrived[line.call.caller].put_nowait(line)
        await asyncio.shield(line.over)


@dataclass
class Office:
    """The lines are made by `staffed`."""

    system: SystemFixture
    presences: PresenceStore
    feed: EventFeed
    library: PromptLibrary
    agents: dict[str, Agent] = field(default_factory=dict)
    lines: dict[str, Roster] = field(default_factory=dict)
    switch: Switch | None = None
    acd: AcdService | None = None

    @property
    def rosters(self) -> Rosters:
        """As they are by now."""
        return Rosters(UTC, "zh-CN", self.agents, self.lines)

    async def staffed(self, line: str, people: int = 1, wrap_up_s: int = 0, wait_s: int = 60) -> list[Phone]:
        """A line with so many people on duty, all available, in the order in which they will be asked."""
        phones = [await self.system.phone() for _ in range(people)]
        for number, phone in enumerate(phones):
            agent = Agent(f"{line}_{number}", "", phone.account.name)
            self.agents[agent.id] = agent
            await self.presences.move(agent.id, partial(presence.set_available, now=float(number)))
            await self.presences.move(agent.id, partial(presence.set_reachable, reachable=True))
        crew = tuple(f"{line}_{number}" for number in range(people))
        self.lines[line] = Roster({"always": Shift(time(0), time(0), crew)}, wait_s=wait_s, wrap_up_s=wrap_up_s)
        return phones

    async def calls(self) -> tuple[PhoneCall, AsteriskCallLeg]:
        """Somebody calls; both ends of the call."""
        assert self.switch
        return await self.switch.connect(await self.system.phone())

    async def hands_over(self, line: AsteriskCallLeg, target: str, **options: bool) -> EndedBy:
        """Transfer a caller to a line."""
        assert self.switch
        return await self.switch.transfer(line, target, WHISPER, **options)

    async def presence(self, line: str, number: int = 0) -> Presence:
        """That of one of a line's people."""
        return (await self.presences.all())[f"{line}_{number}"]


@asynccontextmanager
async def an_office(data: Path) -> AsyncIterator[Office]:
    """An Asterisk, phones, a Redis, and the part of the service that hands callers over."""
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(running_system(data))
        redis = await EmbeddedRedis.start(data / "redis")
        stack.push_async_callback(redis.close)
        agents = await LiveAgents.open(redis.url)
        stack.push_async_callback(agents.close)
        queues = await LiveQueues.open(redis.url)
        stack.push_async_callback(queues.close)
        feed = await EventFeed.open(redis.url)
        stack.push_async_callback(feed.close)
        presences = PresenceStore(agents)
        keeping = asyncio.create_task(presences.run())
        stack.callback(keeping.cancel)
        library = PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC))
        office = Office(system, presences, feed, library)
        sounds = Announcements(library, lambda words, language: WORDS.tobytes())
        acd = AcdService(lambda: office.rosters, presences, queues, feed, sounds, "node", lambda: datetime.now(UTC))
        office.acd = acd
        obeying = asyncio.create_task(acd.run_commands())
        stack.callback(obeying.cancel)
        office.switch = await stack.enter_async_context(
            Switch(system.site, system.passwords, transfers=TransferService(acd))
        )
        yield office
