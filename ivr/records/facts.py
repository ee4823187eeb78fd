"""Writes the facts of a turn to the tables. Must not know: transactions, retries."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import assert_never

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import BookCallback, Fact, OpenComplaint, SaveAnswer, StartRecording
from ivr.complaints.case_writer import open_case
from ivr.complaints.rules.intake import Rules
from ivr.database import tables as t


async def write_fact(
    session: AsyncSession, call: t.CallRow, turn: int, fact: Fact, at: datetime, rules: Rules | None
) -> None:
    """Write one fact of `call`, which must be locked; cases are routed by `rules`."""
    match fact:
        case StartRecording():
            call.consent_at = call.consent_at or at
        case SaveAnswer():
            await _write_answer(session, call.id, turn, fact, at)
        case BookCallback():
            when = datetime.fromisoformat(fact.at)
            session.add(
                t.BookingRow(call_id=call.id, at=when, spoken=fact.spoken, state="open", wished=True, next_at=when)
            )
        case OpenComplaint():
            await open_case(session, rules, call, fact, at)
        case _:
            assert_never(fact)


async def _write_answer(session: AsyncSession, call_id: str, turn: int, answer: SaveAnswer, at: datetime) -> None:
    earlier = (
        t.AnswerRow.call_id == call_id,
        t.AnswerRow.question == answer.question,
        t.AnswerRow.replaced_at.is_(None),
    )
    await session.execute(update(t.AnswerRow).where(*earlier).values(replaced_at=at))
    session.add(
        t.AnswerRow(
            call_id=call_id,
            turn=turn,
            question=answer.question,
            value=answer.value,
            heard=answer.heard,
            alternatives=[asdict(heard) for heard in answer.alternatives],
            confidence=answer.confidence,
            by=answer.by,
            attempts=answer.attempts,
            confirmed=answer.confirmed,
            start_ms=answer.span_ms and answer.span_ms[0],
            end_ms=answer.span_ms and answer.span_ms[1],
            at=at,
        )
    )
    await session.flush()
