"""The event feed: what happens on all nodes, for those who watch. Must not know: what the events mean.

At least once: an event may come twice when a connection drops while it is published.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Final, Self, cast

from redis.asyncio import Redis

from ivr.events import Value
from ivr.live.client import RETRIES, connect, translated_errors

FEED: Final = "ivr:feed"
MANAGEMENT: Final = "ivr:feed:management"
"""What only management hears."""
MAX_EVENTS: Final = 10_000
"""About how many events are kept for those who come back."""

_BLOCK_MS = 1000
_Entry = tuple[bytes, dict[bytes, bytes]]


class EventFeed:
    """A capped stream of events. Safe for concurrent use; methods raise LiveStateUnavailable when Redis stays away."""

    def __init__(self, redis: Redis, stream: str) -> None:
        self._redis, self._stream = redis, stream

    @classmethod
    async def open(cls, url: str, retries: int = RETRIES, stream: str = FEED) -> Self:
        """Connect to `unix:///SOCKET` or `redis://HOST`."""
        feed = cls(connect(url, retries), stream)
        with translated_errors():
            await feed._redis.ping()
        return feed

    async def close(self) -> None:
        """Let go of all connections."""
        await self._redis.aclose()

    async def publish(self, event: Mapping[str, Value]) -> None:
        """Tell everybody."""
        with translated_errors():
            await self._redis.xadd(
                self._stream, {"event": json.dumps(dict(event))}, maxlen=MAX_EVENTS, approximate=True
            )

    async def newest(self) -> str:
        """The id of the last event, to be followed from; `0` before the first."""
        with translated_errors():
            found = cast("list[_Entry]", await self._redis.xrevrange(self._stream, count=1))
        return found[0][0].decode() if found else "0"

    async def follow(self, after: str | None = None) -> AsyncIterator[tuple[str, dict[str, Value]]]:
        """Events with their ids, for ever: those after the id `after` (`0`: all that are kept), or only new ones."""
        if after is None:
            after = await self.newest()
        while True:
            with translated_errors():
                read = cast(
                    "list[tuple[bytes, list[_Entry]]]", await self._redis.xread({self._stream: after}, block=_BLOCK_MS)
                )
            for _stream, entries in read:
                for entry_id, fields in entries:
                    after = entry_id.decode()
                    yield after, json.loads(fields[b"event"])
