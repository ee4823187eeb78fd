"""The outcome of a call that nobody answered is recorded, however long the database is away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.call.outbound import OutboundCaller
from ivr.database.errors import RecordsUnavailable
from ivr.lifecycle import Disposition
from ivr.records.journal import write_queue
from ivr.telephony.port import Call, CallLeg, Unanswered
from ivr.telephony.slots import CallSlot, CallSlots
from tests.call.orphan import CALL
from tests.call.test_recovery import node

__all__ = ["node"]


class _Flows:
    class current:  # noqa: N801
        version = "v1"


async def busy(call: Call, slot: CallSlot) -> CallLeg:
    raise Unanswered("busy", rang=True)


async def test_a_busy_line_is_recorded_when_the_database_is_back(
    node: ServiceNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "FIRST_RETRY_S", 0.001)
    close_call, asked, back = node.records.close_call, asyncio.Event(), asyncio.Event()

    async def close_later(*closing: Any, rang: bool | None) -> None:
        asked.set()
        if not back.is_set():
            raise RecordsUnavailable("away")
        await close_call(*closing, rang=rang)

    monkeypatch.setattr(node.records, "close_call", close_later)
    flows = cast("Any", _Flows)
    outbound = OutboundCaller(node, flows, CallManager(node, flows), CallSlots(1), busy)
    placing = asyncio.create_task(outbound.place(replace(CALL, id="out-1")))
    await asked.wait()
    assert not placing.done()
    back.set()
    await placing
    call = (await node.records.call("out-1")).call
    assert (call.disposition, call.cause, call.ended_by) == (Disposition.BUSY, "busy", "network")
