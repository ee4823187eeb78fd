"""All calls of this node: takes them, keeps their leases, closes lost ones, drains.

Must not know: networks, what is said on a call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ivr.call.node import Observer, ServiceNode
from ivr.call.recovery import LEASE_MS, sweep
from ivr.call.session import APOLOGY_TIMEOUT_MS, Session
from ivr.errors import HuifangError
from ivr.flow_store import FlowStore
from ivr.telephony.port import CallLeg

log = logging.getLogger(__name__)

LEASE_RENEWAL_S: Final = LEASE_MS / 3000
"""From one renewal of all leases, and one sweep, to the next."""

CLAIM_TIMEOUT_S: Final = 1.0


class CallManager:
    """Leads each call in a session of its own, with the flows in force when it began."""

    def __init__(self, node: ServiceNode, flow_store: FlowStore) -> None:
        self._node, self._flow_store = node, flow_store
        self._sessions: dict[str, Session] = {}
        self._ringing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._trouble = ""

    @property
    def active(self) -> int:
        """How many calls are going on, or not written down yet."""
        return len(self._sessions)

    @property
    def trouble(self) -> str:
        """Why no calls should be sent here now; empty when they may."""
        return "draining" if self._draining else self._trouble

    async def answer(self, leg: CallLeg, observe: Observer) -> None:
        """Lead an answered call to its end; returns when it is written down. Refused while draining.

        Cancelling it does not end the call: `drain` does.
        """
        call_id = leg.call.id
        if self._draining or not await self._claim(call_id):
            log.warning("call %s is not taken", call_id)
            await leg.hang_up()
            return
        self._sessions[call_id] = session = Session(leg, self._flow_store.current, self._node, observe)
        self._idle.clear()
        task = asyncio.create_task(session.run(), name=f"call {call_id}")
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._on_session_done(call_id, task))
        await asyncio.shield(task)

    @asynccontextmanager
    async def ringing(self, call_id: str) -> AsyncIterator[None]:
        """Within the block a call is being placed: nobody else may take it for lost."""
        await self._claim(call_id)
        self._ringing.add(call_id)
        try:
            yield
        finally:
            self._ringing.discard(call_id)

    async def run(self) -> None:
        """Until cancelled: say that our calls are led, and close those that nobody leads."""
        while True:
            try:
                await self._renew_leases()
                await sweep(self._node, self._sessions.keys() | self._ringing)
                self._trouble = ""
            except HuifangError as away:
                self._trouble = str(away)
                log.warning("leases and lost calls have to wait: %s", away)
            except Exception:
                log.exception("lost calls could not be closed")
            await asyncio.sleep(LEASE_RENEWAL_S)

    async def drain(self, within_s: float, apology_s: float = APOLOGY_TIMEOUT_MS / 1000) -> None:
        """Take no more calls; end those that last longer than `within_s` with an apology, then without."""
        self._draining = True
        if await self._wait_until_idle(within_s):
            return
        log.warning("%d calls are ended", self.active)
        for session in self._sessions.values():
            session.end("failed")
        if await self._wait_until_idle(apology_s):
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait_until_idle(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._idle.wait()
        except TimeoutError:
            return False

    async def _claim(self, call_id: str) -> bool:
        """Whether the call is ours; when Redis does not say so soon, its session finds out, which can speak."""
        try:
            async with asyncio.timeout(CLAIM_TIMEOUT_S):
                return await self._node.live.claim(call_id, self._node.name, LEASE_MS)
        except (HuifangError, TimeoutError):
            return True

    async def _renew_leases(self) -> None:
        """Claiming again also takes back a lease that ran out while Redis was away."""
        for call_id in tuple(self._ringing):
            await self._node.live.claim(call_id, self._node.name, LEASE_MS)
        for call_id, session in tuple(self._sessions.items()):
            if not await self._node.live.claim(call_id, self._node.name, LEASE_MS):
                log.error("call %s is led by another node; it is given up here", call_id)
                session.end("failed")

    def _on_session_done(self, call_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._sessions.pop(call_id, None)
        if not self._sessions:
            self._idle.set()
        if not task.cancelled() and task.exception():
            log.error("call %s: its session failed", call_id, exc_info=task.exception())
