"""The rosters in force, read from their file; a faulty file never replaces valid rosters.

A search for an agent keeps the rosters that it started with.
Must not know: calls.
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
    """The holder of the rosters in force."""

    def __init__(self, file: Path, phones: Collection[str] | None) -> None:
        """Load the file. `phones` are the names that phones can register under, None if not known.

        Raises:
            FaultyFile: the file cannot be read or is invalid.
        """
        self._file, self._phones = file, phones
        self._rosters = self._load()

    @property
    def rosters(self) -> Rosters:
        """The rosters for new calls."""
        return self._rosters

    def reload(self) -> bool:
        """Reload the file; if it is faulty, keep the current rosters, log the faults and return False."""
        try:
            self._rosters = self._load()
        except FaultyFile as faulty:
            log.error("the rosters file is faulty, so the current rosters stay in force:\n%s", faulty)
            return False
        return True

    def _load(self) -> Rosters:
        try:
            source = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FaultyFile([Fault(str(self._file), "", f"cannot be read: {error}")]) from error
        return parse(source, str(self._file), self._phones)


class TransferTargets(Collection[str]):
    """The targets that a flow may transfer callers to: the site's targets and the lines of the rosters in force."""

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
