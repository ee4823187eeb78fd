"""A caller's place in the queue of a line, kept as long as they are here. Must not know: agents, what they hear."""

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
"""A caller whose node is not heard of for so long has lost their place."""


class QueueEntry:
    """An async context manager: the place is given up at the end of the block."""

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
        """Everybody who waits, in order; this also tells the others that we do."""
        stored = await self._queues.renew(self.line, self.caller.call, _encode(self.caller), EXPIRES_MS)
        return [_decode(call, note) for call, note in stored]

    def exclude(self, agent: str) -> None:
        """This agent did not take the caller."""
        self.caller = replace(self.caller, tried=self.caller.tried | {agent})

    @asynccontextmanager
    async def offering(self) -> AsyncIterator[None]:
        """Within the block an agent is asked: the place is kept, but nobody else is kept free for it."""
        self.caller = replace(self.caller, offered=True)
        renewal = asyncio.create_task(self._keep_renewing())
        try:
            yield
        finally:
            self.caller = replace(self.caller, offered=False)
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def leave(self) -> None:
        """Give the place up."""
        try:
            await self._queues.leave(self.line, self.caller.call)
        except HuifangError as error:
            log.warning("call %s keeps its place until that lapses: %s", self.caller.call, error)

    async def _keep_renewing(self) -> None:
        while True:
            try:
                await self.renew()
            except HuifangError as error:
                log.warning("call %s may lose its place: %s", self.caller.call, error)
            await asyncio.sleep(RENEW_S)


def _encode(caller: QueuedCaller) -> bytes:
    note = {"needs": sorted(caller.needs), "tried": sorted(caller.tried), "offered": caller.offered}
    return json.dumps(note).encode()


def _decode(call: str, note: bytes) -> QueuedCaller:
    fields = json.loads(note)
    return QueuedCaller(call, frozenset(fields["needs"]), frozenset(fields["tried"]), fields["offered"])
