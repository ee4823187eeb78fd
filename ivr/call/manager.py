"""All calls of this node: runs their sessions, renews their leases, sweeps orphaned calls, drains.

Must not know: networks, what is said on a call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from ivr.call.flow_versions import FlowVersions
from ivr.call.node import ServiceNode
from ivr.call.recovery import LEASE_MS, sweep
from ivr.call.session import APOLOGY_TIMEOUT_MS, Session
from ivr.errors import HuifangError
from ivr.flow_store import FlowStore
from ivr.telephony.port import CallLeg

log = logging.getLogger(__name__)

LEASE_RENEWAL_S: Final = LEASE_MS / 3000
"""Interval between lease renewals, and between sweeps."""

CLAIM_TIMEOUT_S: Final = 1.0
"""Timeout for claiming a call's lease before the call is answered."""


class CallManager:
    """Runs each call in its own session, with the flow version current at its start."""

    def __init__(self, node: ServiceNode, flow_store: FlowStore) -> None:
        self._node, self._flow_store = node, flow_store
        self._sessions: dict[str, Session] = {}
        self._ringing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._flow_versions = FlowVersions(node.records.flow_source)
        self._troubles: dict[str, str] = {}

    @property
    def active(self) -> int:
        """Number of calls in progress or not yet fully recorded."""
        return len(self._sessions)

    @property
    def trouble(self) -> str:
        """Reason why this node should not receive calls; empty if it is ready."""
        return "draining" if self._draining else "; ".join(self._troubles.values())

    async def answer(self, leg: CallLeg) -> None:
        """Run the session of an answered call; return once the call is recorded. While draining, just hang up.

        Cancelling this coroutine does not end the call; `drain` does.
        """
        call_id = leg.call.id
        if self._draining or not await self._claim(call_id):
            log.warning("call %s rejected: this node is draining, or another node owns the call", call_id)
            await leg.hang_up()
            return
        self._sessions[call_id] = session = Session(leg, self._flow_store.current, self._node)
        self._idle.clear()
        task = asyncio.create_task(session.run(), name=f"call {call_id}")
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._on_session_done(call_id, task))
        await asyncio.shield(task)

    @asynccontextmanager
    async def ringing(self, call_id: str) -> AsyncIterator[None]:
        """Hold the lease of a call while it is being placed, so that no sweep treats it as orphaned."""
        self._ringing.add(call_id)
        try:
            await self._claim(call_id)
            yield
        finally:
            self._ringing.discard(call_id)

    async def run(self) -> None:
        """Run until cancelled: renew the leases of this node's calls and, in another task, sweep orphaned calls."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat("lease renewal", self._renew_leases))
            group.create_task(self._repeat("sweep of orphaned calls", self._sweep))

    async def _repeat(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat `work` every LEASE_RENEWAL_S; while a store is unavailable, this node is in trouble."""
        while True:
            try:
                await work()
                self._troubles.pop(name, None)
            except HuifangError as error:
                self._troubles[name] = str(error)
                log.warning("%s postponed: %s", name, error)
            except Exception:
                log.exception("%s failed", name)
            await asyncio.sleep(LEASE_RENEWAL_S)

    def _owns(self, call_id: str) -> bool:
        return call_id in self._sessions or call_id in self._ringing

    async def _sweep(self) -> None:
        await sweep(self._node, self._flow_versions, self._owns)

    async def drain(self, within_s: float, apology_s: float = APOLOGY_TIMEOUT_MS / 1000) -> None:
        """Stop accepting calls and wait `within_s` for those in progress to end.

        Calls still running then are ended with an apology; those still running `apology_s` later are cancelled.
        """
        self._draining = True
        if await self._wait_until_idle(within_s):
            return
        log.warning("drain: ending %d calls still in progress", self.active)
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
        """Acquire the call's lease; return False if another node holds it.

        Return True if Redis fails or times out: the session then meets the fault itself and can apologise.
        """
        try:
            async with asyncio.timeout(CLAIM_TIMEOUT_S):
                return not await self._node.live.renew((call_id,), self._node.name, LEASE_MS)
        except (HuifangError, TimeoutError):
            return True

    async def _renew_leases(self) -> None:
        """Renew all leases at once; those that expired while Redis was away are acquired again."""
        owned = {*self._ringing, *self._sessions}
        for call_id in await self._node.live.renew(owned, self._node.name, LEASE_MS):
            if session := self._sessions.get(call_id):
                log.error("call %s: another node owns its lease; ending it here", call_id)
                session.end("failed")

    def _on_session_done(self, call_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._sessions.pop(call_id, None)
        if not self._sessions:
            self._idle.set()
        if not task.cancelled() and task.exception():
            log.error("call %s: session failed", call_id, exc_info=task.exception())
