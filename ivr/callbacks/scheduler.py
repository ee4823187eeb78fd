"""The bookings of a database: what is due is claimed for a call, what became of the call is settled.

Several nodes may do so at once, and a node may die at any point: a claim is a row of its own, and whoever comes by
settles calls that are over. Must not know: how calls are placed, when somebody looks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, cast

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import ZONE
from ivr.callbacks import retry_policy
from ivr.callbacks.retry_policy import (
    CustomerReached,
    EndedCall,
    FollowUp,
    HandedToPerson,
    ProblemSolved,
    ProblemUnsolved,
    Rebooked,
    RetryAt,
)
from ivr.complaints.case_service import CaseService
from ivr.complaints.case_writer import SYSTEM, add_step
from ivr.complaints.rules.case import UnknownCase
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.life import CaseMove, RefusedMove
from ivr.database import tables as t
from ivr.database.database import Database
from ivr.events import Value
from ivr.lifecycle import Disposition

STALE_CLAIM_AFTER: Final = timedelta(minutes=2)
"""A claim whose call has not begun by then belongs to a node that has died."""
DIALABLE: Final = re.compile(r"\+?[0-9A-Za-z_*#-]{1,32}")
CASE_MOVES_AFTER: Final[Mapping[type[FollowUp], tuple[CaseMove, ...]]] = {
    ProblemSolved: ("verify", "archive"),
    ProblemUnsolved: ("reopen", "escalate"),
}
"""What a verifying call does with its case; what is not settled at its level goes one tier up (R10)."""


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A call to be placed now, under this id. Without a `language` it is the flows' first."""

    call: str
    number: str
    flow: str
    language: str
    variables: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class SettledCallback:
    """What became of a booking's call."""

    call: str
    outcome: FollowUp


