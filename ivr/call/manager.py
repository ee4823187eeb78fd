"""All calls of this node: runs their sessions, renews their leases, sweeps orphaned calls, drains.

Must not know: networks, what is said on a call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final

from ivr.call.flow_versions import FlowVersions
from ivr.call.node import ServiceNode
from ivr.call.recovery import LEASE_MS, PARTY_GONE, close, sweep
from ivr.call.resumption import take_over
from ivr.call.session import APOLOGY_TIMEOUT_MS, Session
from ivr.database.errors import describe
from ivr.errors import HuifangError
from ivr.events import CallResumed
from ivr.flow_store import FlowStore
from ivr.live.errors import LiveStateUnavailable
from ivr.telephony.port import CallLeg, NotResumable, PartyGone, ResumedCall

log = logging.getLogger(__name__)

LEASE_RENEWAL_S: Final = LEASE_MS / 3000
"""Interval between lease renewals, and between sweeps."""

TRUST_S: Final = LEASE_MS / 1000
"""Time that a node waits, on each server of Redis anew, before it takes calls without a lease for orphans."""
RECORDING_S: Final = 5.0
"""Time that records have to be written: of all calls once they have ended in a drain, of one that nobody goes on with.
"""
RELEASE_S: Final = 5.0
"""Time that a node has to leave a call of its own that it is offered again, as after a fault of the media."""
CLAIM_TIMEOUT_S: Final = 1.0
"""Timeout for claiming a call's lease before the call is answered."""


async def _none_carried() -> frozenset[str]:
    return frozenset()


def _task_name(call_id: str) -> str:
    return f"call {call_id}"


