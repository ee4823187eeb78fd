"""The live state of calls in Redis: where each call is and what it has not yet written, and the node that leads it.

Must not know: what the state means.
Each operation is one Lua script. Redis runs a script atomically, so no WATCH and no retries on contention are needed,
and each operation costs one round trip.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple, Self, cast

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from ivr.errors import StaleTurn
from ivr.live.client import RETRIES, LuaScript, connect, translated_errors
from ivr.live.damage import DamagedEntries

_SAVE: Final = """
local saved = redis.pcall('HMGET', KEYS[1], 'turn', 'payload', 'taken')
if saved.err then
  redis.call('DEL', KEYS[1])
  saved = {}
end
local turn, payload, leader = unpack(saved)
local stored = tonumber(turn or 0) or 0
if leader and leader ~= ARGV[3] then return stored end
if stored == tonumber(ARGV[1]) and payload == ARGV[2] then return -1 end
if stored >= tonumber(ARGV[1]) then return stored end
redis.call('HSET', KEYS[1], 'turn', ARGV[1], 'payload', ARGV[2], 'node', ARGV[3], 'state', ARGV[5])
redis.call('SADD', KEYS[2], ARGV[4])
return -1
"""
_CLAIM: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
_TAKE_OVER: Final = """
local payload, state, leader = unpack(redis.pcall('HMGET', KEYS[2], 'payload', 'state', 'node'))
local holder = redis.pcall('GET', KEYS[1])
if type(holder) == 'string' and leader and holder ~= leader then return false end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if payload then redis.call('HSET', KEYS[2], 'node', ARGV[1], 'taken', ARGV[1]) end
return {payload or '', state or ''}
"""
_RENEW: Final = """
local lost = {}
for i, lease in ipairs(KEYS) do
  local holder = redis.pcall('GET', lease)
  if type(holder) == 'string' and holder ~= ARGV[1] then lost[#lost + 1] = i
  else redis.call('SET', lease, ARGV[1], 'PX', ARGV[2]) end
end
return lost
"""
_ORPHANS: Final = """
local calls, orphans = redis.call('SMEMBERS', KEYS[1]), {}
for i = 2, #ARGV do calls[#calls + 1] = ARGV[i] end
for _, call in ipairs(calls) do
  if redis.call('EXISTS', ARGV[1] .. call) == 0 then orphans[#orphans + 1] = call end
end
return orphans
"""

CALLS: Final = "ivr:calls"
STATE: Final = "ivr:call:"
LEASE: Final = "ivr:lease:"


class SavedCall(NamedTuple):
    """What was saved last: the entries that the database had not taken, and the state; empty if nothing is known."""

    payload: bytes
    state: bytes


class LiveCalls:
    """All live calls, shared by the nodes. Safe for concurrent use.

    All methods raise LiveStateUnavailable when Redis stays unavailable for about five seconds.
    """

    def __init__(self, redis: Redis, damaged: DamagedEntries | None = None) -> None:
        self._redis = redis
        self.damaged = damaged or DamagedEntries()
        self._save = LuaScript(redis, _SAVE)
        self._claim = LuaScript(redis, _CLAIM)
        self._take_over = LuaScript(redis, _TAKE_OVER)
        self._renew = LuaScript(redis, _RENEW)
        self._orphans = LuaScript(redis, _ORPHANS)

    @classmethod
    async def open(cls, url: str, retries: int = RETRIES, damaged: DamagedEntries | None = None) -> Self:
        """Connect to `unix:///SOCKET` or `redis://HOST` (Redis 6.2 or later)."""
        calls = cls(connect(url, retries), damaged)
        with translated_errors():
            await calls._redis.ping()
        return calls

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def save(self, call_id: str, turn: int, payload: bytes, node: str, state: bytes = b"") -> None:
        """Store a turn; the first is 1. `payload` is what is not yet written, `state` where the call is.

        Idempotent: the same turn with the same payload is accepted as a retry.

        Turns may be left out: Redis may have been away, or a fail-over may have lost them.

        Raises:
            StaleTurn: this turn or a later one is stored, or another node has taken the call over; nothing was changed.
        """
        with translated_errors():
            stored = await self._save(keys=[STATE + call_id, CALLS], args=[turn, payload, node, call_id, state])
        if stored >= 0:
            raise StaleTurn(f"call {call_id} is at turn {stored}, so turn {turn} cannot be saved")

    async def load(self, call_id: str) -> tuple[int, bytes] | None:
        """Return the last saved turn with its payload; None for a call that is not live."""
        turn, payload = await self._fields(call_id, ["turn", "payload"])
        if not isinstance(turn, bytes) or not isinstance(payload, bytes):
            return None
        try:
            return int(turn), payload
        except ValueError:
            self.damaged.skip("live calls", call_id, turn, "its turn is not a number")
            return None

    async def drop(self, call_id: str) -> None:
        """Delete the state and the lease of a call that has ended."""
        with translated_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(STATE + call_id, LEASE + call_id)
                pipe.srem(CALLS, call_id)
                await pipe.execute()

    async def claim(self, call_id: str, node: str, ttl_ms: int) -> bool:
        """Acquire the lease of a call that no node holds for `ttl_ms`; return False if any node holds it, even this."""
        with translated_errors():
            return bool(await self._claim(keys=[LEASE + call_id], args=[node, ttl_ms]))

    async def take_over(self, call_id: str, node: str, ttl_ms: int) -> SavedCall | None:
        """Take a call over from the node that saved it last: acquire its lease for `ttl_ms`, and refuse its saves.

        Return None, and change nothing, if a third node holds the lease, which closes the call or has taken it over. If
        nothing was saved, whoever holds the lease has lost the call.
        """
        with translated_errors():
            saved = await self._take_over(keys=[LEASE + call_id, STATE + call_id], args=[node, ttl_ms])
        return SavedCall(*saved) if saved else None

    async def taken_by(self, call_id: str) -> str:
        """Return the node that took the call over last; empty if none has."""
        (name,) = await self._fields(call_id, ["taken"])
        return name.decode() if isinstance(name, bytes) else ""

    async def renew(self, call_ids: Collection[str], node: str, ttl_ms: int) -> frozenset[str]:
        """Renew the leases of a node's calls for `ttl_ms`, or acquire those that no node holds; one round trip.

        Return the calls whose lease another node holds.
        """
        calls = sorted(call_ids)
        with translated_errors():
            lost: list[int] = await self._renew(keys=[LEASE + call for call in calls], args=[node, ttl_ms])
        return frozenset(calls[place - 1] for place in lost)

    async def orphans(self, open_calls: Iterable[str] = ()) -> frozenset[str]:
        """Return those of the live calls and of `open_calls` whose lease no node holds: a node must close them."""
        with translated_errors():
            found: list[bytes] = await self._orphans(keys=[CALLS], args=[LEASE, *open_calls])
        return frozenset(filter(None, (self.damaged.text("live calls", call) for call in found)))

    async def _fields(self, call_id: str, names: list[str]) -> list[bytes | None]:
        """Return fields of what is saved of a call; None for each that is missing, or if something foreign is there."""
        with translated_errors():
            try:
                return cast("list[bytes | None]", await self._redis.hmget(STATE + call_id, names))
            except ResponseError as error:
                if not str(error).startswith("WRONGTYPE"):
                    raise
        self.damaged.skip("live calls", call_id, b"", "it is not the state of a call")
        return [None] * len(names)

    async def server(self) -> str:
        """Return the identity of the server: another one after a restart or a fail-over, if it may be asked."""
        return f"{await self._about('server', 'run_id')}/{await self._about('replication', 'master_replid')}"

    async def _about(self, section: str, field: str) -> str:
        """Return a field of the server's description of itself."""
        with translated_errors():
            try:
                return str((await self._redis.info(section)).get(field))
            except NoPermissionError:
                return ""
