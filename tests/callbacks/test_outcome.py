"""From the network to the count: an unanswered call is recorded with whether it rang, and counts if it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.call.outbound import OutboundCaller
from ivr.callbacks.scheduler import CallbackScheduler
from ivr.service.composition import open_service
from ivr.settings import Settings
from ivr.telephony.port import Call, CallLeg, Unanswered
from ivr.telephony.slots import CallSlot, CallSlots
from tests.callbacks.test_scheduler import DUE, file_of, rectified


@dataclass(frozen=True)
class Nobody:
    """Telephones at which nobody answers."""

    cause: str
    rang: bool

    async def dial(self, call: Call, slot: CallSlot) -> CallLeg:
        raise Unanswered(self.cause, rang=self.rang)


@pytest.mark.parametrize(
    ("nobody", "attempts", "called_again", "proposed"),
    [
        (Nobody("failed", rang=True), 1, True, False),
        (Nobody("failed", rang=False), 0, True, False),
        (Nobody("no_answer", rang=True), 1, True, False),
        (Nobody("unwanted", rang=True), 1, False, True),
        (Nobody("spam", rang=False), 0, False, True),
    ],
)
async def test_a_promised_call_counts_if_it_rang(
    tmp_path: Path, nobody: Nobody, attempts: int, called_again: bool, proposed: bool
) -> None:
    async with open_service(Settings(data=tmp_path, port=0)) as service:
        records = service.node.records
        number = await rectified(records, service.rules)
        scheduler = CallbackScheduler(records.database, service.rules)
        due = await scheduler.claim("out-1", DUE)
        assert due is not None
        outbound = OutboundCaller(service.node, service.flow_store, service.call_manager, CallSlots(1), nobody.dial)
        await outbound.place(Call(due.call, "asterisk", "outbound", "", due.number, due.flow, "zh-CN"))
        await scheduler.settle(DUE + timedelta(minutes=1))
        [verifying] = (await file_of(records, number)).verifying_calls
    assert (verifying.attempts, verifying.next_at is not None, verifying.do_not_call_proposed) == (
        attempts, called_again, proposed,
    )  # fmt: skip
