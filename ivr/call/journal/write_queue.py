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
        self._due: deque[Write] = deque()
        self._writing = asyncio.Lock()

    def note(self, entry: Write) -> None:
        """Add an entry behind the others, to be written by the next `settle`."""
        self._due.append(entry)

    async def settle(self) -> None:
        """Write what is due.

        Raises:
            RecordsUnavailable: the database does not answer; nothing is lost.
            Exception: what an entry raises else; it is dropped, the rest stays due.
        """
        async with self._writing:
            while self._due:
                try:
                    await self._due[0]()
                except (RecordsUnavailable, asyncio.CancelledError):
                    raise
                except BaseException:
                    self._due.popleft()
                    raise
                self._due.popleft()

    async def settle_at_last(self) -> None:
        """Write what is due, however long the database stays away; entries that can never be written are logged."""
        while self._due:
            try:
                await self.settle()
            except RecordsUnavailable as away:
                log.warning("call %s: %d entries wait for the records: %s", self._call_id, len(self._due), away)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("call %s: an entry cannot be written down", self._call_id)
