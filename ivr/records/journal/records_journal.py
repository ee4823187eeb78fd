"""The journal of one process: a queue of entries per call, and a file for entries that the database does not take.

Must not know: sessions, what the entries hold.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ivr.database.errors import RecordsUnavailable, describe
from ivr.records.call_records import CallRecords
from ivr.records.journal.entries import JournalEntry, describe_entry
from ivr.records.journal.local_journal import LocalJournal, leftovers
from ivr.records.journal.write_queue import WriteQueue

log = logging.getLogger(__name__)

CLOSING_S: Final = 2.0
"""Time that `close` allows for pending entries to be written to the database."""


class RecordsJournal:
    """The write-behind journal of one process: no entry is lost, provided that `close` is called.

    An entry that the database refuses for a reason of its own (a violated constraint, an impossible value) goes to the
    local journal at once, so that it does not hold up those after it. Entries that cannot be written by the end of the
    process follow at `close`. The next process writes them to the database with `replay`.
    """

    def __init__(self, records: CallRecords, folder: Path) -> None:
        self._records, self._folder = records, folder
        self._local = LocalJournal(folder)
        self._queues: dict[str, WriteQueue] = {}

    @property
    def backlog(self) -> int:
        """Number of entries that wait for the database."""
        return sum(len(queue.pending) for queue in self._queues.values())

    @property
    def trouble(self) -> str:
        """Why entries wait for the database; empty if none does."""
        return next((queue.fault for queue in self._queues.values() if queue.fault), "")

    @property
    def kept_locally(self) -> int:
        """Number of entries that the database has refused to this process."""
        return self._local.entries

    def add(self, call_id: str, entry: JournalEntry) -> None:
        """Append an entry to the queue of a call; it is written in the background, in order."""
        self._queues = {known: queue for known, queue in self._queues.items() if queue.pending}
        self._queues.setdefault(call_id, WriteQueue(call_id, self.write)).add(entry)

    def pending(self, call_id: str) -> tuple[JournalEntry, ...]:
        """Return the entries of a call that are not written yet, in order."""
        return self._queues[call_id].pending if call_id in self._queues else ()

    async def written(self, call_id: str) -> None:
        """Wait until no entry of a call is pending, however long the database is unavailable."""
        if queue := self._queues.get(call_id):
            await queue.written()

    async def write(self, entry: JournalEntry) -> None:
        """Write an entry to the database, or to the local journal if the database refuses it.

        Raises:
            RecordsUnavailable: the database cannot be used; the entry is stored nowhere.
        """
        try:
            await entry.write(self._records)
        except RecordsUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the entry must be kept)
            log.error(
                "%s: refused by the database, kept in the local journal: %s", describe_entry(entry), describe(error)
            )
            self._local.append((entry,))

    async def replay(self) -> int:
        """Write the entries that earlier processes have left in the folder; return their number.

        An entry that is refused again stays in the local journal, now of this process; if that cannot be written, the
        file is kept for the next start. A file with damaged lines is renamed to `*.damaged`.

        Raises:
            RecordsUnavailable: the database cannot be used; the files are kept.
        """
        count = 0
        for left in leftovers(self._folder):
            with left:
                for entry in left.entries:
                    await self.write(entry)
                if self._local.waiting:
                    return count
                left.remove()
                count += len(left.entries)
        return count

    async def close(self) -> None:
        """Write the pending entries within CLOSING_S, those that are left to the local journal."""
        queues = tuple(self._queues.values())
        await _wait_for(queues)
        left = [entry for queue in queues for entry in queue.stop()]
        if left:
            log.error("%d entries could not be written to the database; the next start writes them", len(left))
            self._local.append(left)
        await _wait_for(queues)
        self._local.close()


async def _wait_for(queues: Iterable[WriteQueue]) -> None:
    """Wait until the queues are written or stopped, at most for CLOSING_S."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            for queue in queues:
                await queue.written()
