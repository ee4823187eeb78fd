"""Reads rows into the records of ivr/records/record.py. Must not know: how rows are written.

All readers of calls go through this module, so it withholds the data that only management may see (R18).
"""

from __future__ import annotations

from typing import Final, TypeVar, cast

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from ivr.actions import AnsweredBy, SaveAnswer
from ivr.complaints.rules.case import ReaderRole
from ivr.complaints.rules.intake import reports_misconduct
from ivr.complaints.rules.model import Lines
from ivr.database import tables as t
from ivr.events import EndedBy, Event, Heard
from ivr.lifecycle import Direction, Disposition, Network
from ivr.privacy import mask
from ivr.records.record import (
    AnswerRecord,
    BookingRecord,
    CallRecord,
    CallSummary,
    CaseRecord,
    CustomerRecord,
    DispositionRecord,
    ProfileChange,
    RecordingRecord,
    TurnRecord,
)
from ivr.tagged import Tagged
from ivr.transcript import Party, TranscriptLine

EVENTS: Final[Tagged[Event]] = Tagged(Event)

RowT = TypeVar("RowT", bound=t.Base)


async def summaries(session: AsyncSession, query: Select[t.CallRow]) -> tuple[CallSummary, ...]:
    """Return the calls of a query, as visible to all readers."""
    rows = await session.execute(query.add_columns(_has_confidential_case(t.CallRow.id)))
    return tuple(_summary(row, withheld) for row, withheld in rows)


def _summary(row: t.CallRow, withheld: bool) -> CallSummary:
    caller, called = row.caller, row.called
    if withheld and row.direction == "inbound":
        caller = mask(caller)
    elif withheld:
        called = mask(called)
    return CallSummary(
        id=row.id,
        network=cast("Network", row.network),
        direction=cast("Direction", row.direction),
        caller=caller,
        called=called,
        flow=row.flow,
        flow_version=row.flow_version,
        language=row.language,
        variables={} if withheld else row.variables,
        node=row.node,
        turn=row.turn,
        started_at=row.started_at,
        answered_at=row.answered_at,
        consent_at=row.consent_at,
        ended_at=row.ended_at,
        disposition=Disposition(row.disposition) if row.disposition else None,
        aapor=row.aapor,
        cause=row.cause,
        ended_by=cast("EndedBy | None", row.ended_by),
        duration_ms=row.duration_ms,
        withheld=withheld,
    )


async def record(session: AsyncSession, call: t.CallRow, role: ReaderRole, lines: Lines | None) -> CallRecord:
    """Return the record of a call, as far as the reader may see it. `lines` provide the cues of misconduct."""
    answers = await _rows(session, t.AnswerRow, t.AnswerRow.call_id == call.id, t.AnswerRow.id)
    dispositions = tuple(
        DispositionRecord(Disposition(row.disposition), row.aapor, row.by, row.why, row.at)
        for row in await _rows(
            session, t.DispositionChangeRow, t.DispositionChangeRow.call_id == call.id, t.DispositionChangeRow.id
        )
    )
    if role != "management":
        given = {row.question: row.value for row in answers if row.replaced_at is None}
        if reports_misconduct(given, lines) or await session.scalar(select(_has_confidential_case(call.id))):
            return CallRecord(_summary(call, True), (), (), (), (), (), dispositions, (), ())
    line_order = (t.TranscriptLineRow.turn, t.TranscriptLineRow.position)
    return CallRecord(
        call=_summary(call, False),
        turns=tuple(
            TurnRecord(row.turn, EVENTS.load(row.event), row.at)
            for row in await _rows(session, t.TurnRow, t.TurnRow.call_id == call.id, t.TurnRow.turn)
        ),
        answers=tuple(_answer(row) for row in answers if row.replaced_at is None),
        replaced_answers=tuple(_answer(row) for row in answers if row.replaced_at is not None),
        transcript=tuple(
            TranscriptLine(cast("Party", row.who), row.text, row.at_ms, row.confidence)
            for row in await _rows(session, t.TranscriptLineRow, t.TranscriptLineRow.call_id == call.id, *line_order)
        ),
        recordings=tuple(
            RecordingRecord(row.path, row.format, row.seconds, row.offset_ms, row.sha256, row.consent_at)
            for row in await _rows(session, t.RecordingRow, t.RecordingRow.call_id == call.id, t.RecordingRow.id)
        ),
        dispositions=dispositions,
        bookings=tuple(
            BookingRecord(row.at, row.spoken, row.state, row.do_not_call_proposed)
            for row in await _rows(session, t.BookingRow, t.BookingRow.call_id == call.id, t.BookingRow.id)
        ),
        cases=tuple(
            CaseRecord(row.number, row.kind, row.reason, row.details, row.opened_at)
            for row in await _rows(session, t.CaseRow, t.CaseRow.call_id == call.id, t.CaseRow.id)
        ),
    )


def _has_confidential_case(call_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Return the condition that a confidential case was opened on the call."""
    return exists().where(t.CaseRow.call_id == call_id, t.CaseRow.confidential.is_(True))


async def customer(session: AsyncSession, number: str) -> CustomerRecord | None:
    """Return the customer with this number, with profile changes and calls; None if unknown."""
    row = await session.scalar(select(t.CustomerRow).where(t.CustomerRow.number == number))
    if row is None:
        return None
    changes = await _rows(
        session, t.CustomerChangeRow, t.CustomerChangeRow.customer_id == row.id, t.CustomerChangeRow.id
    )
    query = select(t.CallRow).where(t.CallRow.customer_id == row.id)
    calls = await summaries(session, query.order_by(t.CallRow.started_at.desc(), t.CallRow.id.desc()))
    return CustomerRecord(
        number=row.number,
        name=row.name,
        language=row.language,
        changes=tuple(ProfileChange(change.name, change.language, change.by, change.at) for change in changes),
        calls=calls,
    )


async def _rows(
    session: AsyncSession, table: type[RowT], where: ColumnElement[bool], *order: InstrumentedAttribute[object]
) -> list[RowT]:
    return list(await session.scalars(select(table).where(where).order_by(*order)))


def _answer(row: t.AnswerRow) -> AnswerRecord:
    answer = SaveAnswer(
        question=row.question,
        value=row.value,
        heard=row.heard,
        alternatives=tuple(Heard(**heard) for heard in row.alternatives),
        confidence=row.confidence,
        by=cast("AnsweredBy", row.by),
        attempts=row.attempts,
        confirmed=row.confirmed,
        span_ms=None if row.start_ms is None or row.end_ms is None else (row.start_ms, row.end_ms),
    )
    return AnswerRecord(answer, row.turn, row.at, row.replaced_at)
