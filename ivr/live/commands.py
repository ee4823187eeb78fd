"""Commands to nodes, each with an acknowledgement. Must not know: what the commands mean.

A command is a hash in Redis, and an entry with its id in the stream of the node that it is addressed to. Its state goes
`sent → taken`, or `sent → dropped` once its time is up. Only a command in time can be taken, by the clock of Redis
alone, and only one node takes it. The reply is a stream of one entry: whoever waits reads it without removing it.
Every script may be repeated, as the client does when a connection breaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Self, cast
from uuid import uuid4

from redis.asyncio import Redis

from ivr.live.client import RETRIES, LuaScript, connect, translated_errors
from ivr.live.damage import DamagedEntries

_STATE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state, until_ms, content = unpack(redis.call('HMGET', KEYS[1], 'state', 'until', 'content'))
local in_time = state == 'sent' and now < (tonumber(until_ms) or 0)
"""
"""The start of a script: the state of the command, and whether it is in time to be taken."""
_FIND: Final = _STATE + "if state == 'taken' or in_time then return content end"
_SEND: Final = (
    _STATE
    + """
if state == 'taken' or in_time then return content end
redis.call('HSET', KEYS[1], 'state', 'sent', 'until', now + ARGV[2], 'content', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'command', ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return ARGV[1]
"""
)
_TAKE: Final = (
    _STATE
    + """
if in_time then redis.call('HSET', KEYS[1], 'state', 'taken', 'by', ARGV[1])
elseif state ~= 'taken' or redis.call('HGET', KEYS[1], 'by') ~= ARGV[1] then return false end
return {content, math.max(until_ms - now, 0)}
"""
)
_WITHDRAW: Final = """
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'sent' then redis.call('HSET', KEYS[1], 'state', 'dropped') end
if state == 'sent' or state == 'dropped' then return 1 end
return 0
"""
_REPLY: Final = """
redis.call('XADD', KEYS[1], '*', 'reply', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

COMMAND: Final = "ivr:command:"
REPLY: Final = "ivr:reply:"
NODE: Final = "ivr:commands:"
REMEMBER_MS: Final = 3_600_000
"""How long a command and its reply are remembered, so that a repeated one is not executed again."""
MAX_COMMANDS: Final = 1000
"""Approximate number of entries kept in the stream of a node."""
_BLOCK_MS = 1000


class LiveCommands:
    """The commands of all nodes. Safe for concurrent use, but only one task may `follow`.

    All methods raise LiveStateUnavailable when Redis stays unavailable.
    """

    def __init__(self, redis: Redis, damaged: DamagedEntries | None = None) -> None:
        self._redis = redis
        self.damaged = damaged or DamagedEntries()
        self._find = LuaScript(redis, _FIND)
        self._send = LuaScript(redis, _SEND)
        self._take = LuaScript(redis, _TAKE)
        self._withdraw = LuaScript(redis, _WITHDRAW)
        self._reply = LuaScript(redis, _REPLY)
        self._read = "0"

    @classmethod
    async def open(cls, url: str, retries: int = RETRIES, damaged: DamagedEntries | None = None) -> Self:
        """Connect to `unix:///SOCKET` or `redis://HOST`."""
        commands = cls(connect(url, retries), damaged)
        with translated_errors():
            await commands._redis.ping()
        return commands

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    # --- the sender -----------------------------------------------------------------------------------------------

    async def find(self, command: str) -> bytes | None:
        """Return the content of the command with this id; None if there is none, or it was dropped."""
        with translated_errors():
            return cast("bytes | None", await self._find(keys=[COMMAND + command], args=[]))

    async def send(self, node: str, command: str, content: bytes, timeout_ms: int) -> bytes:
        """Send a command to a node, which may take it for `timeout_ms`; return the content that is in force.

        It differs from `content` if another command with this id was sent before: then nothing is sent.
        """
        with translated_errors():
            return cast(
                "bytes",
                await self._send(
                    keys=[COMMAND + command, NODE + node],
                    args=[content, timeout_ms, REMEMBER_MS, MAX_COMMANDS, command],
                ),
            )

    async def reply_to(self, command: str, within_s: float) -> bytes | None:
        """Wait for the reply to a command; None if there is none in time. The reply stays for others who wait."""
        now = asyncio.get_running_loop().time
        until = now() + within_s
        while (left_s := until - now()) > 0:
            block_ms = max(1, min(round(left_s * 1000), _BLOCK_MS))
            with translated_errors():
                read = await self._redis.xread({REPLY + command: "0"}, count=1, block=block_ms)
            for _stream, entries in cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", read):
                return entries[0][1].get(b"reply", b"")
        return None

    async def withdraw(self, command: str) -> bool:
        """Drop a command that no node has taken; return whether it is certain that none will ever execute it."""
        with translated_errors():
            return bool(await self._withdraw(keys=[COMMAND + command], args=[]))

    # --- the node -------------------------------------------------------------------------------------------------

    async def follow(self, node: str) -> AsyncGenerator[str, None]:
        """Yield the ids of the commands sent to a node, endlessly; called again, go on where it was left."""
        while True:
            with translated_errors():
                read = await self._redis.xread({NODE + node: self._read}, block=_BLOCK_MS)
            for _stream, entries in cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", read):
                for entry_id, fields in entries:
                    self._read = entry_id.decode()
                    if command := self.damaged.text("commands", fields.get(b"command", b"")):
                        yield command

    async def take(self, command: str) -> tuple[bytes, float] | None:
        """Take a command; return its content and for how many seconds it may still be executed.

        None if its time is up, it was withdrawn, or it was taken before.
        """
        with translated_errors():
            taken = await self._take(keys=[COMMAND + command], args=[uuid4().hex])
        return (taken[0], taken[1] / 1000) if taken else None

    async def reply(self, command: str, reply: bytes) -> None:
        """Reply to a command that was taken; if replied to twice, the first reply counts."""
        with translated_errors():
            await self._reply(keys=[REPLY + command], args=[reply, REMEMBER_MS])
