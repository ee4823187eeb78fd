"""Takes the callers for lines that have people of their own. Must not know: telephone networks, flows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from ivr.agents.announcements import Announcements
from ivr.agents.board import Board
from ivr.agents.place import Place
from ivr.agents.queue import Waiting
from ivr.agents.roster import Rosters
from ivr.agents.search import Search
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.live.errors import LiveStateUnavailable
from ivr.live.feed import EventFeed
from ivr.live.queues import LiveQueues
from ivr.telephony.port import Call, Hold, TransferRefused

log = logging.getLogger(__name__)


class Desk:
    """Implements ivr.telephony.port.Desk.

    Args:
        rosters: those in force.
        node: the name of this process.
        now: the time of day, with its zone.
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
    ) -> None:
        self.rosters = rosters
        self.board = board
        self.announcements = announcements
        self.node, self.now = node, now
        self._queues, self._feed = queues, feed

    def staffs(self, target: str) -> bool:
        """See port.Desk."""
        return target in self.rosters().lines

    async def hand_over(self, call: Call, target: str, whisper: str, hold: Hold) -> None:
        """See port.Desk."""
        rosters = self.rosters()
        waiting = Waiting(call.id, rosters.needs(target, call.language))
        words = asyncio.create_task(
            asyncio.to_thread(self.announcements.whisper, target, call.caller, whisper, rosters.language)
        )
        try:
            async with Place(self._queues, target, waiting) as place:
                await Search(self, rosters, place, call, hold, words).run()
        except LiveStateUnavailable as away:
            log.error("call %s cannot be handed over: %s", call.id, away)
            raise TransferRefused("unavailable") from away
        finally:
            words.cancel()

    async def tell(self, what: str, agent: str, call: Call, line: str, **more: Value) -> None:
        """Let those who watch know."""
        try:
            await self._feed.publish({"kind": what, "agent": agent, "call": call.id, "line": line, **more})
        except HuifangError as away:
            log.warning("nobody is told what agent %s does: %s", agent, away)
