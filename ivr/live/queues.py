"""The queues of callers who wait for an agent, one per line, shared by the nodes. Must not know: what the notes mean.

Each entry is a lease: it must be renewed, and the next renewal of any entry removes those not renewed for `ttl_ms`.
"""

from __future__ import annotations

from typing import Final, Self

from redis.asyncio import Redis

from ivr.live.client import RETRIES, LuaScript, connect, translated_errors
from ivr.live.damage import DamagedEntries

_RENEW: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[2], now, ARGV[1])
for _, call in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])) do
  redis.call('ZREM', KEYS[1], call)
  redis.call('ZREM', KEYS[2], call)
  redis.call('HDEL', KEYS[3], call)
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('ZADD', KEYS[1], redis.call('INCR', KEYS[4]), ARGV[1])
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
local queue = {}
for _, call in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  queue[#queue + 1] = call
  queue[#queue + 1] = redis.call('HGET', KEYS[3], call) or ''
end
return queue
"""

QUEUE: Final = "ivr:queue:"
TICKETS: Final = "ivr:tickets"


class LiveQueues:
    """All queues. Safe for concurrent use; methods raise LiveStateUnavailable when Redis stays unavailable."""

    def __init__(self, redis: Redis, damaged: DamagedEntries | None = None) -> None:
        self._redis = redis
        self.damaged = damaged or DamagedEntries()
        self._renew = LuaScript(redis, _RENEW)

    @classmethod
    async def open(cls, url: str, retries: int = RETRIES, damaged: DamagedEntries | None = None) -> Self:
        """Connect to `unix:///SOCKET` or `redis://HOST`."""
        queues = cls(connect(url, retries), damaged)
        with translated_errors():
            await queues._redis.ping()
        return queues

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def renew(self, line: str, call: str, note: bytes, ttl_ms: int) -> list[tuple[str, bytes]]:
        """Renew a caller's entry with a note, or append it to the queue; return all entries (call, note) in order."""
        with translated_errors():
            found: list[bytes] = await self._renew(keys=[*_keys(line), TICKETS], args=[call, note, ttl_ms])
        names = (self.damaged.text(f"queue of {line}", name) for name in found[::2])
        return [(name, kept) for name, kept in zip(names, found[1::2], strict=True) if name]

    async def leave(self, line: str, call: str) -> None:
        """Remove a caller's entry. Idempotent."""
        order, seen, notes = _keys(line)
        with translated_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zrem(order, call)
                pipe.zrem(seen, call)
                pipe.hdel(notes, call)
                await pipe.execute()


def _keys(line: str) -> tuple[str, str, str]:
    return f"{QUEUE}{line}", f"{QUEUE}{line}:seen", f"{QUEUE}{line}:notes"