class CallbackScheduler:
    """Safe for concurrent use, by several processes too. All methods raise RecordsUnavailable."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database, self._rules = database, rules
        self._case_service = CaseService(database, rules)

    async def claim(self, call_id: str, now: datetime) -> DueCallback | None:
        """The call that has been due for longest, to be placed as `call_id` by nobody else; None: none is due."""
        return await self._database.write(partial(self._claim, call_id=call_id, now=now))

    async def settle(self, now: datetime) -> tuple[SettledCallback, ...]:
        """Follow up every call that is over, and release the claims of nodes that died before they called."""
        settled = []
        for attempt, ended, number in await self._database.read(lambda session: _finished_attempts(session, now)):
            earlier = await self._database.read(partial(_counted_attempts, booking_id=attempt.booking_id))
            rules, verifying = self._rules, number is not None
            outcome = retry_policy.follow_up(rules.lines.calling, rules.calendar, ended, earlier, verifying=verifying)
            moved = number is not None and await self._move_case(number, outcome, attempt.call_id, ended.at)
            if await self._database.write(
                partial(_settle, attempt_id=attempt.id, ended=ended, outcome=outcome, moved=moved)
            ):
                settled.append(SettledCallback(attempt.call_id, outcome))
        return tuple(settled)

    async def postpone(self, call_id: str, now: datetime) -> None:
        """The claimed call cannot be placed here, which is no attempt."""
        retry = RetryAt(
            self._rules.lines.calling.hours.next_within(self._rules.calendar, now + retry_policy.FAULT_RETRY_DELAY)
        )

        async def work(session: AsyncSession) -> None:
            attempt_id = (await session.scalars(select(t.AttemptRow.id).where(t.AttemptRow.call_id == call_id))).one()
            await _settle(session, attempt_id, _never_placed(now), retry, moved=False)

        await self._database.write(work)

    async def _claim(self, session: AsyncSession, call_id: str, now: datetime) -> DueCallback | None:
        claimed = await session.scalar(select(t.BookingRow).join(t.AttemptRow).where(t.AttemptRow.call_id == call_id))
        if claimed is not None:
            return await self._due_callback(session, claimed, call_id, now)
        query = (
            select(t.BookingRow)
            .where(
                t.BookingRow.state == "open",
                t.BookingRow.next_at <= now,
                or_(t.BookingRow.case_id.is_(None), _awaits_verification()),
            )
            .order_by(t.BookingRow.next_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        calling, calendar = self._rules.lines.calling, self._rules.calendar
        while booking := await session.scalar(query):
            if not retry_policy.may_call(calling, calendar, booking.at if booking.wished else None, now):
                booking.next_at = calling.hours.next_within(calendar, now)
            elif due := await self._due_callback(session, booking, call_id, now):
                booking.next_at = None
                session.add(t.AttemptRow(booking_id=booking.id, call_id=call_id, at=now, outcome=None, counted=False))
                return due
        return None

    async def _due_callback(
        self, session: AsyncSession, booking: t.BookingRow, call_id: str, now: datetime
    ) -> DueCallback | None:
        """The call that a booking asks for; one without a number to call is left to a person."""
        call = await session.get(t.CallRow, booking.call_id) if booking.call_id else None
        case = await session.get(t.CaseRow, booking.case_id) if booking.case_id else None
        number = await _customer_number(session, case, call)
        if number is None:
            booking.next_at = None
            if case:
                add_step(session, case, SYSTEM, "unreached", "no number is known: a person must see to it", now)
            return None
        if call and not case:
            return DueCallback(call_id, number, call.flow, call.language, call.variables)
        return DueCallback(call_id, number, retry_policy.VERIFY_FLOW, call.language if call else "", {})

    async def _move_case(self, number: str, outcome: FollowUp, call_id: str, at: datetime) -> bool:
        """Move the case as the customer's answer says; False where it says nothing, or the case has gone elsewhere.

        Done again it changes nothing.
        """
        moved = False
        for move in CASE_MOVES_AFTER.get(type(outcome), ()):
            try:
                await self._case_service.move(number, move, SYSTEM, f"the customer said so on call {call_id}", at)
            except (RefusedMove, UnknownCase):
                break
            moved = True
        return moved


async def _finished_attempts(session: AsyncSession, now: datetime) -> list[tuple[t.AttemptRow, EndedCall, str | None]]:
    """The attempts to be settled, with how their calls went and the number of their case."""
    answer = (
        select(t.AnswerRow.value)
        .where(
            t.AnswerRow.call_id == t.CallRow.id,
            t.AnswerRow.question == retry_policy.SOLVED_QUESTION,
            t.AnswerRow.replaced_at.is_(None),
        )
        .scalar_subquery()
    )
    never_placed = t.CallRow.id.is_(None) & (t.AttemptRow.at < now - STALE_CLAIM_AFTER)
    rows = await session.execute(
        select(t.AttemptRow, t.CallRow, answer, t.CaseRow.number)
        .join(t.BookingRow, t.BookingRow.id == t.AttemptRow.booking_id)
        .outerjoin(t.CallRow, t.CallRow.id == t.AttemptRow.call_id)
        .outerjoin(t.CaseRow, t.CaseRow.id == t.BookingRow.case_id)
        .where(t.AttemptRow.outcome.is_(None), or_(t.CallRow.ended_at.is_not(None), never_placed))
        .order_by(t.AttemptRow.id)
    )
    return [
        (attempt, _ended(call, said) if call else _never_placed(now), number) for attempt, call, said, number in rows
    ]


async def _settle(session: AsyncSession, attempt_id: int, ended: EndedCall, outcome: FollowUp, moved: bool) -> bool:
    """Write down what became of an attempt; False when it was written down before."""
    attempt = await session.get_one(t.AttemptRow, attempt_id, with_for_update=True)
    if attempt.outcome is not None:
        return False
    attempt.outcome, attempt.counted = ended.disposition, ended.counts
    booking = await session.get_one(t.BookingRow, attempt.booking_id, with_for_update=True)
    if booking.state == "open":
        await _apply_outcome(session, booking, attempt.call_id, outcome)
    if booking.case_id and ended.counts and not moved:
        what = "unreached" if isinstance(outcome, HandedToPerson) else "called"
        case = await session.get_one(t.CaseRow, booking.case_id)
        add_step(
            session, case, SYSTEM, what, f"call {attempt.call_id}: {ended.disposition}; {_describe(outcome)}", ended.at
        )
    return True


async def _apply_outcome(session: AsyncSession, booking: t.BookingRow, call_id: str, outcome: FollowUp) -> None:
    """What an outcome makes of an open booking; one that it says nothing of stays open for a person."""
    match outcome:
        case RetryAt(at):
            booking.next_at = at
        case CustomerReached():
            booking.state = "done"
        case Rebooked():
            for other in await session.scalars(select(t.BookingRow).where(t.BookingRow.call_id == call_id)):
                other.case_id = booking.case_id
                booking.state = "done"


def _describe(outcome: FollowUp) -> str:
    match outcome:
        case ProblemSolved():
            return "the customer says that it is solved"
        case ProblemUnsolved():
            return "the customer says that it is not solved"
        case CustomerReached():
            return "the customer was reached"
        case Rebooked():
            return "another time was agreed on"
        case RetryAt(at):
            return f"again on {at.astimezone(ZONE):%Y-%m-%d %H:%M}"
        case HandedToPerson(why):
            return f"{why}: a person must see to it"


def _ended(call: t.CallRow, answer: Value) -> EndedCall:
    at, cause = cast("datetime", call.ended_at), cast("str", call.cause)
    return EndedCall(at, Disposition(cast("str", call.disposition)), cause, call.answered_at is not None, answer)


def _never_placed(at: datetime) -> EndedCall:
    """How a call went that was never placed."""
    return EndedCall(at, Disposition.FAILED, "failed", answered=False)


def _awaits_verification() -> ColumnElement[bool]:
    """Whether the case of a booking waits for its verifying call: its customer has been told the result."""
    return exists().where(
        t.CaseRow.id == t.BookingRow.case_id, t.CaseRow.state == "replied", t.CaseRow.confidential.is_(False)
    )


async def _counted_attempts(session: AsyncSession, booking_id: int) -> int:
    query = select(func.count()).where(t.AttemptRow.booking_id == booking_id, t.AttemptRow.counted.is_(True))
    return await session.scalar(query) or 0


async def _customer_number(session: AsyncSession, case: t.CaseRow | None, call: t.CallRow | None) -> str | None:
    """Where the customer is to be called: as they said, else from where they called; None when it is not known."""
    known: list[object] = []
    if case:
        customer = select(t.CustomerRow.number).where(t.CustomerRow.id == case.customer_id)
        known = [case.details.get("callback_phone"), case.details.get("phone"), await session.scalar(customer)]
    elif call:
        known = [call.caller if call.direction == "inbound" else call.called]
    return next((number for number in known if isinstance(number, str) and DIALABLE.fullmatch(number)), None)
