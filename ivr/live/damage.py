"""Entries in Redis that are foreign or damaged: they are skipped, counted and logged. Must not know: what they mean."""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger(__name__)

MAX_REMEMBERED: Final = 1000


class DamagedEntries:
    """Counter of the skipped entries of one process. An entry that is read again is not counted again."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, bytes], None] = {}
        self.count = 0

    def skip(self, place: str, entry: str, content: bytes, reason: object) -> None:
        """Count and log an entry. Its content is only compared, never logged: it may hold names and numbers."""
        known = (place, entry, content)
        if known in self._seen:
            return
        if len(self._seen) >= MAX_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[known] = None
        self.count += 1
        log.error("%s: entry %s is skipped: %s", place, entry, reason)

    def text(self, place: str, name: bytes) -> str:
        """Return the name of an entry; skip the entry and return an empty string if the name is not text."""
        try:
            return name.decode()
        except UnicodeDecodeError:
            self.skip(place, repr(name), name, "its name is not UTF-8")
            return ""
