from __future__ import annotations

import asyncio
import os
import signal

import pytest

from ivr.errors import StaleTurn
from ivr.live.calls import CALLS, LEASE, STATE, LiveCalls
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.errors import LiveStateUnavailable

LONG_MS = 600_000


async def test_the_last_saved_turn_is_loaded(calls: LiveCalls) -> None:
    assert await calls.load("a") is None
    await calls.save("a", 1, b"one", "n1")
    await calls.save("a", 2, b"\x00\xfftwo", "n1")
    assert await calls.load("a") == (2, b"\x00\xfftwo")


@pytest.mark.parametrize(("turn", "payload"), [(1, b"one"), (2, b"other"), (0, b"")])
async def test_only_a_later_turn_is_saved(calls: LiveCalls, turn: int, payload: bytes) -> None:
    await calls.save("a", 1, b"one", "n1")
    await calls.save("a", 2, b"two", "n1")
    with pytest.raises(StaleTurn, match="call a is at turn 2"):
        await calls.save("a", turn, payload, "n2")
    assert await calls.load("a") == (2, b"two")


async def test_turns_that_redis_never_got_are_no_obstacle(calls: LiveCalls) -> None:
    for turn in (3, 4, 9):
        await calls.save("a", turn, b"turn %d" % turn, "n1")
    assert await calls.load("a") == (9, b"turn 9")


async def test_a_turn_that_is_no_number_is_skipped_and_replaced(calls: LiveCalls, server: EmbeddedRedis) -> None:
    async with connect(server.url) as redis:
        await redis.hset(STATE + "a", mapping={"turn": "two", "payload": "x"})  # type: ignore[misc]
    assert await calls.load("a") is None and calls.damaged.count == 1
    await calls.save("a", 1, b"one", "n1")
    assert await calls.load("a") == (1, b"one")


@pytest.mark.parametrize("key", [STATE + "a", LEASE + "a"])
async def test_a_foreign_value_in_place_of_a_call_holds_up_neither_it_nor_others(
    calls: LiveCalls, server: EmbeddedRedis, key: str
) -> None:
    async with connect(server.url) as redis:
        for use in (
            calls.load("a"),
            calls.taken_by("a"),
            calls.take_over("a", "n1", LONG_MS),
            calls.renew(["a", "b"], "n1", LONG_MS),
            calls.save("a", 1, b"one", "n1"),
        ):
            await redis.delete(key)
            await redis.rpush(key, "foreign")  # type: ignore[misc]
            await use
    assert await calls.load("a") == (1, b"one")
    assert await calls.renew(["a", "b"], "n2", LONG_MS) == {"b"} | ({"a"} if key != LEASE + "a" else set())


async def test_a_foreign_name_among_the_calls_is_skipped(calls: LiveCalls, server: EmbeddedRedis) -> None:
    await calls.save("a", 1, b"one", "n1")
    async with connect(server.url) as redis:
        await redis.sadd(CALLS, b"\xff\xfe")  # type: ignore[misc]
    for _ in range(2):
        assert await calls.orphans() == {"a"}
    assert calls.damaged.count == 1


async def test_the_same_turn_again_is_a_retry(calls: LiveCalls) -> None:
    for _ in range(2):
        await calls.save("a", 1, b"one", "n1")
    assert await calls.load("a") == (1, b"one")


async def test_one_of_many_nodes_saving_the_same_turn_wins(calls: LiveCalls) -> None:
    nodes = range(20)
    results = await asyncio.gather(
        *(calls.save("a", 1, f"from {n}".encode(), f"n{n}") for n in nodes), return_exceptions=True
    )
    (winner,) = [n for n in nodes if results[n] is None]
    assert all(isinstance(result, StaleTurn) for result in results if result is not None)
    assert await calls.load("a") == (1, f"from {winner}".encode())


async def test_a_dropped_call_leaves_nothing(calls: LiveCalls, server: EmbeddedRedis) -> None:
    await calls.save("a", 1, b"one", "n1")
    await calls.renew({"a"}, "n1", LONG_MS)
    for _ in range(2):
        await calls.drop("a")
    async with connect(server.url) as redis:
        assert await redis.keys() == []


async def test_a_lease_is_held_by_one_node(calls: LiveCalls) -> None:
    assert await calls.renew({"a"}, "n1", LONG_MS) == frozenset()
    assert await calls.renew({"a"}, "n2", LONG_MS) == {"a"}
    assert await calls.renew({"a"}, "n1", LONG_MS) == frozenset()


