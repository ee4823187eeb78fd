"""Write-behind queue of one call's entries: a task writes them in order, however long the database is unavailable.

Must not know: what the entries hold.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from ivr.records.journal.entries import JournalEntry

log = logging.getLogger(__name__)

FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 5.0
"""Maximum pause between two attempts to write an entry."""

WriteEntry = Callable[[JournalEntry], Awaitable[None]]
"""Writes an entry; raises an exception if it must be tried again later."""


class WriteQueue:
    """Pending entries of one call. An entry leaves the queue only when it is written."""

    def __init__(self, call_id: str, write: WriteEntry) -> None:
        self._call_id, self._write = call_id, write
        self._pending: deque[JournalEntry] = deque()
        self._writer: asyncio.Task[None] | None = None
        self.fault = ""
        """Why the first entry could not be written at the last attempt; empty if it was or is being tried first."""

    @property
    def pending(self) -> tuple[JournalEntry, ...]:
        """The entries not yet written, in order."""
        return tuple(self._pending)

    def add(self, entry: JournalEntry) -> None:
        """Append an entry; it is written in the background."""
        self._pending.append(entry)
        if self._writer is None:
            self._writer = asyncio.create_task(self._run(), name=f"journal of call {self._call_id}")

    async def written(self) -> None:
        """Wait until no entry is pending, however long that takes."""
        while self._writer:
            await asyncio.wait((self._writer,))

    def stop(self) -> tuple[JournalEntry, ...]:
        """Stop writing and return the entries that are left, in order; the first of them may have been written."""
        left = self.pending
        self._pending.clear()
        if self._writer:
            self._writer.cancel()
        return left

    async def _run(self) -> None:
        try:
            while self._pending:
                entry = self._pending[0]
                async for attempt in self._attempts():
                    with attempt:
                        await self._write(entry)
                self.fault = ""
                if self._pending:
                    self._pending.popleft()
        finally:
            self._writer = None

    def _attempts(self) -> AsyncRetrying:
        return AsyncRetrying(
            wait=wait_random_exponential(multiplier=FIRST_RETRY_S, max=LAST_RETRY_S),
            before_sleep=self._log_delay,
        )

    def _log_delay(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.fault = str(error)
        level = logging.WARNING if state.attempt_number == 1 else logging.DEBUG
        log.log(level, "call %s: %d entries wait for the database: %s", self._call_id, len(self._pending), error)
