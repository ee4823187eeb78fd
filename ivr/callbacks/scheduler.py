"""The callback scheduler: claims due bookings for attempts, settles finished attempts.

Several nodes may do so at once, and a node may die at any point: each claim is a row of its own, and any node settles
finished attempts. Must not know: how calls are placed, when the scheduler is polled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, cast

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import ZONE
from ivr.callbacks import retry_policy
from ivr.callbacks.attempts import ENGAGED_DELAY, ended_call, is_over, never_placed, on_call, record
from ivr.callbacks.ended_call import EndedCall
from ivr.callbacks.retry_policy import (
    CustomerReached,
    DoNotCallProposed,
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
from ivr.database.upsert import insert_once
from ivr.events import Value
from ivr.phone_number import UnreadableNumber, canonical_number, dialable_number

CASE_MOVES_AFTER: Final[Mapping[type[FollowUp], tuple[CaseMove, ...]]] = {
    ProblemSolved: ("verify", "archive"),
    ProblemUnsolved: ("reopen", "escalate"),
}
"""The moves of a case after its verifying call; a problem that was not solved is escalated (R10)."""
CASE_STEPS_AFTER: Final[Mapping[type[FollowUp], str]] = {
    HandedToPerson: "unreached",
    DoNotCallProposed: "do_not_call_proposed",
}
"""The steps of a case after the last attempt to reach its customer."""


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A claimed callback to place now, under the id `call`. An empty `language` means the default of the flows."""

    call: str
    number: str
    flow: str
    language: str
    variables: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class SettledCallback:
    """A settled attempt and its outcome."""

    call: str
    outcome: FollowUp


