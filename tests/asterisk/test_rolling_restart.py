"""Three nodes are restarted one after the other, and no call is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ivr.events import CallResumed
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.asterisk.caller import ANSWERS
from tests.asterisk.cluster import Cluster
from tests.asterisk.takeover import one_by_one, recorded, three_nodes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(6)]

CALLS = 6


async def survey(cluster: Cluster) -> CallRecord:
    phone = await cluster.system.phone()
    caller = await cluster.system.caller(phone)
    await caller.takes_the_survey()
    return await recorded(cluster, phone)


async def test_a_rolling_restart_loses_no_call(tmp_path: Path) -> None:
    async with three_nodes(tmp_path) as cluster:
        async with asyncio.TaskGroup() as tasks:
            calls = tasks.create_task(one_by_one(survey(cluster) for _ in range(CALLS)))
            await asyncio.sleep(12)
            for node in cluster.nodes:
                await node.hands_over()
                await node.start()
        records = calls.result()
        assert [node.ended[-1] for node in cluster.nodes] == [0, 0, 0]
        for record in records:
            assert record.call.disposition is Disposition.COMPLETED
            assert record.values.items() >= ANSWERS.items()
            assert record.call.cause == "normal"
        assert sum(isinstance(turn.event, CallResumed) for record in records for turn in record.turns) >= CALLS
        await cluster.system.nothing_is_left()
