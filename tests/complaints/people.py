"""Shorthand for callers who complain and staff who handle their cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import OpenComplaint
from ivr.calendar import ZONE
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.case import CaseFile
from ivr.complaints.rules.life import CaseMove
from ivr.database import tables as t
from ivr.events import NothingHeard, Value
from ivr.records.call_records import CallRecords
from ivr.telephony.port import Call

TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=ZONE)
CALL = Call("call-1", "asterisk", "inbound", "13812345678", "95500", "hotline", "zh-CN")

TO_THE_REPLY: Sequence[CaseMove] = ("acknowledge", "assign", "investigate", "resolve", "reply")


def after(**time: float) -> datetime:
    return TUESDAY + timedelta(**time)


async def complain(
    records: CallRecords, kind: str = "complaint", call: str = "call-1", at: datetime = TUESDAY, **details: Value
) -> str:
    """A caller complains; return the number of the case."""
    await records.open_call(replace(CALL, id=call), "v1", at)
    await records.answer_call(call, at)
    await records.save_turn(call, 1, NothingHeard("1"), [OpenComplaint(kind, "客户投诉", details)], [], at)
    return f"{at:%Y%m%d}-{int(call.partition('-')[2]):04}"


async def work(
    case_service: CaseService,
    number: str,
    moves: Sequence[CaseMove] = TO_THE_REPLY,
    at: datetime = TUESDAY,
    why: str = "因为",
) -> CaseFile:
    """王 makes the moves in turn."""
    file = None
    for move in moves:
        file = await case_service.move(number, move, "王", why, at, handler="李" if move == "assign" else "")
    assert file is not None
    return file


async def duplicate_case(session: AsyncSession, number: str, copies: int) -> None:
    """Insert copies of a case that differ only in their numbers."""
    case = (await session.execute(select(t.CaseRow.__table__).where(t.CaseRow.number == number))).one()._asdict()
    del case["id"]
    await session.execute(insert(t.CaseRow), [{**case, "number": f"20260101-{n:05}"} for n in range(copies)])
