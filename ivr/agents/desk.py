"""Takes the callers for lines that have people of their own. Must not know: telephone networks, flows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from ivr.agents.announcements import Announcements
from ivr.agents.board import Board
from ivr.agents.place import Place
from ivr.agents.queue import Waiting
from ivr.agents.roster import Agent, Rosters
from ivr.agents.search import Search
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.live.errors import LiveStateUnavailable
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues
from ivr.telephony.port import Call, Hold, TransferRefused

log = logging.getLogger(__name__)

Journal = Callable[[str, str, str, datetime], Awaitable[None]]
"""Writes down that a call was taken: its id, the agent's name, the line, when."""

ONWARD: Final = "onward"
"""The event by which an agent passes a caller on."""


class Desk:
    """Implements ivr.telephony.port.Desk.

    Args:
        rosters: those in force.
        node: the name of this process.
        now: the time of day, with its zone.
        journal: where it is kept who took which call.
    """

    def __init__(
        self,
        rosters: Callable[[], Rosters],
        board: Board,
        queues: LiveQueues,
        feed: EventFeed,
        announcements: Announcements,
        node: str,
        now: Callable[[], datetime],
        journal: Journal | None = None,
    ) -> None:
        self.rosters = rosters
        self.board = board
        self.announcements = announcements
        self.node, self.now = node, now
        self._queues, self._feed = queues, feed
        self._journal = journal
        self._notes: set[asyncio.Task[None]] = set()
        self._talks: dict[tuple[str, str], asyncio.Future[str]] = {}

    def staffs(self, target: str) -> bool:
        """See port.Desk."""
        return target in self.rosters().lines

    async def hand_over(self, call: Call, target: str, whisper: str, hold: Hold, own: bytes = b"") -> None:
        """See port.Desk."""
        line = target
        try:
            while line:
                line = await self._find(call, line, whisper, hold, own)
        except LiveStateUnavailable as away:
            log.error("call %s cannot be handed over: %s", call.id, away)
            raise TransferRefused("unavailable") from away

    async def _find(self, call: Call, line: str, whisper: str, hold: Hold, own: bytes) -> str:
        """Hand a caller to somebody on a line; the line that they are passed on to in the end, if any."""
        rosters = self.rosters()
        if line not in rosters.lines:
            raise TransferRefused("unavailable")
        waiting = Waiting(call.id, rosters.needs(line, call.language))
        words = asyncio.create_task(
            asyncio.to_thread(self.announcements.whisper, line, call.caller, whisper, rosters.language, own)
        )
        try:
            async with Place(self._queues, line, waiting) as place:
                return await Search(self, rosters, place, call, hold, words).run()
        finally:
            words.cancel()

    @contextmanager
    def talk(self, agent: str, call: str) -> Iterator[asyncio.Future[str]]:
        """See search.Office."""
        onward: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._talks[agent, call] = onward
        try:
            yield onward
        finally:
            del self._talks[agent, call]

    async def pass_on(self, agent: str, call: str, line: str) -> None:
        """The agent wants their caller passed on to a line; whichever node leads the call will do it."""
        await self._feed.publish({"kind": ONWARD, "agent": agent, "call": call, "line": line})

    async def obey(self) -> None:
        """Until cancelled: do what agents want done with callers of this node."""
        while True:
            try:
                async for _, event in self._feed.follow():
                    onward = self._talks.get((str(event.get("agent")), str(event.get("call"))))
                    if event.get("kind") == ONWARD and onward and not onward.done():
                        onward.set_result(str(event["line"]))
            except LiveStateUnavailable as away:
                log.warning("what agents want is not heard: %s", away)

    def note(self, agent: Agent, call: Call, line: str) -> None:
        """See search.Office. The two talk meanwhile; a caller who hangs up at once was taken all the same."""
        if self._journal:
            self._notes.add(noting := asyncio.create_task(self._write(self._journal, agent, call, line)))
            noting.add_done_callback(self._notes.discard)

    async def _write(self, journal: Journal, agent: Agent, call: Call, line: str) -> None:
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
