"""One caller's way to an agent: waits for their turn, is offered to one agent after the other.

Must not know: telephone networks, how presence and queues are kept.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ivr.agents.call_offer import CallOffer, OfferContext, cancel_task
from ivr.agents.queue import callers_ahead, match_agents, unavailable_reason
from ivr.agents.queue_entry import QueueEntry
from ivr.agents.roster import Rosters
from ivr.errors import HuifangError
from ivr.telephony.port import Call, HeldCaller, Person, TransferRefused

log = logging.getLogger(__name__)

GIVE_UP: Final = "#"
POLL_S: Final = 0.5
"""From one look at the queue to the next."""
POSITION_EVERY_S: Final = 30.0


class AgentSelector:
    """See the module. `words` (audio) are what the agents hear before they decide."""

    def __init__(
        self,
        context: OfferContext,
        rosters: Rosters,
        entry: QueueEntry,
        call: Call,
        held: HeldCaller,
        words: asyncio.Task[bytes],
    ) -> None:
        self._context, self._rosters, self._entry, self._call, self._held = context, rosters, entry, call, held
        self._words = words
        self._roster = rosters.lines[entry.line]
        self._reason = ""
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + self._roster.wait_s
        self._announce_at = self._clock()
        self._announcing: asyncio.Task[None] | None = None

    async def run(self) -> tuple[CallOffer, Person]:
        """Returns when an agent has taken the call and talks with the caller; the offer is then to be closed.

        Raises:
            TransferRefused: nobody took it.
        """
        try:
            while True:
                offer = await self._turn()
                if person := await self._ask(offer):
                    return offer, person
        finally:
            await self._quiet()

    # --- waiting --------------------------------------------------------------------------------------------------

    async def _turn(self) -> CallOffer:
        """Wait for an agent who is ours to ring."""
        while True:
            queue = await self._entry.queue()
            on_duty = self._rosters.on_duty(self._entry.line, self._context.now())
            presences = await self._context.presences.all()
            if reason := unavailable_reason(self._entry.waiting, on_duty, presences):
                raise TransferRefused(self._reason or reason)
            if found := match_agents(queue, on_duty, presences).get(self._call.id):
                offer = CallOffer(
                    self._context, self._call, self._held, self._entry.line, self._roster, self._rosters.agents[found]
                )
                if await offer.begin():
                    return offer
                continue
            if self._clock() >= self._until:
                raise TransferRefused("busy")
            self._announce(callers_ahead(queue, self._call.id))
            await self._listen()

    def _announce(self, before: int) -> None:
        if self._clock() >= self._announce_at:
            self._announce_at = self._clock() + POSITION_EVERY_S
            pcm = self._context.announcements.position(before, self._call.language)
            self._announcing = asyncio.create_task(self._say(pcm))

    async def _say(self, pcm: bytes) -> None:
        try:
            await self._held.play(pcm)
        except HuifangError as fault:
            log.warning("call %s is not told its position: %s", self._call.id, fault)

    async def _quiet(self) -> None:
        """No more announcements: our voice is needed elsewhere."""
        if self._announcing:
            await cancel_task(self._announcing)
            self._announcing = None

    async def _listen(self) -> None:
        """Give the caller time to press the key that ends the waiting."""
        try:
            async with asyncio.timeout(POLL_S):
                while await self._held.key() != GIVE_UP:
                    continue
        except TimeoutError:
            return
        raise TransferRefused("gave_up")

    # --- asking ---------------------------------------------------------------------------------------------------

    async def _ask(self, offer: CallOffer) -> Person | None:
        """Ring an agent who is ours to ring; whoever took the call and talks with the caller now."""
        try:
            person = await offer.taken(self._words, self._quiet, self._entry.offered())
            await person.connect()
        except TransferRefused as refused:
            await offer.close()
            self._entry.tried(offer.agent.id)
            self._reason = refused.reason
            return None
        except BaseException:
            await offer.close()
            raise
        return person