class CallManager:
    """Runs each call in its own session, with the flow version current at its start.

    `carried` returns the calls whose party the networks still connect with somebody, even if no node leads them.
    """

    def __init__(
        self,
        node: ServiceNode,
        flow_store: FlowStore,
        carried: Callable[[], Awaitable[frozenset[str]]] = _none_carried,
    ) -> None:
        self._node, self._flow_store, self._carried = node, flow_store, carried
        self._sessions: dict[str, Session] = {}
        self._in_progress: set[str] = set()
        self._ringing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self._flow_versions = FlowVersions(node.records.flow_source)
        self._troubles: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        self._redis: str | None = None
        self._renewing_since_s = 0.0

    @property
    def active(self) -> int:
        """Number of calls in progress or not yet fully recorded."""
        return len(self._sessions)

    @property
    def trouble(self) -> str:
        """Reason why this node should not receive calls; empty if it is ready."""
        if self._draining:
            return "draining"
        return "; ".join(filter(None, (self.store_trouble, *self._faults.values())))

    @property
    def store_trouble(self) -> str:
        """Why a store cannot be used now; empty if both can."""
        return "; ".join(filter(None, (*dict.fromkeys(self._troubles.values()), self._node.journal.trouble)))

    async def answer(self, leg: CallLeg) -> None:
        """Run the session of an answered call; return once the call is recorded. While draining, just hang up.

        Cancelling this coroutine does not end the call; `drain` does.
        """
        call_id = leg.call.id
        if self._draining or not await self._claim(call_id):
            log.warning("call %s rejected: this node is draining, or another node owns the call", call_id)
            await leg.hang_up()
            return
        await self._run(call_id, Session(leg, self._flow_store.current, self._node))

    async def resume(self, resumed: ResumedCall) -> None:
        """Go on with a call that another node has led; return once the call is recorded. See `answer`.

        If its party has just hung up, only record that.

        Raises:
            NotResumable: this node cannot go on with it.
        """
        call_id = resumed.id
        if self._draining:
            raise NotResumable("this node is draining")
        if earlier := [task for task in self._tasks if task.get_name() == _task_name(call_id)]:
            _, going_on = await asyncio.wait(earlier, timeout=RELEASE_S)
            if going_on:
                raise NotResumable("this node itself has not yet left it")
        taken = await take_over(self._node, self._flow_versions, self._flow_store.current, call_id)
        self._ringing.add(call_id)
        try:
            leg = await resumed.attach(taken.call)
        except PartyGone:
            await self._close(call_id)
            return
        finally:
            self._ringing.discard(call_id)
        if taken.state is None:
            log.warning("call %s: this node begins it, since the one that answered has said nothing", call_id)
            await self._run(call_id, Session(leg, taken.flow_set, self._node))
            return
        log.warning("call %s: this node goes on with it at %s", call_id, taken.state.flow.place)
        event = CallResumed(resumed.transferred)
        await self._run(call_id, Session(leg, taken.flow_set, self._node, taken.state, event))
        self._node.recordings.look_for(call_id)

    async def _close(self, call_id: str) -> None:
        """Close the record of a call whose party has hung up; if it cannot be closed now, the next sweep does it."""
        try:
            async with asyncio.timeout(RECORDING_S):
                await self._node.journal.written(call_id)
                await close(self._node, self._flow_versions, call_id, PARTY_GONE)
                await self._node.live.drop(call_id)
        except (HuifangError, TimeoutError) as error:
            log.warning("call %s: its party has hung up; the next sweep closes it: %r", call_id, error)

    async def _run(self, call_id: str, session: Session) -> None:
        self._sessions[call_id] = session
        self._in_progress.add(call_id)
        self._idle.clear()
        task = asyncio.create_task(self._run_session(call_id, session), name=_task_name(call_id))
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._on_session_done(call_id, task))
        await asyncio.shield(task)

    async def _run_session(self, call_id: str, session: Session) -> None:
        try:
            await session.run()
        finally:
            self._on_call_over(call_id)
        await session.finish()

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
        """Repeat `work` every LEASE_RENEWAL_S; while it fails, this node is in trouble."""
        while True:
            try:
                await work()
                self._troubles.pop(name, None)
                self._faults.pop(name, None)
            except HuifangError as error:
                self._troubles[name] = str(error)
                if isinstance(error, LiveStateUnavailable):
                    self._redis = None
                log.warning("%s postponed: %s", name, error)
            except Exception as error:
                self._faults[name] = f"{name} failed: {describe(error)}"
                log.exception("%s failed", name)
            await asyncio.sleep(LEASE_RENEWAL_S)

    def _owns(self, call_id: str) -> bool:
        return call_id in self._sessions or call_id in self._ringing

    async def _sweep(self) -> None:
        await self._node.records.ping()
        if await self._knows_leases():
            carried = await self._carried()
            await sweep(self._node, self._flow_versions, lambda call_id: self._owns(call_id) or call_id in carried)

    async def _knows_leases(self) -> bool:
        """Return whether every node has had the time to renew its leases on the present server of Redis.

        Leases expire while Redis is away, and a fail-over may lose them: a call without a lease is then no orphan yet.
        """
        now_s, server = asyncio.get_running_loop().time(), await self._node.live.server()
        if server != self._redis:
            self._redis, self._renewing_since_s = server, now_s
        return now_s - self._renewing_since_s >= TRUST_S

    async def drain(self, within_s: float, apology_s: float = APOLOGY_TIMEOUT_MS / 1000) -> None:
        """Stop accepting calls and wait `within_s` for those in progress to end.

        Calls still running then are handed over to other nodes, or ended with an apology if their network has no other
        node; those still running `apology_s` later are cancelled. Records that the database has not taken RECORDING_S
        later are left to the journal.
        """
        self._draining = True
        if not await self._wait_until_idle(within_s):
            log.warning("drain: handing over %d calls still in progress", len(self._in_progress))
            for call_id in self._in_progress:
                self._sessions[call_id].hand_over()
            if not await self._wait_until_idle(apology_s):
                await self._cancel(self._tasks)
        if self._tasks:
            _, unrecorded = await asyncio.wait(self._tasks, timeout=RECORDING_S)
            await self._cancel(unrecorded)

    async def _cancel(self, tasks: Collection[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_until_idle(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._idle.wait()
        except TimeoutError:
            return False

    async def _claim(self, call_id: str) -> bool:
        """Acquire the call's lease; return False if another node holds it.

        Return True if Redis fails or times out: the database alone suffices, and the next renewal acquires the lease.
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

    def _on_call_over(self, call_id: str) -> None:
        self._in_progress.discard(call_id)
        if not self._in_progress:
            self._idle.set()

    def _on_session_done(self, call_id: str, task: asyncio.Task[None]) -> None:
        self._on_call_over(call_id)
        self._tasks.discard(task)
        self._sessions.pop(call_id, None)
        if not task.cancelled() and task.exception():
            log.error("call %s: session failed", call_id, exc_info=task.exception())
