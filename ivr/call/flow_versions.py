"""The versions of the flows that recorded calls used: each is parsed once, off the event loop.

Must not know: which calls use a version.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ivr.errors import FaultyFile
from ivr.flow.parse import FlowSet, parse

log = logging.getLogger(__name__)

MAX_PARSED: Final = 8
"""Number of versions kept; beyond it, the version parsed first is forgotten."""


class FlowVersions:
    """The saved versions of the flows. `source` returns the text saved under a version, None if there is none."""

    def __init__(self, source: Callable[[str], Awaitable[str | None]]) -> None:
        self._source = source
        self._parsed: dict[str, FlowSet | None] = {}
        self._lock = asyncio.Lock()

    async def get(self, version: str) -> FlowSet | None:
        """Return a version of the flows; None if it was not saved or can no longer be parsed.

        Raises:
            RecordsUnavailable: the text cannot be read now.
        """
        async with self._lock:
            if version not in self._parsed:
                source = await self._source(version)
                if source is None:
                    return None
                self._parsed[version] = await asyncio.to_thread(_parse, source, version)
                if len(self._parsed) > MAX_PARSED:
                    del self._parsed[next(iter(self._parsed))]
            return self._parsed[version]


def _parse(source: str, version: str) -> FlowSet | None:
    try:
        return parse(source, version)
    except FaultyFile as faulty:
        log.error("version %s of the flows can no longer be parsed:\n%s", version, faulty)
        return None
