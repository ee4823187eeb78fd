"""Agent selection for one queued caller: waits for the caller's turn, offers the call to one agent after another.

Must not know: telephone networks, how presence and queues are stored.
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
"""Seconds between two checks of the queue."""
POSITION_INTERVAL_S: Final = 30.0


class AgentSelector:
    """The search for an agent who takes one call. `whisper_audio` is played to each agent before they accept."""

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
        """Return the offer and the agent once connected to the caller; the calling code must close the offer.

        Raises:
            TransferRefused: no agent took the call.
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
        """Wait until an agent is reserved for this call."""
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
            await self._held.play(pcm)
        except HuifangError as fault:
            log.warning("call %s: the queue position was not announced: %s", self._call.id, fault)

    async def _stop_announcement(self) -> None:
        """Stop the announcement to the caller: the media channel is needed for the whisper to the agent."""
        if self._announcing:
            await cancel_task(self._announcing)
            self._announcing = None

    async def _wait_for_key(self) -> None:
        """Wait for POLL_S, or until the caller presses the key that leaves the queue.

        Raises:
            TransferRefused: the caller gave up.
        """
        try:
            async with asyncio.timeout(POLL_S):
                while await self._held.key() != GIVE_UP_KEY:
                    continue
        except TimeoutError:
            return
        raise TransferRefused("gave_up")

    # --- ringing --------------------------------------------------------------------------------------------------

    async def _ring(self, offer: CallOffer) -> Person | None:
        """Ring a reserved agent; return them once connected to the caller, None if they did not take the call."""
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
