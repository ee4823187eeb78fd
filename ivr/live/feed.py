"""The event feed: the events of all nodes, for subscribers. Must not know: what the events mean.

An event with an `id` is published once, however often it is given; another may be duplicated if the connection drops
while it is published. Entries that are not events are skipped.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Final, Self, cast

from redis.asyncio import Redis

from ivr.events import Value
from ivr.live.client import RETRIES, LuaScript, connect, translated_errors
from ivr.live.damage import DamagedEntries

FEED: Final = "ivr:feed"
MANAGEMENT: Final = "ivr:feed:management"
"""The stream for management only."""
MAX_EVENTS: Final = 10_000
"""Approximate number of events retained, for subscribers that resume."""

REMEMBER_S: Final = 3600
"""How long it is remembered which ids have been published."""

_PUBLISH: Final = """
if ARGV[3] ~= '' and not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[4]) then return end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'event', ARGV[1])
"""
_BLOCK_MS = 1000
_Entry = tuple[bytes, dict[bytes, bytes]]


class EventFeed:
    """A capped stream of events. Safe for concurrent use.

    All methods raise LiveStateUnavailable when Redis stays unavailable.
    """

    def __init__(self, redis: Redis, stream: str, damaged: DamagedEntries | None = None) -> None:
        self._redis, self._stream = redis, stream
        self._publish = LuaScript(redis, _PUBLISH)
        self.damaged = damaged or DamagedEntries()

    @classmethod
    async def open(
        cls, url: str, retries: int = RETRIES, stream: str = FEED, damaged: DamagedEntries | None = None
    ) -> Self:
        """Connect to `unix:///SOCKET` or `redis://HOST`."""
        feed = cls(connect(url, retries), stream, damaged)
        with translated_errors():
            await feed._redis.ping()
        return feed

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def publish(self, event: Mapping[str, Value]) -> None:
        """Publish an event to all subscribers, unless one with the same `id` was published in the last hour."""
        event_id = event.get("id") or ""
        with translated_errors():
            await self._publish(
                keys=[self._stream, f"{self._stream}:published:{event_id}"],
                args=[json.dumps(dict(event)), MAX_EVENTS, str(event_id), REMEMBER_S],
            )

    async def newest(self) -> str:
        """Return the id of the last event, a starting point for `follow`; `0` before the first event."""
        with translated_errors():
            found = cast("list[_Entry]", await self._redis.xrevrange(self._stream, count=1))
        return found[0][0].decode() if found else "0"

    async def follow(self, after: str | None = None) -> AsyncIterator[tuple[str, dict[str, Value]]]:
        """Yield events with their ids, endlessly: those after the id `after` (`0`: all retained; None: only new)."""
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
                    try:
                        event = _decode(fields)
                    except (ValueError, RecursionError) as error:
                        self.damaged.skip(self._stream, after, b"", error)
                        continue
                    yield after, event


def _decode(fields: Mapping[bytes, bytes]) -> dict[str, Value]:
    """Return the event of an entry.

    Raises:
        ValueError: the entry is not an event.
    """
    event = json.loads(fields.get(b"event", b""))
    if not isinstance(event, dict) or any(isinstance(value, dict | list) for value in event.values()):
        raise ValueError("not an object of plain values")
    return event
