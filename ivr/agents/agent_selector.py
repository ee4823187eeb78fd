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

GIVE_UP_KEY: Final = "#"
POLL_S: Final = 0.5
"""From one look at the queue to the next."""
POSITION_INTERVAL_S: Final = 30.0


class AgentSelector:
    """See the module. `words` (audio) are what the agents hear before they decide."""

    def __init__(
        self,
        context: OfferContext,
        rosters: Rosters,
        entry: QueueEntry,
        call: Call,
        held: HeldCaller,
        whisper_audio: asyncio.Task[bytes],
    ) -> None:
        self._context, self._rosters, self._entry, self._call, self._held = context, rosters, entry, call, held
        self._whisper_audio = whisper_audio
        self._roster = rosters.lines[entry.line]
        self._reason = ""
        self._clock = asyncio.get_running_loop().time
        self._deadline = self._clock() + self._roster.wait_s
        self._announce_at = self._clock()
        self._announcing: asyncio.Task[None] | None = None

    async def run(self) -> tuple[CallOffer, Person]:
        """Returns when an agent has taken the call and talks with the caller; the offer is then to be closed.

        Raises:
            TransferRefused: nobody took it.
        """
        try:
            while True:
                offer = await self._next_offer()
                if person := await self._ring(offer):
                    return offer, person
        finally:
            await self._stop_announcement()

    # --- waiting --------------------------------------------------------------------------------------------------

    async def _next_offer(self) -> CallOffer:
        """Wait for an agent who is ours to ring."""
        while True:
            queue = await self._entry.renew()
            on_duty = self._rosters.on_duty(self._entry.line, self._context.now())
            presences = await self._context.presences.all()
            if reason := unavailable_reason(self._entry.caller, on_duty, presences):
                raise TransferRefused(self._reason or reason)
            if agent_id := match_agents(queue, on_duty, presences).get(self._call.id):
                offer = CallOffer(
                    self._context,
                    self._call,
                    self._held,
                    self._entry.line,
                    self._roster,
                    self._rosters.agents[agent_id],
                )
                if await offer.reserve():
                    return offer
                continue
            if self._clock() >= self._deadline:
                raise TransferRefused("busy")
            self._announce(callers_ahead(queue, self._call.id))
            await self._wait_for_key()

    def _announce(self, ahead: int) -> None:
        if self._clock() >= self._announce_at:
            self._announce_at = self._clock() + POSITION_INTERVAL_S
            pcm = self._context.announcements.position(ahead, self._call.language)
            self._announcing = asyncio.create_task(self._play(pcm))

    async def _play(self, pcm: bytes) -> None:
        try:
            await self._held.tell(pcm)
        except HuifangError as fault:
            log.warning("call %s is not told its position: %s", self._call.id, fault)

    async def _stop_announcement(self) -> None:
        """No more announcements: our voice is needed elsewhere."""
        if self._announcing:
            await cancel_task(self._announcing)
            self._announcing = None

    async def _wait_for_key(self) -> None:
        """Give the caller time to press the key that ends the waiting."""
        try:
            async with asyncio.timeout(POLL_S):
                while await self._held.key() != GIVE_UP_KEY:
                    continue
        except TimeoutError:
            return
        raise TransferRefused("gave_up")

    # --- asking ---------------------------------------------------------------------------------------------------

    async def _ring(self, offer: CallOffer) -> Person | None:
        """Ring an agent who is ours to ring; whoever took the call and talks with the caller now."""
        try:
            person = await offer.ring(self._whisper_audio, self._stop_announcement, self._entry.offering())
            await person.connect()
        except TransferRefused as refused:
            await offer.close()
            self._entry.exclude(offer.agent.id)
            self._reason = refused.reason
            return None
        except BaseException:
            await offer.close()
            raise
        return person
