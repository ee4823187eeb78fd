"""A node renews the leases of its calls, and sweeps the orphaned calls of other nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.call import manager
from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.database.errors import RecordsUnavailable
from ivr.flow.parse import FlowSet, parse
from ivr.flow_store import FlowStore
from ivr.live.calls import LEASE
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from recognizer.scripted import ScriptedRecognizer
from tests.call.orphan import CALL, OrphanedCall, SlowRecords, a_node, a_redis

SOON_S = 0.02
SURELY_S = 30


class LearningRecognizer(ScriptedRecognizer):
    """A recogniser that accepts new phrases and ignores them."""

    def learn(self, language: str, phrases: Sequence[str]) -> None:
        pass


class AwayRecords(CallRecords):
    """Records that are unavailable while `away` is set."""

    away = True

    async def open_calls(self) -> tuple[str, ...]:
        if self.away:
            raise RecordsUnavailable("the database is unavailable")
        return await super().open_calls()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    async with a_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def node(redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[ServiceNode]:
    async with a_node(f"sqlite:///{tmp_path}/records.db", redis.url, tmp_path) as node:
        yield node


@pytest.fixture(scope="session")
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


@pytest.fixture
def flow_store(node: ServiceNode) -> FlowStore:
    return FlowStore(ROOT / "callflows.yaml", node.prompts.catalog, LearningRecognizer())


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "LEASE_RENEWAL_S", SOON_S)
    monkeypatch.setattr(manager, "TRUST_S", 0)


@asynccontextmanager
async def running(node: ServiceNode, flow_store: FlowStore) -> AsyncIterator[CallManager]:
    calls = CallManager(node, flow_store)
    task = asyncio.create_task(calls.run())
    try:
        yield calls
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SURELY_S):
        while not await met():  # noqa: ASYNC110
            await asyncio.sleep(SOON_S)


async def test_leases_are_renewed_while_the_sweep_waits_for_sql(
    node: ServiceNode, redis: EmbeddedRedis, flow_store: FlowStore
) -> None:
    records = SlowRecords(node.records)
    async with running(replace(node, records=records), flow_store) as calls, calls.ringing("call-1"):
        await records.waiting.wait()
        async with connect(redis.url) as client:

            async def renewed() -> bool:
                return await client.get(LEASE + "call-1") == b"this node"

            for _ in range(3):
                await client.delete(LEASE + "call-1")
                await until(renewed)


async def test_an_unavailable_store_is_trouble_until_it_is_back(node: ServiceNode, flow_store: FlowStore) -> None:
    records = AwayRecords(node.records.database, "this node", None)
    async with running(replace(node, records=records), flow_store) as calls:

        async def in_trouble() -> bool:
            return calls.trouble == "the database is unavailable"

        async def out_of_trouble() -> bool:
            return not calls.trouble

        await until(in_trouble)
        records.away = False
        await until(out_of_trouble)


async def test_lost_calls_are_closed_while_live_ones_keep_their_leases(
    node: ServiceNode, redis: EmbeddedRedis, flow_store: FlowStore, flow_set: FlowSet
) -> None:
    """Two nodes with calls of their own sweep at the same time."""
    for n in range(20):
        await OrphanedCall(node, flow_set, replace(CALL, id=f"lost-{n}")).begin()
    nodes = [replace(node, name=f"node {n}") for n in range(2)]
    async with AsyncExitStack() as stack:
        for each in nodes:
            calls = CallManager(each, flow_store)
            for n in range(10):
                call = replace(CALL, id=f"live-{n} of {each.name}")
                await stack.enter_async_context(calls.ringing(call.id))
                await node.records.open_call(call, flow_set.version, node.now())
            task = asyncio.create_task(calls.run())
            stack.push_async_callback(asyncio.gather, task, return_exceptions=True)
            stack.callback(task.cancel)

        async def closed() -> bool:
            return len(await node.records.open_calls()) <= 20

        await until(closed)
        left = await node.records.open_calls()
        assert set(left) == {f"live-{n} of node {m}" for n in range(10) for m in range(2)}
        async with connect(redis.url) as client:
            assert [await client.get(LEASE + call) for call in left] == [call[-6:].encode() for call in left]
