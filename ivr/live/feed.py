"""The event feed: the events of all nodes, in a capped stream of Redis. Must not know: what the events mean.

An event is published once, however often it is given: its id is remembered. Entries that are not events are skipped
and counted; those of versions without the envelope are skipped only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Final, Self, cast

from redis.asyncio import Redis

from ivr.live.client import RETRIES, LuaScript, connect, translated_errors
from ivr.live.damage import DamagedEntries
from ivr.live.feed_event import FeedEvent, decode, encode

FEED: Final = "ivr:feed"
MANAGEMENT: Final = "ivr:feed:management"
"""The stream for management only."""
MAX_EVENTS: Final = 10_000
"""Approximate number of events retained, for subscribers that resume."""

REMEMBER_S: Final = 3600
"""How long it is remembered which ids have been published."""

MAX_PAGING: Final = 8
"""How many pages are read at a time, as many subscribers may resume at once and each read takes a connection."""

_PUBLISH: Final = """
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[3]) then return end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'event', ARGV[1])
"""
_BLOCK_MS = 1000
_PAGE: Final = 100
_Entry = tuple[bytes, dict[bytes, bytes]]


class EventFeed:
    """A capped stream of events. Safe for concurrent use.

    All methods raise LiveStateUnavailable when Redis stays unavailable.
    """

    def __init__(self, redis: Redis, stream: str, damaged: DamagedEntries | None = None) -> None:
        self._redis, self.stream = redis, stream
        self._publish = LuaScript(redis, _PUBLISH)
        self.damaged = damaged or DamagedEntries()
        self._paging = asyncio.Semaphore(MAX_PAGING)

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

    async def publish(self, event: FeedEvent) -> None:
        """Publish an event to all subscribers, unless one with the same id was published in the last hour."""
        with translated_errors():
            await self._publish(
                keys=[self.stream, f"{self.stream}:published:{event.id}"],
                args=[encode(event), MAX_EVENTS, REMEMBER_S],
            )

    async def newest(self) -> str:
        """Return the id of the last entry, a starting point for `follow`; `0-0` before the first entry."""
        with translated_errors():
            found = cast("list[_Entry]", await self._redis.xrevrange(self.stream, count=1))
        return found[0][0].decode() if found else "0-0"

    async def between(self, after: str, until: str) -> AsyncGenerator[tuple[str, FeedEvent], None]:
        """Yield the retained events after the entry id `after` up to the entry id `until`, with their entry ids."""
        while True:
            async with self._paging:
                with translated_errors():
                    page = cast("list[_Entry]", await self._redis.xrange(self.stream, f"({after}", until, count=_PAGE))
            if not page:
                return
            for entry_id, event in self._events(page):
                yield entry_id, event
            after = page[-1][0].decode()

    async def follow(self, after: str | None = None) -> AsyncGenerator[tuple[str, FeedEvent], None]:
        """Yield events with their entry ids, endlessly: those after an entry id (`0`: all retained; None: only new).

        Each follower reads from Redis on its own; see ivr.live.feed_reader for many subscribers.
        """
        if after is None:
            after = await self.newest()
        while True:
            with translated_errors():
                read = cast(
                    "list[tuple[bytes, list[_Entry]]]", await self._redis.xread({self.stream: after}, block=_BLOCK_MS)
                )
            for _stream, entries in read:
                for entry_id, event in self._events(entries):
                    yield entry_id, event
                after = entries[-1][0].decode()

    def _events(self, entries: Iterable[_Entry]) -> Iterable[tuple[str, FeedEvent]]:
        """Return the events among some entries."""
        for raw_id, fields in entries:
            entry_id = raw_id.decode()
            try:
                event = decode(fields.get(b"event", b""))
            except (ValueError, RecursionError) as error:
                self.damaged.skip(self.stream, entry_id, b"", error)
                continue
            if event is not None:
                yield entry_id, event
