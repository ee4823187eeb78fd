"""Takes the callers for lines that have people of their own. Must not know: telephone networks, flows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final, cast, get_args

from ivr.agents.agent_call import AgentCall, PostEvent
from ivr.agents.agent_selector import AgentSelector
from ivr.agents.announcements import Announcements
from ivr.agents.presence_store import PresenceStore
from ivr.agents.queue import QueuedCaller
from ivr.agents.queue_entry import QueueEntry
from ivr.agents.roster import Agent, Rosters
from ivr.agents.transfer_state import AgentCommand, CommandName
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.live.errors import LiveStateUnavailable
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues
from ivr.telephony.port import Call, HeldCaller, TransferRefused

log = logging.getLogger(__name__)

ContactJournal = Callable[[str, str, str, datetime], Awaitable[None]]
"""Writes down that a call was taken: its id, the agent's name, the line, when."""

COMMANDS: Final = frozenset(get_args(CommandName))
"""The events by which agents say what they want on their call."""


class AcdService:
    """Implements ivr.telephony.port.CallDistributor.

    Args:
        rosters: those in force.
        node: the name of this process.
        now: the time of day, with its zone.
        journal: where it is kept who took which call.
    """

    def __init__(
        self,
        rosters: Callable[[], Rosters],
        presences: PresenceStore,
        queues: LiveQueues,
        feed: EventFeed,
        announcements: Announcements,
        node: str,
        now: Callable[[], datetime],
        journal: ContactJournal | None = None,
    ) -> None:
        self.rosters = rosters
        self.presences = presences
        self.announcements = announcements
        self.node, self.now = node, now
        self._queues, self._feed = queues, feed
        self._journal = journal
        self._notes: set[asyncio.Task[None]] = set()
        self._mailboxes: dict[str, PostEvent] = {}

    def has_roster(self, target: str) -> bool:
        """See port.Desk."""
        return target in self.rosters().lines

    async def hand_over(self, call: Call, target: str, whisper: str, held: HeldCaller, own: bytes = b"") -> None:
        """See port.Desk."""
        line = target
        try:
            while line:
                line = await self._find(call, line, whisper, held, own)
        except LiveStateUnavailable as away:
            log.error("call %s cannot be handed over: %s", call.id, away)
            raise TransferRefused("unavailable") from away

    async def _find(self, call: Call, line: str, whisper: str, held: HeldCaller, own: bytes) -> str:
        """Hand a caller to somebody on a line; the line that they are passed on to in the end, if any."""
        rosters = self.rosters()
        if line not in rosters.lines:
            raise TransferRefused("unavailable")
        waiting = QueuedCaller(call.id, rosters.needs(line, call.language))
        words = self.words(line, call, whisper, own)
        try:
            async with QueueEntry(self._queues, line, waiting) as place:
                offer, person = await AgentSelector(self, rosters, place, call, held, words).run()
                try:
                    self._note(offer.agent, call, line)
                    await place.leave()
                    await offer.accepted()
                    return await AgentCall(self, call, held, whisper, own, offer, person).run()
                finally:
                    await offer.close()
        finally:
            words.cancel()

    def words(
        self, line: str, call: Call, whisper: str, own: bytes, asked_by: str = "", *, recorded: bool = False
    ) -> asyncio.Task[bytes]:
        """See conversation.Exchange."""
        say = partial(self.announcements.whisper, consulted=bool(asked_by), recorded=recorded)
        return asyncio.create_task(asyncio.to_thread(say, line, call.caller, whisper, self.rosters().language, own))

    @contextmanager
    def commands(self, call: str, post: PostEvent) -> Iterator[None]:
        """See conversation.Exchange."""
        self._mailboxes[call] = post
        try:
            yield
        finally:
            del self._mailboxes[call]

    async def command(self, agent: str, call: str, what: CommandName, line: str = "") -> None:
        """An agent wants something on their call; whichever node leads it will do it, or tell why not."""
        await self._feed.publish({"kind": what, "agent": agent, "call": call, "line": line})

    async def run_commands(self) -> None:
        """Until cancelled: do what agents want done with callers of this node."""
        while True:
            try:
                async for _, event in self._feed.follow():
                    post = self._mailboxes.get(str(event.get("call")))
                    if post and event.get("kind") in COMMANDS:
                        post(AgentCommand(str(event["agent"]), cast("CommandName", event["kind"]), str(event["line"])))
            except LiveStateUnavailable as away:
                log.warning("what agents want is not heard: %s", away)

    def _note(self, agent: Agent, call: Call, line: str) -> None:
        """The two talk meanwhile; a caller who hangs up at once was taken all the same."""
        if self._journal:
            self._notes.add(noting := asyncio.create_task(self._write(self._journal, agent, call, line)))
            noting.add_done_callback(self._notes.discard)

    async def _write(self, journal: ContactJournal, agent: Agent, call: Call, line: str) -> None:
        try:
            await journal(call.id, agent.name or agent.id, line, self.now())
        except HuifangError as away:
            log.error("call %s: it is not written down that agent %s took it: %s", call.id, agent.id, away)

    async def finish(self) -> None:
        """Wait until everything is written down."""
        await asyncio.gather(*self._notes)

    async def tell(self, what: str, agent: str, call: Call, line: str, **more: Value) -> None:
        """Let those who watch know."""
        try:
            await self._feed.publish({"kind": what, "agent": agent, "call": call.id, "line": line, **more})
        except HuifangError as away:
            log.warning("nobody is told what agent %s does: %s", agent, away)
