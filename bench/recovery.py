"""Sweep of 500 orphaned calls by a node with live calls of its own: duration, stalls of its event loop, lost leases.

On SQLite and the private Redis. The orphaned calls use an earlier version of the flows.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from bench.figures import Figure, percentiles
from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.flow.parse import FlowSet, parse
from ivr.flow_store import FlowStore
from ivr.live.calls import LEASE
from ivr.live.client import connect
from ivr.resource_files import ROOT
from recognizer.router import RecognizerRouter
from recognizer.vosk import SHIPPED
from tests.call.orphan import CALL, OrphanedCall, a_node, a_redis

ORPHANS: Final = 500
LIVE: Final = 20
ANSWERS: Final = ("1", "2", "1")
PROBE_S: Final = 0.005
POLL_S: Final = 0.5
GOALS: Final = {
    "recovery_sweep_s": f"({ORPHANS} orphaned calls, {LIVE} live ones)",
    "recovery_loop_stall_ms": "(while sweeping)",
    "recovery_loop_stall_p99_ms": "≤ 20",
    "recovery_leases_lost": "0",
}


async def measure() -> dict[str, Figure]:
    """Measure one sweep."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="huifang-bench-")))
        redis = await stack.enter_async_context(a_redis(folder / "redis"))
        node = await stack.enter_async_context(a_node(f"sqlite:///{folder}/records.db", redis.url, folder))
        recognizer = RecognizerRouter(folder / "graphs", SHIPPED)
        stack.callback(recognizer.close)
        calls = CallManager(node, FlowStore(ROOT / "callflows.yaml", node.prompts.catalog, recognizer))
        source = (ROOT / "callflows.yaml").read_text(encoding="utf-8")
        await _lose_calls(node, parse(f"{source}\n# an earlier version\n", "callflows.yaml"))
        live = [f"live-{number}" for number in range(LIVE)]
        for call_id in live:
            await stack.enter_async_context(calls.ringing(call_id))
        lost: set[str] = set()
        stalls: list[float] = []
        watching = asyncio.create_task(_watch_leases(redis.url, live, node.name, lost))
        probing = asyncio.create_task(_probe(stalls))
        began = time.perf_counter()
        running = asyncio.create_task(calls.run())
        while await node.records.open_calls():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        seconds = time.perf_counter() - began
        for task in (watching, probing, running):
            task.cancel()
        await asyncio.gather(watching, probing, running, return_exceptions=True)
    return {
        "recovery_sweep_s": round(seconds, 1),
        "recovery_loop_stall_ms": percentiles(stalls),
        "recovery_loop_stall_p99_ms": round(float(np.percentile(stalls, 99)), 1),
        "recovery_leases_lost": len(lost),
    }


async def _lose_calls(node: ServiceNode, flow_set: FlowSet) -> None:
    for number in range(ORPHANS):
        orphan = OrphanedCall(node, flow_set, replace(CALL, id=f"lost-{number}"))
        await orphan.begin()
        await orphan.answers(ANSWERS)


async def _watch_leases(url: str, call_ids: list[str], node: str, lost: set[str]) -> None:
    """Add the calls whose lease the node does not hold to `lost`."""
    async with connect(url) as redis:
        while True:
            holders = await redis.mget([LEASE + call_id for call_id in call_ids])
            lost |= {call_id for call_id, holder in zip(call_ids, holders, strict=True) if holder != node.encode()}
            await asyncio.sleep(POLL_S)


async def _probe(stalls: list[float]) -> None:
    """Record by how many ms the event loop was late, every PROBE_S."""
    while True:
        due = time.perf_counter() + PROBE_S
        await asyncio.sleep(PROBE_S)
        stalls.append((time.perf_counter() - due) * 1000)
