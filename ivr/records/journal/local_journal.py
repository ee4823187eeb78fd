"""The local journal: a file of entries for the next process, one per process, in the data folder.

Must not know: why entries are stored here, the database.

The file holds one entry per line, as JSON, and is synchronised with the disk after each write. Its space is reserved
when the process starts, so that a full disk does not prevent writing. The process holds a lock on its file: a file
without a lock was left by a process that has ended.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from ivr.records.journal.entries import FlowSourceEntry, JournalEntry, dump, load

log = logging.getLogger(__name__)

SUFFIX: Final = ".jsonl"
DAMAGED_SUFFIX: Final = ".damaged"
RESERVED_BYTES: Final = 4 * 1024 * 1024
"""Space reserved for the file: some thousand entries. Unused space is filled with zeros and released at the end."""


class LocalJournal:
    """The file of this process in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}{SUFFIX}"
        self._file = _create_locked(self._path)
        self._reserve()
        self._end = 0
        self._waiting: list[JournalEntry] = []
        self._versions: set[str] = set()
        self.entries = 0
        """Number of entries in the file."""

    @property
    def waiting(self) -> int:
        """Number of entries that could not be written to the file yet."""
        return len(self._waiting)

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries; those that cannot be written are kept in memory and appended with the next, or at `close`."""
        self._waiting += entries
        lines = [dump(entry).encode() + b"\n" for entry in self._waiting if not self._is_known(entry)]
        try:
            self._write(b"".join(lines))
        except OSError as error:
            log.critical("%d entries cannot be written to %s: %s", len(self._waiting), self._path, error)
            return
        self.entries += len(lines)
        self._versions |= {entry.version for entry in self._waiting if isinstance(entry, FlowSourceEntry)}
        self._waiting.clear()

    def close(self) -> None:
        """Release the reserved space; remove the file if it is empty."""
        self.append(())
        if self._end:
            os.ftruncate(self._file, self._end)
        else:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _reserve(self) -> None:
        try:
            os.posix_fallocate(self._file, 0, RESERVED_BYTES)
        except OSError as error:
            log.warning("no space could be reserved for %s: %s", self._path, error)

    def _is_known(self, entry: JournalEntry) -> bool:
        return isinstance(entry, FlowSourceEntry) and entry.version in self._versions

    def _write(self, data: bytes) -> None:
        written = 0
        while written < len(data):
            written += os.pwrite(self._file, data[written:], self._end + written)
        if data:
            os.fsync(self._file)
        self._end += len(data)


class LeftJournal:
    """The file of a process that has ended, locked within the block."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self.entries: list[JournalEntry] = []
        """The entries in the order in which they were appended."""
        self._damaged = 0
        for number, line in enumerate(file.read().rstrip(b"\0").splitlines(), 1):
            try:
                self.entries.append(load(line))
            except ValueError:
                self._damaged += 1
                log.error("%s, line %d: not an entry; the line is skipped and the file kept", path, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def remove(self) -> None:
        """Remove the file; one with damaged lines is renamed instead."""
        if self._damaged:
            self._path.rename(self._path.with_suffix(DAMAGED_SUFFIX))
        else:
            self._path.unlink()
        _sync_folder(self._path.parent)


def leftovers(folder: Path) -> Iterator[LeftJournal]:
    """Yield the files of the processes that have ended, oldest first; each must be entered."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(FileNotFoundError):
            file = path.open("rb")
            if _is_free(file) and path.exists():
                yield LeftJournal(path, file)
            else:
                file.close()


def _create_locked(path: Path) -> int:
    """Create a file for this user only, and lock it before it has its name, so that no other process takes it."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    draft.rename(path)
    _sync_folder(path.parent)
    return descriptor


def _is_free(file: BinaryIO) -> bool:
    """Lock a file; return False if its process still holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make the creation or removal of a file durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
