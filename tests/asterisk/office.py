"""The ACD on a private Asterisk: each line has agents of its own with SIP phones, and the tests lead the calls."""

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
from ivr.agents.command_service import CommandService
from ivr.agents.presence import Presence
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Agent, Roster, Rosters, Shift
from ivr.agents.transfer_service import TransferService
from ivr.agents.transfer_state import AgentCommand, CommandName
from ivr.events import EndedBy
from ivr.live.agents import LiveAgents
from ivr.live.commands import LiveCommands
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues
from ivr.prompts.library import PromptLibrary
from ivr.resource_files import ROOT
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.port import CallLeg
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.service import AdapterFixture
from tests.asterisk.sound import babble
from tests.asterisk.system import SystemFixture, running_system

LONG_MS = 600_000
TOO_EARLY = ("not_on_call", "call_over")
"""Why a command is refused that is sent before the agent's screen shows the call."""
WHISPER = "三次报修未解决"
WORDS = babble(0.8, seed=21)
"""The speech of any free text."""


class ConcurrentAdapterFixture(AdapterFixture):
    """Returns each arriving call to the `connect` that placed it, as many calls are placed concurrently."""

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
class AcdFixture:
    """The ACD, its stores and a private Asterisk; `staff_line` adds the lines."""

    system: SystemFixture
    presences: PresenceStore
    live: LiveAgents
    commands: CommandService
    feed: EventFeed
    library: PromptLibrary
    agents: dict[str, Agent] = field(default_factory=dict)
    lines: dict[str, Roster] = field(default_factory=dict)
    adapter: ConcurrentAdapterFixture | None = None

    @property
    def rosters(self) -> Rosters:
        """The rosters of the lines added so far."""
        return Rosters(UTC, "zh-CN", self.agents, self.lines)

    async def staff_line(self, line: str, agents: int = 1, wrap_up_s: int = 0, wait_s: int = 60) -> list[Phone]:
        """Add a line with available agents; return their phones in the order in which they get offers."""
        phones = [await self.system.phone() for _ in range(agents)]
        for number, phone in enumerate(phones):
            agent = Agent(f"{line}_{number}", "", phone.account.name)
            self.agents[agent.id] = agent
            await self.presences.move(agent.id, partial(presence.set_available, now=float(number)))
        await self.live.report_reachable("node", self.agents.keys(), LONG_MS)
        agent_ids = tuple(f"{line}_{number}" for number in range(agents))
        self.lines[line] = Roster({"always": Shift(time(0), time(0), agent_ids)}, wait_s=wait_s, wrap_up_s=wrap_up_s)
        return phones

    async def connect_caller(self) -> tuple[PhoneCall, AsteriskCallLeg]:
        """Call the service; return both ends of the call."""
        assert self.adapter
        return await self.adapter.connect(await self.system.phone())

    async def transfer(self, leg: AsteriskCallLeg, target: str, **options: bool) -> EndedBy:
        """Transfer a caller to a line."""
        assert self.adapter
        return await self.adapter.transfer(leg, target, WHISPER, **options)

    async def command(self, agent: str, what: CommandName, line: str = "") -> None:
        """Send a command of an agent, who has just taken a call, and expect the call to accept it."""
        async with asyncio.timeout(30):
            while (reply := await self.commands.send(AgentCommand(agent, what, line))).refused in TOO_EARLY:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert not reply.refused, reply

    async def presence(self, line: str, number: int = 0) -> Presence:
        """The presence of one of a line's agents."""
        return (await self.presences.all())[f"{line}_{number}"]


@asynccontextmanager
async def running_acd(data: Path) -> AsyncIterator[AcdFixture]:
    """Start an Asterisk, a Redis and the ACD."""
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
        renewing = asyncio.create_task(presences.run())
        stack.callback(renewing.cancel)
        library = PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC))
        live = await LiveCommands.open(redis.url)
        stack.push_async_callback(live.close)
        commands = CommandService(live, presences, "node")
        fixture = AcdFixture(system, presences, agents, commands, feed, library)
        sounds = Announcements(library, lambda words, language: WORDS.tobytes())
        acd = AcdService(
            lambda: fixture.rosters, presences, queues, feed, commands, sounds, "node", lambda: datetime.now(UTC)
        )
        taking = asyncio.create_task(commands.run())
        stack.callback(taking.cancel)
        fixture.adapter = await stack.enter_async_context(
            ConcurrentAdapterFixture(system.site, system.passwords, transfers=TransferService(acd))
        )
        yield fixture
