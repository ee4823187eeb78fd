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

    def __init__(self, queues: LiveQueues, line: str, waiting: QueuedCaller) -> None:
        self._queues = queues
        self.line = line
        self.waiting = waiting

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def queue(self) -> list[QueuedCaller]:
        """Everybody who waits, in order; this also tells the others that we do."""
        kept = await self._queues.wait(self.line, self.waiting.call, _write(self.waiting), EXPIRES_MS)
        return [_read(call, note) for call, note in kept]

    def tried(self, agent: str) -> None:
        """This agent did not take the caller."""
        self.waiting = replace(self.waiting, tried=self.waiting.tried | {agent})

    @asynccontextmanager
    async def offered(self) -> AsyncIterator[None]:
        """Within the block an agent is asked: the place is kept, but nobody else is kept free for it."""
        self.waiting = replace(self.waiting, offered=True)
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            self.waiting = replace(self.waiting, offered=False)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def leave(self) -> None:
        """Give the place up."""
        try:
            await self._queues.leave(self.line, self.waiting.call)
        except HuifangError as away:
            log.warning("call %s keeps its place until that lapses: %s", self.waiting.call, away)

    async def _renew(self) -> None:
        while True:
            try:
                await self.queue()
            except HuifangError as away:
                log.warning("call %s may lose its place: %s", self.waiting.call, away)
            await asyncio.sleep(RENEW_S)


def _write(waiting: QueuedCaller) -> bytes:
    note = {"needs": sorted(waiting.needs), "tried": sorted(waiting.tried), "offered": waiting.offered}
    return json.dumps(note).encode()


def _read(call: str, note: bytes) -> QueuedCaller:
    fields = json.loads(note)
    return QueuedCaller(call, frozenset(fields["needs"]), frozenset(fields["tried"]), fields["offered"])
