"""Write-behind queue of one call's database writes; writes stay queued, in order, until the database accepts them.

Must not know: what is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from ivr.database.errors import RecordsUnavailable

log = logging.getLogger(__name__)

RETRY_S: Final = 5.0
"""Retry interval of `flush_with_retries`."""

Write = Callable[[], Awaitable[None]]
"""An idempotent write."""


class WriteQueue:
    """Pending writes of one call."""

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._pending: deque[Write] = deque()
        self._lock = asyncio.Lock()

    def add(self, write: Write) -> None:
        """Append a write, to be executed by the next `flush`."""
        self._pending.append(write)

    async def flush(self) -> None:
        """Execute all pending writes in order.

        Raises:
            RecordsUnavailable: the database is unreachable; the pending writes stay queued.
            Exception: a write failed otherwise; it is dropped, the rest stay queued.
        """
        async with self._lock:
            while self._pending:
                try:
                    await self._pending[0]()
                except (RecordsUnavailable, asyncio.CancelledError):
                    raise
                except BaseException:
                    self._pending.popleft()
                    raise
                self._pending.popleft()

    async def flush_with_retries(self) -> None:
        """Flush until the queue is empty, however long the database is unavailable; log writes that fail otherwise."""
        while self._pending:
            try:
                await self.flush()
            except RecordsUnavailable as error:
                log.warning("call %s: %d writes pending: %s", self._call_id, len(self._pending), error)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("call %s: a journal write failed", self._call_id)
