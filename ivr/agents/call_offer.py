"""One call offered to one agent: their phone rings, they hear the whisper and accept with a key.

An agent who accepted stays engaged until `close`.
Must not know: telephone networks, how the agent was selected, why the call is offered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

from ivr.agents import presence
from ivr.agents.announcements import Announcements
from ivr.agents.presence import AgentState, Presence
from ivr.agents.presence_store import PresenceStep, PresenceStore
from ivr.agents.roster import Agent, Roster
from ivr.errors import HuifangError, IllegalMove
from ivr.events import Value
from ivr.live.feed_event import EventKind
from ivr.telephony.port import Call, HeldCaller, Person, TransferRefused

log = logging.getLogger(__name__)

RING_TIMEOUT_S: Final = 20
ACCEPT_TIMEOUT_S: Final = 10.0
"""Seconds after the whisper within which the agent must press a key; otherwise the offer counts as unanswered."""
ACCEPT_KEY: Final = "1"
DECLINE_KEY: Final = "2"
WITHDRAWN: Final = "withdrawn"
"""The reason published when an offer was cancelled before the agent decided."""


class OfferContext(Protocol):
    """The services that all offers of this process share; see ivr.agents.acd_service.AcdService."""

    presences: PresenceStore
    announcements: Announcements
    node: str

    def now(self) -> datetime:
        """Return the current time, with its zone."""

    async def publish(self, what: EventKind, agent: str, call: Call, line: str, **more: Value) -> None:
        """Publish an event about an agent's call to the feed."""


class CallOffer:
    """The offer of one call to one agent. `asked_by` is the agent who consults this one; empty for a queued caller."""

    def __init__(
        self,
        context: OfferContext,
        call: Call,
        held: HeldCaller,
        line: str,
        roster: Roster,
        agent: Agent,
        asked_by: str = "",
    ) -> None:
        self._context, self._call, self._held, self._roster = context, call, held, roster
        self.line, self.agent = line, agent
        self._details: dict[str, Value] = {"caller": call.caller, **({"asked_by": asked_by} if asked_by else {})}
        self._stack = AsyncExitStack()
        self._accepted = self._closed = False
        self._release: Callable[..., Presence] = presence.withdraw
        self._released_to: AgentState | None = None

    async def reserve(self) -> bool:
        """Reserve the agent for this call; return False if they are not available, e.g. reserved by another node."""
        offer = partial(presence.offer, call=self._call.id, line=self.line, node=self._context.node)
        try:
            await self._context.presences.move(self.agent.id, offer)
        except IllegalMove:
            return False
        return True

    async def ring(
        self,
        whisper_audio: asyncio.Task[bytes],
        stop_announcement: Callable[[], Awaitable[None]] | None = None,
        while_deciding: AbstractAsyncContextManager[None] | None = None,
    ) -> Person:
        """Ring the agent and play the whisper; return them once they accept. They stay on the phone until `close`.

        `stop_announcement` is awaited before the whisper is played; `while_deciding` is entered from the agent's answer
        to their decision.

        Raises:
            TransferRefused: the agent did not take the call; the offer is closed.
        """
        try:
            await self.publish("offered", **self._details)
            person = await self._stack.enter_async_context(
                self._held.ring(self.agent.phone, self._call.caller, RING_TIMEOUT_S)
            )
            async with while_deciding or contextlib.nullcontext():
                await _await_acceptance(person, whisper_audio, stop_announcement)
            await self._context.presences.move(self.agent.id, partial(presence.accept, call=self._call.id))
            self._accepted = True
        except TransferRefused as refused:
            self._release = _release_after(refused)
            await self._close_untaken(refused.reason)
            raise
        except BaseException:
            await self._close_untaken(WITHDRAWN)
            raise
        return person

    async def _close_untaken(self, reason: str) -> None:
        await self.close()
        await self.publish("not_taken", reason=reason)
        if self._released_to is AgentState.MISSED:
            await self.publish("presence", state=AgentState.MISSED)

    async def publish_accepted(self) -> None:
        """Publish that the agent is connected."""
        await self.publish("accepted", **self._details)

    async def publish(self, what: EventKind, **more: Value) -> None:
        """Publish an event about this agent."""
        await self._context.publish(what, self.agent.id, self._call, self.line, **more)

    async def close(self, by: str = "") -> None:
        """Hang up and release the agent; `by` says who ended the call. Idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._stack.aclose()
        finally:
            await self._release_agent()
        if self._accepted:
            await self.publish("ended", wrap_up_s=self._roster.wrap_up_s, **({"by": by} if by else {}))

    async def _release_agent(self) -> None:
        step: PresenceStep = partial(self._release, call=self._call.id)
        if self._accepted:
            step = partial(presence.hang_up, call=self._call.id, now=self._context.now().timestamp())
        try:
            released = await self._context.presences.move(self.agent.id, step, self._roster.wrap_up_s)
            self._released_to = released.state
        except HuifangError as fault:
            log.warning("agent %s was not released; the engagement expires instead: %s", self.agent.id, fault)


def _release_after(refused: TransferRefused) -> Callable[..., Presence]:
    """Return the step that releases the agent: a phone that did not ring is no missed offer."""
    match refused.reason:
        case "no_answer" if refused.rang:
            return presence.miss
        case "declined":
            return presence.decline
    return presence.withdraw


async def _await_acceptance(
    person: Person, whisper_audio: asyncio.Task[bytes], stop_announcement: Callable[[], Awaitable[None]] | None
) -> None:
    """Play the whisper and wait for the key that accepts the call.

    Raises:
        TransferRefused: the agent declined, hung up, or pressed no key in time.
    """
    whisper = await asyncio.shield(whisper_audio)
    if stop_announcement:
        await stop_announcement()
    decision = asyncio.create_task(_decision_key(person))
    try:
        await _run_until(decision, person.play(whisper))
        await asyncio.wait((decision,), timeout=ACCEPT_TIMEOUT_S)
        if not decision.done():
            raise TransferRefused("no_answer", rang=True)
        if decision.result() != ACCEPT_KEY:
            raise TransferRefused("declined")
    finally:
        await cancel_task(decision)


async def _decision_key(person: Person) -> str:
    """Return the accept or the decline key, whichever is pressed first; empty if the person hangs up."""
    while (key := await person.key()) not in (ACCEPT_KEY, DECLINE_KEY, ""):
        continue
    return key


async def _run_until(event: asyncio.Task[Any], work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, or cancel it when `event` completes first."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((event, task), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_task(task)


async def cancel_task(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has finished its clean-up."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
