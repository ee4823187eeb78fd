"""The storage of agents' presence in Redis, shared by the nodes. Must not know: the content of a presence.

Each agent has a persistent note and, during a call, an engagement: a lease that expires unless renewed, so that the
engagements of a dead node end. Both change together, by compare-and-set in one Lua script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from redis.asyncio import Redis

from ivr.live.client import RETRIES, LuaScript, connect, translated_errors
from ivr.live.damage import DamagedEntries

_ALL: Final = """
local notes, all = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #notes, 2 do
  all[#all + 1] = notes[i]
  all[#all + 1] = notes[i + 1]
  all[#all + 1] = redis.call('GET', ARGV[1] .. notes[i]) or ''
end
return all
"""
_CHANGE: Final = """
local note = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local engagement = redis.call('GET', KEYS[2]) or ''
if note ~= ARGV[2] or engagement ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
if ARGV[5] == '' then redis.call('DEL', KEYS[2])
elseif ARGV[5] ~= ARGV[3] then redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6]) end
return 1
"""
_RENEW: Final = """
local engagement = redis.call('GET', KEYS[1])
if engagement and engagement ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

AGENTS: Final = "ivr:agents"
ENGAGED: Final = "ivr:engaged:"


@dataclass(frozen=True, slots=True)
class StoredPresence:
    """The stored presence of one agent; a part that is not stored is empty."""

    note: bytes = b""
    engagement: bytes = b""


class LiveAgents:
    """The presence of all agents. Safe for concurrent use.

    All methods raise LiveStateUnavailable when Redis stays unavailable.
    """

    def __init__(self, redis: Redis, damaged: DamagedEntries | None = None) -> None:
        self._redis = redis
        self.damaged = damaged or DamagedEntries()
        self._all = LuaScript(redis, _ALL)
        self._change = LuaScript(redis, _CHANGE)
        self._renew = LuaScript(redis, _RENEW)

    @classmethod
    async def open(cls, url: str, retries: int = RETRIES, damaged: DamagedEntries | None = None) -> Self:
        """Connect to `unix:///SOCKET` or `redis://HOST`."""
        agents = cls(connect(url, retries), damaged)
        with translated_errors():
            await agents._redis.ping()
        return agents

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def all(self) -> dict[str, StoredPresence]:
        """Return the stored presence of all agents, by id."""
        with translated_errors():
            found: list[bytes] = await self._all(keys=[AGENTS], args=[ENGAGED])
        names = (self.damaged.text("agents", name) for name in found[::3])
        stored = map(StoredPresence, found[1::3], found[2::3])
        return {name: presence for name, presence in zip(names, stored, strict=True) if name}

    async def load(self, agent: str) -> StoredPresence:
        """Return the stored presence of one agent."""
        with translated_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hget(AGENTS, agent)
                pipe.get(ENGAGED + agent)
                note, engagement = await pipe.execute()
        return StoredPresence(note or b"", engagement or b"")

    async def change(self, agent: str, before: StoredPresence, after: StoredPresence, ttl_ms: int) -> bool:
        """Replace the stored presence if it still equals `before` (compare-and-set); return whether it did.

        A new engagement expires after `ttl_ms`.
        """
        with translated_errors():
            return bool(
                await self._change(
                    keys=[AGENTS, ENGAGED + agent],
                    args=[agent, before.note, before.engagement, after.note, after.engagement, ttl_ms],
                )
            )

    async def renew(self, agent: str, engagement: bytes, ttl_ms: int) -> bool:
        """Renew an engagement for `ttl_ms`, even if it has expired; return False if the agent has a different one."""
        with translated_errors():
            return bool(await self._renew(keys=[ENGAGED + agent], args=[engagement, ttl_ms]))
