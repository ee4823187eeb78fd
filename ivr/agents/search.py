"""One caller's way to an agent: waits for their turn, rings one agent after the other, lets the two talk.

Must not know: telephone networks, how presence and queues are kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

from ivr.agents import presence
from ivr.agents.announcements import Announcements
from ivr.agents.board import Board, Step
from ivr.agents.place import Place
from ivr.agents.queue import ahead, hopeless, match
from ivr.agents.roster import Agent, Rosters
from ivr.errors import HuifangError, IllegalMove
from ivr.events import Value
from ivr.telephony.port import Call, Hold, Person, TransferRefused

log = logging.getLogger(__name__)

RING_S: Final = 20
ACCEPT_S: Final = 10.0
"""An agent who has heard the whisper and presses nothing for so long does not take the call."""
ACCEPT: Final = "1"
DECLINE: Final = "2"
GIVE_UP: Final = "#"
LOOK_S: Final = 0.5
"""From one look at the queue to the next."""
POSITION_EVERY_S: Final = 30.0


class Office(Protocol):
    """What all searches of this process share; see ivr.agents.desk.Desk."""

    board: Board
    announcements: Announcements
    node: str

    def now(self) -> datetime:
        """The time of day, with its zone."""

    async def tell(self, what: str, agent: str, call: Call, line: str, **more: Value) -> None:
        """Let those who watch know."""

    def note(self, agent: Agent, call: Call, line: str) -> None:
        """Have it written down that an agent has taken a call."""

    def talk(self, agent: str, call: str) -> AbstractContextManager[asyncio.Future[str]]:
        """Within the block the agent may pass the caller on: the result is the line."""


class Search:
    """See the module. `words` (audio) are what the agents hear before they decide."""

    def __init__(
        self, office: Office, rosters: Rosters, place: Place, call: Call, hold: Hold, words: asyncio.Task[bytes]
    ) -> None:
        self._office, self._rosters, self._place, self._call, self._hold = office, rosters, place, call, hold
        self._words = words
        self._roster = rosters.lines[place.line]
        self._reason = self._onward = ""
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + self._roster.wait_s
        self._announce_at = self._clock()
        self._announcing: asyncio.Task[None] | None = None

    async def run(self) -> str:
        """Returns when an agent who took the call has hung up, or has passed the caller on: the line, else nothing.

        Raises:
            TransferRefused: nobody took it.
        """
        try:
            while not await self._ask(await self._turn()):
                continue
            return self._onward
        finally:
            await self._quiet()

    # --- waiting --------------------------------------------------------------------------------------------------

    async def _turn(self) -> Agent:
        """Wait for an agent who is ours to ring."""
        while True:
            queue = await self._place.queue()
            on_duty = self._rosters.on_duty(self._place.line, self._office.now())
            presences = await self._office.board.all()
            if reason := hopeless(self._place.waiting, on_duty, presences):
                raise TransferRefused(self._reason or reason)
            if found := match(queue, on_duty, presences).get(self._call.id):
                if await self._offered(found):
                    return self._rosters.agents[found]
                continue
            if self._clock() >= self._until:
                raise TransferRefused("busy")
            self._announce(ahead(queue, self._call.id))
            await self._listen()

    async def _offered(self, agent: str) -> bool:
        """Whether the call could be offered to them; another node may have been faster."""
        offer = partial(presence.offer, call=self._call.id, line=self._place.line, node=self._office.node)
        try:
            await self._office.board.move(agent, offer)
        except IllegalMove:
            return False
        return True

    def _announce(self, before: int) -> None:
        if self._clock() >= self._announce_at:
            self._announce_at = self._clock() + POSITION_EVERY_S
            pcm = self._office.announcements.position(before, self._call.language)
            self._announcing = asyncio.create_task(self._say(pcm))

    async def _say(self, pcm: bytes) -> None:
        try:
            await self._hold.tell(pcm)
        except HuifangError as fault:
            log.warning("call %s is not told its position: %s", self._call.id, fault)

    async def _quiet(self) -> None:
        """No more announcements: our voice is needed elsewhere."""
        if self._announcing:
            await _end(self._announcing)
            self._announcing = None

    async def _listen(self) -> None:
        """Give the caller time to press the key that ends the waiting."""
        try:
            async with asyncio.timeout(LOOK_S):
                while await self._hold.key() != GIVE_UP:
                    continue
        except TimeoutError:
            return
        raise TransferRefused("gave_up")

    # --- asking ---------------------------------------------------------------------------------------------------

    async def _ask(self, agent: Agent) -> bool:
        """Ring an agent who is ours to ring; whether they took the call, which is over then."""
        taken = False
        try:
            await self._tell("offered", agent, caller=self._call.caller)
            async with self._hold.ring(agent.phone, self._call.caller, RING_S) as person:
                async with self._place.offered():
                    await self._persuade(person)
                await self._office.board.move(agent.id, partial(presence.accept, call=self._call.id))
                taken = True
                await self._talk(agent, person)
        except TransferRefused as refused:
            self._place.tried(agent.id)
            self._reason = refused.reason
            await self._tell("not_taken", agent, reason=refused.reason)
            return False
        finally:
            await self._release(agent, taken)
        return True

    async def _persuade(self, person: Person) -> None:
        """Tell who calls, and wait for the key that takes the call.

        Raises:
            TransferRefused: it was not pressed.
        """
        words = await asyncio.shield(self._words)
        await self._quiet()
        deciding = asyncio.create_task(_decision(person))
        try:
            await _until(deciding, person.tell(words))
            await asyncio.wait((deciding,), timeout=ACCEPT_S)
            if not deciding.done():
                raise TransferRefused("no_answer")
            if deciding.result() != ACCEPT:
                raise TransferRefused("declined")
        finally:
            await _end(deciding)

    async def _talk(self, agent: Agent, person: Person) -> None:
        await person.connect()
        self._office.note(agent, self._call, self._place.line)
        await self._place.leave()
        await self._tell("accepted", agent, caller=self._call.caller)
        with self._office.talk(agent.id, self._call.id) as onward:
            parting = asyncio.create_task(person.parted())
            try:
                await asyncio.wait((parting, onward), return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _end(parting)
            if onward.done():
                self._onward = onward.result()
                await person.give_back()

    async def _release(self, agent: Agent, taken: bool) -> None:
        """The agent has no more to do with this caller."""
        now = self._office.now().timestamp()
        step: Step = partial(presence.withdraw, call=self._call.id)
        if taken:
            step = partial(presence.hang_up, call=self._call.id, now=now)
        try:
            await self._office.board.move(agent.id, step, self._roster.wrap_up_s)
        except HuifangError as fault:
            log.warning("agent %s is free once their call has lapsed: %s", agent.id, fault)
        if taken:
            await self._tell("ended", agent, wrap_up_s=self._roster.wrap_up_s)

    async def _tell(self, what: str, agent: Agent, **more: Value) -> None:
        await self._office.tell(what, agent.id, self._call, self._place.line, **more)


async def _decision(person: Person) -> str:
    """The key that takes the call or does not; empty when the person hangs up instead."""
    while (key := await person.key()) not in (ACCEPT, DECLINE, ""):
        continue
    return key


async def _until(event: asyncio.Task[Any], work: Coroutine[Any, Any, None]) -> None:
    """Do the work, or as much of it as can be done before the event."""
    doing = asyncio.create_task(work)
    try:
        await asyncio.wait((event, doing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(doing)


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
