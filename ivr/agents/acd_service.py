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
        self._journal_tasks: set[asyncio.Task[None]] = set()
        self._mailboxes: dict[str, PostEvent] = {}

    def staffs(self, target: str) -> bool:
        """See port.Desk."""
        return target in self.rosters().lines

    async def hand_over(
        self, call: Call, target: str, whisper: str, held: HeldCaller, caller_audio: bytes = b""
    ) -> None:
        """See port.Desk."""
        line = target
        try:
            while line:
                line = await self._serve(call, line, whisper, held, caller_audio)
        except LiveStateUnavailable as error:
            log.error("call %s cannot be handed over: %s", call.id, error)
            raise TransferRefused("unavailable") from error

    async def _serve(self, call: Call, line: str, whisper: str, held: HeldCaller, caller_audio: bytes) -> str:
        """Hand a caller to somebody on a line; the line that they are passed on to in the end, if any."""
        rosters = self.rosters()
        if line not in rosters.lines:
            raise TransferRefused("unavailable")
        caller = QueuedCaller(call.id, rosters.needs(line, call.language))
        whisper_audio = self.start_whisper(line, call, whisper, caller_audio)
        try:
            async with QueueEntry(self._queues, line, caller) as entry:
                offer, person = await AgentSelector(self, rosters, entry, call, held, whisper_audio).run()
                try:
                    self._journal_contact(offer.agent, call, line)
                    await entry.leave()
                    await offer.publish_accepted()
                    return await AgentCall(self, call, held, whisper, caller_audio, offer, person).run()
                finally:
                    await offer.close()
        finally:
            whisper_audio.cancel()

    def start_whisper(
        self, line: str, call: Call, whisper: str, caller_audio: bytes, asked_by: str = "", *, recorded: bool = False
    ) -> asyncio.Task[bytes]:
        """See conversation.Exchange."""
        synthesize = partial(self.announcements.whisper, consulted=bool(asked_by), recorded=recorded)
        return asyncio.create_task(
            asyncio.to_thread(synthesize, line, call.caller, whisper, self.rosters().language, caller_audio)
        )

    @contextmanager
    def commands(self, call: str, post: PostEvent) -> Iterator[None]:
        """See conversation.Exchange."""
        self._mailboxes[call] = post
        try:
            yield
        finally:
            del self._mailboxes[call]

    async def send_command(self, agent: str, call: str, what: CommandName, line: str = "") -> None:
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
            except LiveStateUnavailable as error:
                log.warning("what agents want is not heard: %s", error)

    def _journal_contact(self, agent: Agent, call: Call, line: str) -> None:
        """The two talk meanwhile; a caller who hangs up at once was taken all the same."""
        if self._journal:
            self._journal_tasks.add(task := asyncio.create_task(self._write_contact(self._journal, agent, call, line)))
            task.add_done_callback(self._journal_tasks.discard)

    async def _write_contact(self, journal: ContactJournal, agent: Agent, call: Call, line: str) -> None:
        try:
            await journal(call.id, agent.name or agent.id, line, self.now())
        except HuifangError as error:
            log.error("call %s: it is not written down that agent %s took it: %s", call.id, agent.id, error)

    async def drain(self) -> None:
        """Wait until everything is written down."""
        await asyncio.gather(*self._journal_tasks)

    async def publish(self, what: str, agent: str, call: Call, line: str, **more: Value) -> None:
        """Let those who watch know."""
        try:
            await self._feed.publish({"kind": what, "agent": agent, "call": call.id, "line": line, **more})
        except HuifangError as error:
            log.warning("nobody is told what agent %s does: %s", agent, error)
