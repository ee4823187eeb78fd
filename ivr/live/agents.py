"""The storage of agents' presence in Redis, shared by the nodes. Must not know: the content of a presence.

Each agent has a persistent note and, during a call, an engagement: a lease that expires unless renewed, so that the
engagements of a dead node end. Both change together, by compare-and-set in one Lua script. Each node reports which
agents it can reach; its report is a lease too, and an agent is reachable if any node's report says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from redis.asyncio import Redis

from ivr.live.client import RETRIES, LuaScript, connect, translated_errors
from ivr.live.damage import DamagedEntries

_REACHED: Final = """
local reached = {}
local function value(key)
  local found = redis.pcall('GET', key)
  return type(found) == 'string' and found or ''
end
for _, node in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local agents = redis.pcall('SMEMBERS', ARGV[2] .. node)
  if #agents == 0 then redis.call('SREM', KEYS[2], node) end
  for _, agent in ipairs(agents) do reached[agent] = '1' end
end
"""
"""The start of a script: sets `reached[agent]` to '1' for each agent whom a node reaches.

`value` returns the string at a key; what is foreign there counts as none.
"""
_ALL: Final = (
    _REACHED
    + """
local notes, all = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #notes, 2 do
  all[#all + 1] = notes[i]
  all[#all + 1] = notes[i + 1]
  all[#all + 1] = value(ARGV[1] .. notes[i])
  all[#all + 1] = reached[notes[i]] or ''
end
return all
"""
)
_LOAD: Final = (
    _REACHED
    + """
local agent = ARGV[3]
return {redis.call('HGET', KEYS[1], agent) or '', value(ARGV[1] .. agent), reached[agent] or ''}
"""
)
_REPORT: Final = """
redis.call('DEL', KEYS[2])
for i = 3, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('SADD', KEYS[1], ARGV[1])
"""
_CHANGE: Final = """
local note = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local engagement = redis.pcall('GET', KEYS[2]) or ''
if type(engagement) == 'table' then engagement = '' end
if note ~= ARGV[2] or engagement ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
if ARGV[5] == '' then redis.call('DEL', KEYS[2])
elseif ARGV[5] ~= ARGV[3] then redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6]) end
return 1
"""
_RENEW: Final = """
local engagement = redis.pcall('GET', KEYS[1])
if type(engagement) == 'string' and engagement ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

AGENTS: Final = "ivr:agents"
ENGAGED: Final = "ivr:engaged:"
REACHED: Final = "ivr:reached:"
REPORTING: Final = "ivr:reached"
"""The nodes whose reports may be in force."""


@dataclass(frozen=True, slots=True)
class StoredPresence:
    """The stored presence of one agent; a part that is not stored is empty.

    `reachable`: a node reports that it reaches the agent.
    """

    note: bytes = b""
    engagement: bytes = b""
    reachable: bool = False


class LiveAgents:
    """The presence of all agents. Safe for concurrent use.

    All methods raise LiveStateUnavailable when Redis stays unavailable.
    """

    def __init__(self, redis: Redis, damaged: DamagedEntries | None = None) -> None:
        self._redis = redis
        self.damaged = damaged or DamagedEntries()
        self._all = LuaScript(redis, _ALL)
        self._load = LuaScript(redis, _LOAD)
        self._report = LuaScript(redis, _REPORT)
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
            found: list[bytes] = await self._all(keys=[AGENTS, REPORTING], args=[ENGAGED, REACHED])
        return {
            name: StoredPresence(note, engagement, reachable == b"1")
            for agent, note, engagement, reachable in zip(*(found[part::4] for part in range(4)), strict=True)
            if (name := self.damaged.text("agents", agent))
        }

    async def load(self, agent: str) -> StoredPresence:
        """Return the stored presence of one agent."""
        with translated_errors():
            note, engagement, reachable = await self._load(keys=[AGENTS, REPORTING], args=[ENGAGED, REACHED, agent])
        return StoredPresence(note, engagement, reachable == b"1")

    async def change(self, agent: str, before: StoredPresence, after: StoredPresence, ttl_ms: int) -> bool:
        """Replace note and engagement if they are still as in `before` (compare-and-set); return whether they were.

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

    async def report_reachable(self, node: str, agents: Collection[str], ttl_ms: int) -> None:
        """Replace the report of a node: it reaches these agents for `ttl_ms`, unless it reports others before."""
        with translated_errors():
            await self._report(keys=[REPORTING, REACHED + node], args=[node, ttl_ms, *agents])
