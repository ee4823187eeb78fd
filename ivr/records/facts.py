"""How each fact of a turn is written down. Must not know: when, or how often it is tried."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import assert_never

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import BookCallback, Fact, OpenComplaint, SaveAnswer, StartRecording
from ivr.records import tables as t
from ivr.records.upsert import count_up


async def keep_fact(session: AsyncSession, call: t.Call, turn: int, fact: Fact, at: datetime) -> None:
    """Write one fact of `call`, which is locked."""
    match fact:
        case StartRecording():
            call.consent_at = call.consent_at or at
        case SaveAnswer():
            await _keep_answer(session, call.id, turn, fact, at)
        case BookCallback():
            session.add(
                t.Booking(call_id=call.id, at=datetime.fromisoformat(fact.at), spoken=fact.spoken, state="open")
            )
        case OpenComplaint():
            await _open_case(session, call.id, fact, at)
        case _:
            assert_never(fact)


async def _keep_answer(session: AsyncSession, call_id: str, turn: int, answer: SaveAnswer, at: datetime) -> None:
    earlier = (t.Answer.call_id == call_id, t.Answer.question == answer.question, t.Answer.replaced_at.is_(None))
    await session.execute(update(t.Answer).where(*earlier).values(replaced_at=at))
    session.add(
        t.Answer(
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


async def _open_case(session: AsyncSession, call_id: str, complaint: OpenComplaint, at: datetime) -> None:
    day = f"{at:%Y%m%d}"
    number = await count_up(session, t.CaseCounter.last, day=day)
    session.add(
        t.Case(
            number=f"{day}-{number:04}",
            call_id=call_id,
            kind=complaint.kind,
            reason=complaint.reason,
            details=dict(complaint.details),
            opened_at=at,
        )
    )
