"""What one call has to have written down, in order; what the database does not take stays here and is tried again.

Must not know: what the entries are.
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
"""From one attempt to the next once nobody waits for it."""

Write = Callable[[], Awaitable[None]]
"""A write that may be repeated."""


class WriteQueue:
    """The entries of one call that are not written yet."""

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._pending: deque[Write] = deque()
        self._lock = asyncio.Lock()

    def add(self, entry: Write) -> None:
        """Add an entry behind the others, to be written by the next `flush`."""
        self._pending.append(entry)

    async def flush(self) -> None:
        """Write what is due.

        Raises:
            RecordsUnavailable: the database does not answer; nothing is lost.
            Exception: what an entry raises else; it is dropped, the rest stays due.
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
        """Write what is due, however long the database stays away; entries that can never be written are logged."""
        while self._pending:
            try:
                await self.flush()
            except RecordsUnavailable as away:
                log.warning("call %s: %d entries wait for the records: %s", self._call_id, len(self._pending), away)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("call %s: an entry cannot be written down", self._call_id)
