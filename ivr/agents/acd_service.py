"""The ACD: distributes callers to the agents of lines that have a roster. Must not know: telephone networks, flows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import uuid4

from ivr.agents.agent_call import AgentCall
from ivr.agents.agent_selector import AgentSelector
from ivr.agents.announcements import Announcements
from ivr.agents.command_service import CommandService
from ivr.agents.presence_store import PresenceStore
from ivr.agents.queue import QueuedCaller
from ivr.agents.queue_entry import QueueEntry
from ivr.agents.roster import Rosters
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.live.errors import LiveStateUnavailable
from ivr.live.feed import EventFeed
from ivr.live.feed_event import EventKind, FeedEvent
from ivr.live.queues import LiveQueues
from ivr.telephony.port import Call, HeldCaller, TransferRefused

log = logging.getLogger(__name__)

ContactJournal = Callable[[str, str, str, datetime], None]
"""Queues the record that an agent took a call. Arguments: call id, agent's name, line, time."""


class AcdService:
    """The call distributor of one node.

    Args:
        rosters: returns the rosters in force.
        node: the name of this process.
        now: returns the current time, with its zone.
        journal: queues the record which agent took which call.
    """

    def __init__(
        self,
        rosters: Callable[[], Rosters],
        presences: PresenceStore,
        queues: LiveQueues,
        feed: EventFeed,
        commands: CommandService,
        announcements: Announcements,
        node: str,
        now: Callable[[], datetime],
        journal: ContactJournal | None = None,
    ) -> None:
        self.rosters = rosters
        self.presences = presences
        self.announcements = announcements
        self.node, self.now = node, now
        self.commands = commands
        self._queues, self._feed = queues, feed
        self._journal = journal

    def has_roster(self, target: str) -> bool:
        """Return whether the target is a line with its own roster."""
        return target in self.rosters().lines

    async def hand_over(
        self, call: Call, target: str, whisper: str, held: HeldCaller, caller_audio: bytes = b""
    ) -> None:
        """Find an agent, connect the caller, and return once the agent has hung up. Cancelled if the caller hangs up.

        `whisper` and `caller_audio` are as in TransferService.transfer.

        Raises:
            TransferRefused: nobody took the call.
        """
        line = target
        try:
            while line:
                line = await self._serve(call, line, whisper, held, caller_audio)
        except LiveStateUnavailable as error:
            log.error("call %s: the transfer to an agent failed: %s", call.id, error)
            raise TransferRefused("unavailable") from error

    async def _serve(self, call: Call, line: str, whisper: str, held: HeldCaller, caller_audio: bytes) -> str:
        """Queue a caller on a line and run the call with the agent who takes it.

        Return the line that the agent transferred the caller to, else an empty string.
        """
        rosters = self.rosters()
        if line not in rosters.lines:
            raise TransferRefused("unavailable")
        caller = QueuedCaller(call.id, rosters.needs(line, call.language))
        whisper_audio = self.start_whisper(line, call, whisper, caller_audio)
        try:
            async with QueueEntry(self._queues, line, caller) as entry:
                offer, person = await AgentSelector(self, rosters, entry, call, held, whisper_audio).run()
                try:
                    if self._journal:
                        self._journal(call.id, offer.agent.name or offer.agent.id, line, self.now())
                    await entry.leave()
                    return await AgentCall(self, call, held, whisper, caller_audio, offer, person).run()
                finally:
                    await offer.close()
        finally:
            whisper_audio.cancel()

    def start_whisper(
        self, line: str, call: Call, whisper: str, caller_audio: bytes, asked_by: str = "", *, recorded: bool = False
    ) -> asyncio.Task[bytes]:
        """See ivr.agents.agent_call.AgentCallContext."""
        synthesize = partial(self.announcements.whisper, consulted=bool(asked_by), recorded=recorded)
        return asyncio.create_task(
            asyncio.to_thread(synthesize, line, call.caller, whisper, self.rosters().language, caller_audio)
        )

    async def publish(self, what: EventKind, agent: str, call: Call, line: str, **more: Value) -> None:
        """Publish an event to the feed; a failure is logged, not raised."""
        try:
            await self._feed.publish(
                FeedEvent(uuid4().hex, what, self.now(), agent=agent, call=call.id, line=line, data=more)
            )
        except HuifangError as error:
            log.warning("event “%s” of agent %s was not published: %s", what, agent, error)
