"""Calls outlive a node that dies while it answers them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ivr.lifecycle import Disposition
from tests.asterisk.caller import ANSWERS
from tests.asterisk.takeover import recorded, three_nodes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(3)]


async def test_a_caller_whose_node_dies_while_it_answers_is_served_by_another(tmp_path: Path) -> None:
    """Whatever has been saved by then: nothing, the opening of the call, or its first turn."""
    async with three_nodes(tmp_path) as cluster:
        callers = {}
        for after_s in (0.0, 0.02, 0.1):
            await cluster.complete()
            phone = await cluster.system.phone()
            calling = asyncio.create_task(phone.call("4000"))
            await cluster.kills_answering(after_s)
            callers[phone] = cluster.system.caller_on(await (await calling).answered())
        await asyncio.gather(*(caller.takes_the_survey() for caller in callers.values()))
        for phone in callers:
            record = await recorded(cluster, phone)
            assert record.call.disposition is Disposition.COMPLETED and record.values.items() >= ANSWERS.items()
        await cluster.complete()
        await cluster.system.nothing_is_left()
