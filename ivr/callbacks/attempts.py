"""The attempts in the database, of promised calls and campaigns alike. Must not know: why they are made."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.callbacks.ended_call import EndedCall
from ivr.database import tables as t
from ivr.events import Value
from ivr.lifecycle import Disposition

STALE_CLAIM_AFTER: Final = timedelta(minutes=2)
"""Age at which a claim without a call is stale: its node has died."""
ENGAGED_DELAY: Final = timedelta(minutes=1)
"""Delay of an attempt whose customer is on another call."""


def is_over(now: datetime) -> ColumnElement[bool]:
    """Return the condition that an unsettled attempt can be settled; CallRow must be outer-joined by the call id.

    Its call has ended, or was never placed.
    """
    unplaced = t.CallRow.id.is_(None) & (t.AttemptRow.at < now - STALE_CLAIM_AFTER)
    return t.AttemptRow.outcome.is_(None) & or_(t.CallRow.ended_at.is_not(None), unplaced)


def ended_call(call: t.CallRow, responsive: bool, answer: Value = None) -> EndedCall:
    """Return how an ended call went; `responsive`: the customer answered any question."""
    return EndedCall(
        at=cast("datetime", call.ended_at),
        disposition=Disposition(cast("str", call.disposition)),
        cause=cast("str", call.cause),
        rang=bool(call.rang),
        answered_at=call.answered_at,
        responsive=responsive,
        answer=answer,
    )


def never_placed(at: datetime) -> EndedCall:
    """Return the outcome of an attempt whose call was never placed."""
    return EndedCall(at, Disposition.FAILED, "failed")


def record(attempt: t.AttemptRow, ended: EndedCall, *, counted: bool) -> None:
    """Record the outcome of an attempt, which settles it."""
    attempt.outcome, attempt.counted, attempt.ended_at = ended.disposition, counted, ended.at
    attempt.answered = ended.answered_at is not None and ended.disposition is not Disposition.MACHINE


async def on_call(session: AsyncSession, numbers: Collection[str]) -> frozenset[str]:
    """Return those of the canonical numbers from or to which a call is in progress, or being placed."""
    query = select(t.CallRow.caller, t.CallRow.called).where(
        t.CallRow.ended_at.is_(None), or_(t.CallRow.caller.in_(numbers), t.CallRow.called.in_(numbers))
    )
    return frozenset(party for call in await session.execute(query) for party in call if party in numbers)
