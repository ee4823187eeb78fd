"""The ACD of a node with scripted agents, on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import partial

from ivr.agents import presence
from ivr.agents.acd_service import AcdService
from ivr.agents.announcements import Announcements
from ivr.agents.command_service import TIMEOUT_S, CommandService
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Agent, Roster, Rosters, Shift
from ivr.live.agents import LiveAgents
from ivr.live.commands import LiveCommands
from ivr.live.feed import EventFeed
from ivr.live.feed_event import FeedEvent
from ivr.live.queues import LiveQueues
from ivr.prompts.library import PromptLibrary
from ivr.resource_files import ROOT
from ivr.telephony.port import Call, TransferRefused

LONG_MS = 600_000
CALL = Call("call-1", "asterisk", "inbound", "13812345678", "4000", "survey", "zh-CN")
ROSTERS = Rosters(
    UTC,
    "zh-CN",
    {"zhang": Agent("zhang", "", "1001"), "li": Agent("li", "", "1002", frozenset({"en-US"}))},
    {
        "hotline": Roster({"always": Shift(time(0), time(0), ("zhang", "li"))}, wrap_up_s=600),
        "supervision": Roster({"always": Shift(time(0), time(0), ("li",))}),
    },
)


@dataclass
class ScriptedPerson:
    """Presses `keys` in turn, then hangs up once `leaves` is set. See port.Person."""

    keys: list[str]
    leaves: asyncio.Event = field(default_factory=asyncio.Event)
    log: list[str] = field(default_factory=list)

    async def play(self, pcm: bytes) -> None:
        self.log.append("whispered")

    async def key(self) -> str:
        if self.keys:
            return self.keys.pop(0)
        await self.leaves.wait()
        return ""

    async def connect(self) -> None:
        self.log.append("connected")

    async def wait_until_gone(self) -> None:
        await self.leaves.wait()

    async def disconnect(self) -> None:
        self.log.append("disconnected")

    async def ringback(self) -> None:
        self.log.append("ringback")

    async def step_aside(self) -> None:
        self.log.append("stepped aside")


class FailingPerson(ScriptedPerson):
    """An agent on whose answer the service fails."""

    async def key(self) -> str:
        raise RuntimeError("a fault")


@dataclass
class ScriptedHold:
    """A caller on hold; `people` maps the phones that answer to their agents. See port.HeldCaller."""

    people: dict[str, ScriptedPerson]
    rung: list[str] = field(default_factory=list)
    refusal: TransferRefused = field(default_factory=lambda: TransferRefused("no_answer", rang=True))
    overheard: bool = False
    noted: list[tuple[str, ...]] = field(default_factory=list)

    def note_parties(self, parties: Sequence[str]) -> None:
        self.noted.append(tuple(parties))

    async def play(self, pcm: bytes) -> None:
        return

    async def key(self) -> str:
        await asyncio.Event().wait()
        return ""

    @asynccontextmanager
    async def ring(self, phone: str, shown: str, ring_s: int) -> AsyncIterator[ScriptedPerson]:
        self.rung.append(phone)
        if phone not in self.people:
            raise self.refusal
        yield self.people[phone]


@dataclass
class AcdParts:
    """An ACD service and its collaborators."""

    acd: AcdService
    presences: PresenceStore
    live_commands: LiveCommands
    commands: CommandService
    feed: EventFeed
    journal: list[tuple[str, str, str]]

    async def shown(self, kind: str, agent: str = "", **data: object) -> FeedEvent:
        """Wait for an event, retained or new."""
        async with asyncio.timeout(10), aclosing(self.feed.follow("0")) as feed:
            async for _, event in feed:
                if event.kind == kind and agent in ("", event.agent) and data.items() <= event.data.items():
                    return event
        raise AssertionError("the feed ended")

    @asynccontextmanager
    async def connected_to_zhang(self, hold: ScriptedHold) -> AsyncIterator[asyncio.Task[None]]:
        """Within the block zhang talks to the caller, and the node takes commands."""
        commands = asyncio.create_task(self.commands.run())
        transfer = asyncio.create_task(self.acd.hand_over(CALL, "hotline", "", hold))
        await self.shown("accepted", "zhang")
        try:
            yield transfer
        finally:
            for task in (transfer, commands):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def running_acd(url: str, node: str = "node", timeout_s: float = TIMEOUT_S) -> AsyncIterator[AcdParts]:
    """The ACD of a node. Both agents are available; zhang has been idle longer."""
    library = PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC))
    sounds = Announcements(library, lambda words, language: b"")
    journal: list[tuple[str, str, str]] = []

    def write(call: str, agent: str, line: str, at: datetime) -> None:
        journal.append((call, agent, line))

    async with AsyncExitStack() as stack:
        agents = await LiveAgents.open(url, retries=1)
        stack.push_async_callback(agents.close)
        queues = await LiveQueues.open(url, retries=1)
        stack.push_async_callback(queues.close)
        feed = await EventFeed.open(url, retries=1)
        stack.push_async_callback(feed.close)
        live = await LiveCommands.open(url, retries=1)
        stack.push_async_callback(live.close)
        presences = PresenceStore(agents)
        for number, agent in enumerate(("zhang", "li")):
            await presences.move(agent, partial(presence.set_available, now=float(number)))
        await agents.report_reachable(node, ["zhang", "li"], LONG_MS)
        commands = CommandService(live, presences, node, timeout_s)
        acd = AcdService(
            lambda: ROSTERS, presences, queues, feed, commands, sounds, node, lambda: datetime.now(UTC), write
        )
        yield AcdParts(acd, presences, live, commands, feed, journal)


def person_who_leaves(keys: list[str]) -> ScriptedPerson:
    """An agent who hangs up after pressing `keys`."""
    person = ScriptedPerson(keys)
    person.leaves.set()
    return person
