"""The scripted network as the service sees it: implements ivr.telephony.port within this process.

Must not know: flows, sessions, who operates the phones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import uuid4

from aiohttp import web

from ivr.devtools.scripted_network.exchange import ScriptedExchange
from ivr.devtools.scripted_network.held_caller import ScriptedHeldCaller, answer_or_cause
from ivr.devtools.scripted_network.phone import ScriptedPhoneCall
from ivr.devtools.scripted_network.stream import ScriptedStream
from ivr.events import EndedBy, Value
from ivr.lifecycle import AnsweringParty
from ivr.telephony.media import KeyPressed
from ivr.telephony.port import Call, CallHandler, HoldWork, NetworkState, Unanswered
from ivr.telephony.slots import CallSlot, CallSlots
from ivr.transcript import Speaker

log = logging.getLogger(__name__)

NAME: Final = "scripted"
RING_S: Final = 30


class ScriptedCallLeg:
    """Implements ivr.telephony.port.CallLeg."""

    def __init__(self, exchange: ScriptedExchange, call: Call, far: ScriptedPhoneCall, slot: CallSlot) -> None:
        self._exchange, self._call, self._far, self._slot = exchange, call, far, slot
        self._stream = ScriptedStream()
        far.on_over = self._on_over
        self._listen()

    @property
    def call(self) -> Call:
        """See CallLeg."""
        return self._call

    @property
    def media(self) -> ScriptedStream:
        """See CallLeg."""
        return self._stream

    @property
    def answered_by(self) -> AnsweringParty:
        """See CallLeg."""
        return self._far.answered_by

    def show(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        """See CallLeg; a phone of this network has no screen."""

    async def hang_up(self) -> None:
        """See CallLeg."""
        self._far.drop()

    async def release(self) -> bool:
        """See CallLeg; this network has one node."""
        return False

    def can_reach(self, name: str) -> bool:
        """See CallLeg."""
        return name in self._exchange.phones

    async def hold(self, work: HoldWork, *, overhear: bool = False) -> EndedBy:
        """See CallLeg."""
        self._stream.clear()
        held = ScriptedHeldCaller(self._exchange, self._far, self._stream, overhear)
        working, over = asyncio.ensure_future(work(held)), asyncio.ensure_future(self._far.over.wait())
        try:
            await asyncio.wait((working, over), return_when=asyncio.FIRST_COMPLETED)
            if over.done():
                return "caller"
            working.result()
            return "us"
        finally:
            over.cancel()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            held.end()
            if not self._far.over.is_set():
                self._listen()

    def _listen(self) -> None:
        self._far.on_key = lambda key: self._stream.push(KeyPressed(key))
        self._exchange.connect(self._far, self._stream)

    def _on_over(self, by: EndedBy, cause: str) -> None:
        self._exchange.disconnect(self._far, self._stream)
        self._stream.close(by, cause)
        self._slot.release()


class ScriptedNetwork:
    """One node's calls over an exchange. Implements ivr.telephony.port.Network.

    Args:
        answer: handles one inbound call; the leg is hung up when it returns.
        lines: number → (flow, language).
    """

    def __init__(
        self,
        exchange: ScriptedExchange,
        answer: CallHandler,
        lines: Mapping[str, tuple[str, str]],
        capacity: int = 100,
    ) -> None:
        self._exchange, self._answer, self._lines = exchange, answer, lines
        self.slots = CallSlots(capacity)
        self._sessions: set[asyncio.Task[None]] = set()
        exchange.nodes.append(self)

    @property
    def name(self) -> str:
        """See Network."""
        return NAME

    @property
    def places_calls(self) -> bool:
        """See Network."""
        return True

    @property
    def known_phones(self) -> Collection[str]:
        """See Network."""
        return self._exchange.phones

    @property
    def state(self) -> NetworkState:
        """See Network."""
        return NetworkState("", self.slots.taken)

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """See Network."""
        return ()

    async def run(self) -> None:
        """See Network."""
        try:
            await asyncio.Event().wait()
        finally:
            for session in self._sessions:
                session.cancel()
            await asyncio.gather(*self._sessions, return_exceptions=True)

    async def carried(self) -> frozenset[str]:
        """See Network."""
        return frozenset()

    async def free_lines(self) -> int | None:
        """See Network."""
        return None

    async def phones(self) -> frozenset[str] | None:
        """See Network."""
        return frozenset(self._exchange.phones)

    def offer(self, far: ScriptedPhoneCall, caller: str, called: str) -> bool:
        """See AttachedNode."""
        if called not in self._lines or self.slots.full:
            return False
        slot = self.slots.take()
        flow, language = self._lines[called]
        call = Call(uuid4().hex, NAME, "inbound", caller, called, flow, language, external_id=far.id)
        far.answer()
        session = asyncio.create_task(self._run_session(ScriptedCallLeg(self._exchange, call, far, slot)))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)
        session.add_done_callback(slot.release)
        return True

    async def dial(self, call: Call, slot: CallSlot) -> ScriptedCallLeg:
        """See Network."""
        far = self._exchange.dial(call.called, call.caller)
        if far is None:
            slot.release()
            raise Unanswered("unreachable", rang=False)
        try:
            cause = await answer_or_cause(far, RING_S)
        except asyncio.CancelledError:
            far.drop()
            slot.release()
            raise
        if cause:
            far.drop()
            slot.release()
            raise Unanswered(cause, rang=far.ringing.is_set())
        return ScriptedCallLeg(self._exchange, replace(call, external_id=far.id), far, slot)

    async def _run_session(self, leg: ScriptedCallLeg) -> None:
        try:
            await self._answer(leg)
        except Exception:
            log.exception("call %s: session failed", leg.call.id)
        finally:
            await leg.hang_up()
