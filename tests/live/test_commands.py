"""Commands to nodes in Redis: taken once and in time, replied to, never executed twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr.live.client import connect
from ivr.live.commands import COMMAND, NODE, REPLY, LiveCommands
from ivr.live.embedded import EmbeddedRedis
from ivr.live.errors import LiveStateUnavailable

LONG_MS = 600_000


@pytest.fixture
async def commands(server: EmbeddedRedis) -> AsyncIterator[LiveCommands]:
    opened = await LiveCommands.open(server.url, retries=1)
    yield opened
    await opened.close()


async def next_of(commands: LiveCommands, node: str = "n1") -> str:
    return await asyncio.wait_for(anext(commands.follow(node)), 10)


async def test_a_command_goes_to_its_node_and_the_reply_to_whoever_waits(commands: LiveCommands) -> None:
    waiting = [asyncio.create_task(commands.reply_to("zhang:1", 10)) for _ in range(2)]
    assert await commands.send("n1", "zhang:1", b"leave", LONG_MS) == b"leave"
    assert await next_of(commands) == "zhang:1"
    taken = await commands.take("zhang:1")
    assert taken is not None and taken[0] == b"leave" and 0 < taken[1] <= LONG_MS / 1000
    await commands.reply("zhang:1", b"done")
    assert await asyncio.gather(*waiting) == [b"done", b"done"]
    assert await commands.reply_to("zhang:1", 10) == b"done"


async def test_each_node_gets_its_own_commands_in_order(commands: LiveCommands, server: EmbeddedRedis) -> None:
    other = await LiveCommands.open(server.url)
    for n in range(4):
        await commands.send(f"n{n % 2}", f"zhang:{n}", b"leave", LONG_MS)
    assert [await next_of(commands, "n1") for _ in range(2)] == ["zhang:1", "zhang:3"]
    assert [await next_of(other, "n0") for _ in range(2)] == ["zhang:0", "zhang:2"]
    await other.close()


async def test_a_repeated_command_is_sent_and_taken_once(commands: LiveCommands, server: EmbeddedRedis) -> None:
    for _ in range(2):
        assert await commands.send("n1", "zhang:1", b"leave", LONG_MS) == b"leave"
    assert await commands.send("n1", "zhang:1", b"another", LONG_MS) == b"leave"
    assert await commands.find("zhang:1") == b"leave"
    takers = await asyncio.gather(*(commands.take("zhang:1") for _ in range(5)))
    assert sum(taken is not None for taken in takers) == 1
    assert await commands.send("n1", "zhang:1", b"leave", LONG_MS) == b"leave"
    async with connect(server.url) as redis:
        assert await redis.xlen(NODE + "n1") == 1


async def test_a_taken_command_cannot_be_withdrawn(commands: LiveCommands) -> None:
    await commands.send("n1", "zhang:1", b"leave", LONG_MS)
    assert await commands.take("zhang:1") is not None
    assert not await commands.withdraw("zhang:1")
    assert not await commands.withdraw("unknown")


async def test_a_withdrawn_command_is_never_taken_and_may_be_sent_again(commands: LiveCommands) -> None:
    await commands.send("n1", "zhang:1", b"leave", LONG_MS)
    assert [await commands.withdraw("zhang:1") for _ in range(2)] == [True, True]
    assert await commands.find("zhang:1") is None
    assert await commands.take("zhang:1") is None
    assert await commands.send("n1", "zhang:1", b"leave", LONG_MS) == b"leave"
    assert [await next_of(commands) for _ in range(2)] == ["zhang:1"] * 2
    assert [await commands.take("zhang:1") is not None for _ in range(2)] == [True, False]


async def test_a_command_whose_time_is_up_is_never_taken(commands: LiveCommands) -> None:
    await commands.send("n1", "zhang:1", b"leave", 0)
    assert await commands.take("zhang:1") is None
    assert await commands.find("zhang:1") is None


async def test_everything_expires(commands: LiveCommands, server: EmbeddedRedis) -> None:
    await commands.send("n1", "zhang:1", b"leave", LONG_MS)
    await commands.reply("zhang:1", b"done")
    async with connect(server.url) as redis:
        keys = await redis.keys("*")
        assert {key.decode() for key in keys} == {f"{COMMAND}zhang:1", f"{REPLY}zhang:1", f"{NODE}n1"}
        assert all([await redis.pttl(key) > 0 for key in keys])


async def test_without_a_reply_the_waiting_ends(commands: LiveCommands) -> None:
    assert await commands.reply_to("zhang:1", 0.01) is None


async def test_a_node_goes_on_where_it_was_left(commands: LiveCommands) -> None:
    for n in range(2):
        await commands.send("n1", f"zhang:{n}", b"leave", LONG_MS)
    assert [await next_of(commands), await next_of(commands)] == ["zhang:0", "zhang:1"]


async def test_a_foreign_entry_is_skipped(commands: LiveCommands, server: EmbeddedRedis) -> None:
    async with connect(server.url) as redis:
        await redis.xadd(NODE + "n1", {"command": b"\xff"})
        await redis.xadd(NODE + "n1", {"other": b"x"})
    await commands.send("n1", "zhang:1", b"leave", LONG_MS)
    assert await next_of(commands) == "zhang:1"
    assert commands.damaged.count == 1


async def test_without_redis_every_command_fails(commands: LiveCommands, server: EmbeddedRedis) -> None:
    await server.close()
    for attempt in (
        commands.send("n1", "zhang:1", b"leave", LONG_MS),
        commands.take("zhang:1"),
        commands.reply_to("zhang:1", 10),
        next_of(commands),
    ):
        with pytest.raises(LiveStateUnavailable):
            await attempt


@pytest.mark.parametrize("fields", [{"state": "sent"}, {"state": "sent", "until": "soon", "content": "leave"}])
async def test_a_damaged_command_is_out_of_time(
    commands: LiveCommands, server: EmbeddedRedis, fields: dict[str, str]
) -> None:
    async with connect(server.url) as redis:
        await redis.hset(COMMAND + "zhang:1", mapping=fields)  # type: ignore[misc]
    assert await commands.find("zhang:1") is None and await commands.take("zhang:1") is None
    assert await commands.send("n1", "zhang:1", b"other", LONG_MS) == b"other"