async def test_only_a_call_without_a_lease_can_be_claimed(calls: LiveCalls, server: EmbeddedRedis) -> None:
    assert await calls.claim("a", "n1", LONG_MS)
    assert not await calls.claim("a", "n2", LONG_MS)
    assert not await calls.claim("a", "n1", LONG_MS)
    async with connect(server.url) as redis:
        await redis.pexpire(LEASE + "a", 0)
    assert await calls.claim("a", "n2", LONG_MS)


async def test_of_several_nodes_that_claim_a_call_one_succeeds(calls: LiveCalls) -> None:
    won = await asyncio.gather(*(calls.claim("a", f"n{n}", LONG_MS) for n in range(20)))
    assert sum(won) == 1


async def test_all_leases_of_a_node_are_renewed_together(calls: LiveCalls, server: EmbeddedRedis) -> None:
    assert await calls.claim("lost", "n2", LONG_MS)
    assert await calls.renew([], "n1", LONG_MS) == frozenset()
    assert await calls.renew(["a", "lost", "b"], "n1", 1000) == {"lost"}
    assert await calls.renew({"a", "b"}, "n1", LONG_MS) == frozenset()
    async with connect(server.url) as redis:
        assert all([await redis.pttl(LEASE + call) > 1000 for call in ("a", "b")])
        assert await redis.get(LEASE + "lost") == b"n2"


async def test_an_expired_lease_leaves_an_orphan_for_another_node(calls: LiveCalls, server: EmbeddedRedis) -> None:
    for call_id in ("a", "b"):
        await calls.save(call_id, 1, b"one", "n1")
    assert await calls.renew({"a", "b"}, "n1", LONG_MS) == frozenset()
    assert await calls.orphans() == frozenset()
    async with connect(server.url) as redis:
        await redis.pexpire(LEASE + "a", 0)
    assert await calls.orphans() == {"a"}
    assert await calls.claim("a", "n2", LONG_MS)
    assert await calls.renew({"a", "b"}, "n1", LONG_MS) == {"a"}
    assert await calls.orphans() == frozenset()


async def test_a_call_without_live_state_may_be_an_orphan(calls: LiveCalls) -> None:
    await calls.save("a", 1, b"one", "n1")
    await calls.renew({"b"}, "n1", LONG_MS)
    assert await calls.orphans(["b", "c"]) == {"a", "c"}
    many = [f"call-{n}" for n in range(20_000)]
    assert len(await calls.orphans(many)) == len(many) + 1


async def test_dropped_connections_pass_unnoticed(calls: LiveCalls, server: EmbeddedRedis) -> None:
    await calls.save("a", 1, b"one", "n1")
    async with connect(server.url) as redis:
        assert await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 1  # type: ignore[no-untyped-call]
    await calls.save("a", 2, b"two", "n1")
    assert await calls.load("a") == (2, b"two")


async def test_killing_redis_loses_no_saved_turn(calls: LiveCalls, server: EmbeddedRedis) -> None:
    first = server.pid
    assert first is not None
    assert await calls.claim("a", "n1", LONG_MS)
    for turn in range(1, 31):
        await calls.save("a", turn, b"turn %d" % turn, "n1")
        if turn % 10 == 5:
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
    assert await calls.load("a") == (30, b"turn 30")
    assert not await calls.claim("a", "n2", LONG_MS)
    assert server.pid != first


async def test_a_redis_that_stays_away_is_reported(server: EmbeddedRedis) -> None:
    calls = await LiveCalls.open(server.url, retries=1)
    await calls.save("a", 1, b"one", "n1")
    await server.close()
    for doing in (
        calls.save("a", 2, b"two", "n1"),
        calls.load("a"),
        calls.drop("a"),
        calls.claim("a", "n1", 1),
        calls.renew({"a"}, "n1", 1),
        calls.orphans(),
    ):
        with pytest.raises(LiveStateUnavailable, match="Redis"):
            await doing
    await calls.close()


@pytest.mark.parametrize("url", ["unix:///nowhere/redis.sock", "redis://127.0.0.1:1", "http://x", "nonsense"])
async def test_a_wrong_url_is_reported(url: str) -> None:
    with pytest.raises(LiveStateUnavailable, match="Redis"):
        await LiveCalls.open(url, retries=0)
