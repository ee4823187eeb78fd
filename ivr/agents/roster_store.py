"""The rosters in force, read from their file; a faulty file never replaces a good one.

Must not know: calls. A search that has begun keeps the rosters that it began with.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from pathlib import Path

from ivr.agents.roster import Rosters
from ivr.agents.rosters_file import parse
from ivr.errors import Fault, FaultyFile

log = logging.getLogger(__name__)


class RosterStore:
    """Holds the rosters in force."""

    def __init__(self, file: Path, phones: Collection[str] | None) -> None:
        """`phones` are those that can register; None: not known.

        Raises:
            FaultyFile: the file cannot be read, or something in it is wrong.
        """
        self._file, self._phones = file, phones
        self._rosters = self._load()

    @property
    def rosters(self) -> Rosters:
        """Those for calls that begin now."""
        return self._rosters

    def reload(self) -> bool:
        """Take the file as it is now; keep the old rosters, and say why, when it is faulty."""
        try:
            self._rosters = self._load()
        except FaultyFile as faulty:
            log.error("the rosters stay as they were:\n%s", faulty)
            return False
        return True

    def _load(self) -> Rosters:
        try:
            source = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FaultyFile([Fault(str(self._file), "", f"cannot be read: {error}")]) from error
        return parse(source, str(self._file), self._phones)


class TransferTargets(Collection[str]):
    """Where a flow may hand callers to: the site's targets, and the lines of the rosters in force."""

    def __init__(self, site: Collection[str], roster_store: RosterStore | None) -> None:
        self._site, self._roster_store = site, roster_store

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        return [*self._site, *(self._roster_store.rosters.lines if self._roster_store else ())]