class CallbackScheduler:
    """The bookings of a database. Safe for concurrent use, also by several processes.

    `phones` are the names of the site's phones, which can be called beside telephone numbers. All methods raise
    RecordsUnavailable when the database stays unavailable.
    """

    def __init__(self, database: Database, rules: Rules, phones: Collection[str] = ()) -> None:
        self._database, self._rules, self._phones = database, rules, phones
        self._case_service = CaseService(database, rules)

    async def claim(self, call_id: str, now: datetime) -> DueCallback | None:
        """Claim the callback that has been due longest, exclusively, for an attempt `call_id`; None if none is due.

        A callback whose customer is on another call, or being called for another booking, is put off.
        """
        return await self._database.write(partial(self._claim, call_id=call_id, now=now))

    async def settle(self, now: datetime) -> tuple[SettledCallback, ...]:
        """Apply the outcome of every finished attempt, and release the stale claims of dead nodes."""
        settled = []
        for attempt, ended, number in await self._database.read(lambda session: _finished_attempts(session, now)):
            outcome = await self._database.read(
                partial(
                    self._follow_up,
                    booking_id=cast("int", attempt.booking_id),
                    ended=ended,
                    verifying=number is not None,
                )
            )
            moved = number is not None and await self._move_case(number, outcome, attempt.call_id, ended.at)
            if await self._database.write(
                partial(_settle, attempt_id=attempt.id, ended=ended, outcome=outcome, moved=moved)
            ):
                settled.append(SettledCallback(attempt.call_id, outcome))
        return tuple(settled)

    async def postpone(self, call_id: str, now: datetime) -> None:
        """Postpone a claimed callback that cannot be placed on this node, as after a call that did not ring."""

        async def work(session: AsyncSession) -> None:
            attempt = (await session.scalars(select(t.AttemptRow).where(t.AttemptRow.call_id == call_id))).one()
            ended = never_placed(now)
            booking_id = cast("int", attempt.booking_id)
            outcome = await self._follow_up(session, booking_id, ended, verifying=False)
            await _settle(session, attempt.id, ended, outcome, moved=False)

        await self._database.write(work)

    async def _follow_up(
        self, session: AsyncSession, booking_id: int, ended: EndedCall, *, verifying: bool
    ) -> FollowUp:
        counted, uncounted = await _settled_attempts(session, booking_id)
        calling, calendar = self._rules.lines.calling, self._rules.calendar
        return retry_policy.follow_up(calling, calendar, ended, counted, uncounted, verifying=verifying)

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
                if await on_call(session, [canonical_number(due.number)]) or not await _add_attempt(
                    session, booking.id, due, now
                ):
                    booking.next_at = now + ENGAGED_DELAY
                    continue
                booking.next_at = None
                return due
        return None

    async def _due_callback(
        self, session: AsyncSession, booking: t.BookingRow, call_id: str, now: datetime
    ) -> DueCallback | None:
        """Return the callback for a booking; if no number can be called, leave it to a person and return None."""
        call = await session.get(t.CallRow, booking.call_id) if booking.call_id else None
        case = await session.get(t.CaseRow, booking.case_id) if booking.case_id else None
        known = await _customer_numbers(session, case, call)
        number, refusals = self._first_dialable(known)
        if not number:
            booking.next_at = None
            if case:
                why = "; ".join(refusals) or "no number is known"
                add_step(session, case, SYSTEM, "unreached", f"{why}: a person must follow up", now)
            return None
        if call and not case:
            return DueCallback(call_id, number, call.flow, call.language, call.variables)
        return DueCallback(call_id, number, retry_policy.VERIFY_FLOW, call.language if call else "", {})

    def _first_dialable(self, numbers: Sequence[str]) -> tuple[str, list[str]]:
        """Return the first number that can be called, empty if none, and why those before it cannot."""
        refusals: list[str] = []
        for number in numbers:
            try:
                return dialable_number(number, self._phones), refusals
            except UnreadableNumber as unreadable:
                refusals.append(str(unreadable))
        return "", refusals

    async def _move_case(self, number: str, outcome: FollowUp, call_id: str, at: datetime) -> bool:
        """Move the case according to the customer's answer. Idempotent.

        Return False if there is no answer, or the case was moved elsewhere in the meantime.
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
    """Return the unsettled attempts whose call has ended or was never placed: attempt, outcome, number of the case."""
    answer = (
        select(t.AnswerRow.value)
        .where(
            t.AnswerRow.call_id == t.CallRow.id,
            t.AnswerRow.question == retry_policy.SOLVED_QUESTION,
            t.AnswerRow.replaced_at.is_(None),
        )
        .scalar_subquery()
    )
    responsive = exists().where(t.AnswerRow.call_id == t.CallRow.id)
    rows = await session.execute(
        select(t.AttemptRow, t.CallRow, responsive, answer, t.CaseRow.number)
        .join(t.BookingRow, t.BookingRow.id == t.AttemptRow.booking_id)
        .outerjoin(t.CallRow, t.CallRow.id == t.AttemptRow.call_id)
        .outerjoin(t.CaseRow, t.CaseRow.id == t.BookingRow.case_id)
        .where(is_over(now))
        .order_by(t.AttemptRow.id)
    )
    return [
        (attempt, ended_call(call, responsive, said) if call else never_placed(now), number)
        for attempt, call, responsive, said, number in rows
    ]


async def _settle(session: AsyncSession, attempt_id: int, ended: EndedCall, outcome: FollowUp, moved: bool) -> bool:
    """Record the outcome of an attempt; return False if it was recorded before."""
    attempt = await session.get_one(t.AttemptRow, attempt_id, with_for_update=True)
    if attempt.outcome is not None:
        return False
    record(attempt, ended, counted=ended.verdict.counted)
    booking = await session.get_one(t.BookingRow, attempt.booking_id, with_for_update=True)
    if booking.state == "open":
        await _apply_outcome(session, booking, attempt.call_id, outcome)
    if booking.case_id and not moved and (attempt.counted or not isinstance(outcome, RetryAt)):
        what = CASE_STEPS_AFTER.get(type(outcome), "called")
        case = await session.get_one(t.CaseRow, booking.case_id)
        add_step(
            session, case, SYSTEM, what, f"call {attempt.call_id}: {ended.disposition}; {_describe(outcome)}", ended.at
        )
    return True


async def _apply_outcome(session: AsyncSession, booking: t.BookingRow, call_id: str, outcome: FollowUp) -> None:
    """Apply an outcome to an open booking; outcomes not handled here leave it open, for a person."""
    match outcome:
        case RetryAt(at):
            booking.next_at = at
        case CustomerReached():
            booking.state = "done"
        case DoNotCallProposed():
            booking.do_not_call_proposed = True
        case Rebooked():
            for other in await session.scalars(select(t.BookingRow).where(t.BookingRow.call_id == call_id)):
                other.case_id = booking.case_id
                booking.state = "done"


def _describe(outcome: FollowUp) -> str:
    match outcome:
        case ProblemSolved():
            return "the customer says that the problem is solved"
        case ProblemUnsolved():
            return "the customer says that the problem is not solved"
        case CustomerReached():
            return "the customer was reached"
        case Rebooked():
            return "the customer asked for another time"
        case RetryAt(at):
            return f"next attempt on {at.astimezone(ZONE):%Y-%m-%d %H:%M}"
        case HandedToPerson(why):
            return f"{why}: a person must follow up"
        case DoNotCallProposed(why):
            return f"{why}: a person must confirm that the customer is not to be called"


def _awaits_verification() -> ColumnElement[bool]:
    """Return the condition that the booking's case awaits its verifying call: the customer has been told the result."""
    return exists().where(
        t.CaseRow.id == t.BookingRow.case_id, t.CaseRow.state == "replied", t.CaseRow.confidential.is_(False)
    )


async def _settled_attempts(session: AsyncSession, booking_id: int) -> tuple[int, int]:
    """Return how many settled attempts of a booking counted, and how many did not."""
    query = select(t.AttemptRow.counted).where(t.AttemptRow.booking_id == booking_id, t.AttemptRow.outcome.is_not(None))
    counted = (await session.scalars(query)).all()
    return sum(counted), len(counted) - sum(counted)


async def _add_attempt(session: AsyncSession, booking_id: int, due: DueCallback, now: datetime) -> bool:
    """Add an attempt; return False if the number has an unsettled attempt already."""
    return await insert_once(
        session, t.AttemptRow,
        booking_id=booking_id, call_id=due.call, number=canonical_number(due.number),
        at=now, outcome=None, counted=False, answered=False,
    )  # fmt: skip


async def _customer_numbers(session: AsyncSession, case: t.CaseRow | None, call: t.CallRow | None) -> list[str]:
    """Return the numbers to call the customer at, in this order: those they gave, then the one they called from."""
    known: list[object] = []
    if case:
        customer = select(t.CustomerRow.number).where(t.CustomerRow.id == case.customer_id)
        known = [case.details.get("callback_phone"), case.details.get("phone"), await session.scalar(customer)]
    elif call:
        known = [call.caller if call.direction == "inbound" else call.called]
    return [number for number in known if isinstance(number, str) and number]
