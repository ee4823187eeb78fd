"""A caller's entry in the queue of a line, renewed while they wait. Must not know: agents, what callers hear."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from ivr.agents.queue import QueuedCaller
from ivr.errors import HuifangError
from ivr.live.queues import LiveQueues

log = logging.getLogger(__name__)

RENEW_S: Final = 2.0
EXPIRES_MS: Final = 10_000
"""Lease of a queue entry, in ms: it expires if the caller's node has not renewed it for this long."""


class QueueEntry:
    """A queue entry; as an async context manager it is removed at the end of the block."""

    def __init__(self, queues: LiveQueues, line: str, caller: QueuedCaller) -> None:
        self._queues = queues
        self.line = line
        self.caller = caller

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def renew(self) -> list[QueuedCaller]:
        """Renew the entry and return all callers in the queue, in order."""
        stored = await self._queues.renew(self.line, self.caller.call, _encode(self.caller), EXPIRES_MS)
        return [caller for call, note in stored if (caller := self._decode(call, note))]

    def exclude(self, agent: str) -> None:
        """Exclude an agent who did not take the caller from further offers."""
        self.caller = replace(self.caller, tried=self.caller.tried | {agent})

    @asynccontextmanager
    async def offering(self) -> AsyncIterator[None]:
        """Mark the caller as offered within the block: the entry is renewed, but not matched to another agent."""
        self.caller = replace(self.caller, offered=True)
        renewal = asyncio.create_task(self._keep_renewing())
        try:
            yield
        finally:
            self.caller = replace(self.caller, offered=False)
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def leave(self) -> None:
        """Remove the entry."""
        try:
            await self._queues.leave(self.line, self.caller.call)
        except HuifangError as error:
            log.warning("call %s: the queue entry was not removed; it will expire: %s", self.caller.call, error)

    def _decode(self, call: str, note: bytes) -> QueuedCaller | None:
        """Return a caller in the queue; None if the entry is damaged."""
        try:
            match json.loads(note):
                case {"needs": list(needs), "tried": list(tried), "offered": bool(offered)}:
                    return QueuedCaller(call, frozenset(needs), frozenset(tried), offered)
            raise ValueError("not a caller")
        except (ValueError, TypeError, RecursionError):
            self._queues.damaged.skip(f"queue of {self.line}", call, note, "not a caller")
            return None

    async def _keep_renewing(self) -> None:
        while True:
            try:
                await self.renew()
            except HuifangError as error:
                log.warning("call %s: the queue entry was not renewed and may expire: %s", self.caller.call, error)
            await asyncio.sleep(RENEW_S)


def _encode(caller: QueuedCaller) -> bytes:
    note = {"needs": sorted(caller.needs), "tried": sorted(caller.tried), "offered": caller.offered}
    return json.dumps(note).encode()
