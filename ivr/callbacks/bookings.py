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
from ivr.callbacks import plan
from ivr.callbacks.plan import Again, Confirmed, Denied, Ended, LeftOpen, Outcome, Postponed, Talked
from ivr.complaints.case import UnknownCase
from ivr.complaints.desk import Desk
from ivr.complaints.intake import Rules
from ivr.complaints.life import Move, RefusedMove
from ivr.events import Value
from ivr.lifecycle import Disposition
from ivr.records import tables as t
from ivr.records.cases import SELF, step
from ivr.records.database import Database

UNMADE: Final = timedelta(minutes=2)
"""A claim whose call has not begun by then belongs to a node that has died."""
NUMBER: Final = re.compile(r"\+?[0-9A-Za-z_*#-]{1,32}")
MOVES: Final[Mapping[type[Outcome], tuple[Move, ...]]] = {
    Confirmed: ("verify", "archive"),
    Denied: ("reopen", "escalate"),
}
"""What a verifying call does with its case; what is not settled at its level goes one tier up (R10)."""


@dataclass(frozen=True, slots=True)
class Due:
    """A call to be placed now, under this id. Without a `language` it is the flows' first."""

    call: str
    number: str
    flow: str
    language: str
    variables: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a booking's call."""

    call: str
    outcome: Outcome


class Bookings:
    """Safe for concurrent use, by several processes too. All methods raise RecordsUnavailable."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database, self._rules = database, rules
        self._desk = Desk(database, rules)

    async def claim(self, call_id: str, now: datetime) -> Due | None:
        """The call that has been due for longest, to be placed as `call_id` by nobody else; None: none is due."""
        return await self._database.write(partial(self._claim, call_id=call_id, now=now))

    async def settle(self, now: datetime) -> tuple[Settled, ...]:
        """Follow up every call that is over, and release the claims of nodes that died before they called."""
        settled = []
        for attempt, ended, number in await self._database.read(lambda session: _over(session, now)):
            earlier = await self._database.read(partial(_counted, booking_id=attempt.booking_id))
            rules, verifying = self._rules, number is not None
            outcome = plan.follow_up(rules.lines.calling, rules.calendar, ended, earlier, verifying=verifying)
            moved = number is not None and await self._moved(number, outcome, attempt.call_id, ended.at)
            if await self._database.write(
                partial(_settle, attempt_id=attempt.id, ended=ended, outcome=outcome, moved=moved)
            ):
                settled.append(Settled(attempt.call_id, outcome))
        return tuple(settled)

    async def put_off(self, call_id: str, now: datetime) -> None:
        """The claimed call cannot be placed here, which is no attempt."""
        again = Again(self._rules.lines.calling.hours.next(self._rules.calendar, now + plan.FAULT_WAIT))

        async def work(session: AsyncSession) -> None:
            attempt_id = (await session.scalars(select(t.Attempt.id).where(t.Attempt.call_id == call_id))).one()
            await _settle(session, attempt_id, _unmade(now), again, moved=False)

        await self._database.write(work)

    async def _claim(self, session: AsyncSession, call_id: str, now: datetime) -> Due | None:
        claimed = await session.scalar(select(t.Booking).join(t.Attempt).where(t.Attempt.call_id == call_id))
        if claimed is not None:
            return await self._due(session, claimed, call_id, now)
        query = (
            select(t.Booking)
            .where(t.Booking.state == "open", t.Booking.next_at <= now, or_(t.Booking.case_id.is_(None), _replied()))
            .order_by(t.Booking.next_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        calling, calendar = self._rules.lines.calling, self._rules.calendar
        while booking := await session.scalar(query):
            if not plan.may_call(calling, calendar, booking.at if booking.wished else None, now):
                booking.next_at = calling.hours.next(calendar, now)
            elif due := await self._due(session, booking, call_id, now):
                booking.next_at = None
                session.add(t.Attempt(booking_id=booking.id, call_id=call_id, at=now, outcome=None, counted=False))
                return due
        return None

    async def _due(self, session: AsyncSession, booking: t.Booking, call_id: str, now: datetime) -> Due | None:
        """The call that a booking asks for; one without a number to call is left to a person."""
        call = await session.get(t.Call, booking.call_id) if booking.call_id else None
        case = await session.get(t.Case, booking.case_id) if booking.case_id else None
        number = await _number(session, case, call)
        if number is None:
            booking.next_at = None
            if case:
                step(session, case, SELF, "unreached", "no number is known: a person must see to it", now)
            return None
        if call and not case:
            return Due(call_id, number, call.flow, call.language, call.variables)
        return Due(call_id, number, plan.VERIFY, call.language if call else "", {})

    async def _moved(self, number: str, outcome: Outcome, call_id: str, at: datetime) -> bool:
        """Move the case as the customer's answer says; False where it says nothing, or the case has gone elsewhere.

        Done again it changes nothing.
        """
        moved = False
        for move in MOVES.get(type(outcome), ()):
            try:
                await self._desk.move(number, move, SELF, f"the customer said so on call {call_id}", at)
            except (RefusedMove, UnknownCase):
                break
            moved = True
        return moved


async def _over(session: AsyncSession, now: datetime) -> list[tuple[t.Attempt, Ended, str | None]]:
    """The attempts to be settled, with how their calls went and the number of their case."""
    answer = (
        select(t.Answer.value)
        .where(t.Answer.call_id == t.Call.id, t.Answer.question == plan.SOLVED, t.Answer.replaced_at.is_(None))
        .scalar_subquery()
    )
    unmade = t.Call.id.is_(None) & (t.Attempt.at < now - UNMADE)
    rows = await session.execute(
        select(t.Attempt, t.Call, answer, t.Case.number)
        .join(t.Booking, t.Booking.id == t.Attempt.booking_id)
        .outerjoin(t.Call, t.Call.id == t.Attempt.call_id)
        .outerjoin(t.Case, t.Case.id == t.Booking.case_id)
        .where(t.Attempt.outcome.is_(None), or_(t.Call.ended_at.is_not(None), unmade))
        .order_by(t.Attempt.id)
    )
    return [(attempt, _ended(call, said) if call else _unmade(now), number) for attempt, call, said, number in rows]


async def _settle(session: AsyncSession, attempt_id: int, ended: Ended, outcome: Outcome, moved: bool) -> bool:
    """Write down what became of an attempt; False when it was written down before."""
    attempt = await session.get_one(t.Attempt, attempt_id, with_for_update=True)
    if attempt.outcome is not None:
        return False
    attempt.outcome, attempt.counted = ended.disposition, ended.counts
    booking = await session.get_one(t.Booking, attempt.booking_id, with_for_update=True)
    if booking.state == "open":
        await _keep(session, booking, attempt.call_id, outcome)
    if booking.case_id and ended.counts and not moved:
        what = "unreached" if isinstance(outcome, LeftOpen) else "called"
        case = await session.get_one(t.Case, booking.case_id)
        step(session, case, SELF, what, f"call {attempt.call_id}: {ended.disposition}; {_told(outcome)}", ended.at)
    return True


async def _keep(session: AsyncSession, booking: t.Booking, call_id: str, outcome: Outcome) -> None:
    """What an outcome makes of an open booking; one that it says nothing of stays open for a person."""
    match outcome:
        case Again(at):
            booking.next_at = at
        case Talked():
            booking.state = "done"
        case Postponed():
            for other in await session.scalars(select(t.Booking).where(t.Booking.call_id == call_id)):
                other.case_id = booking.case_id
                booking.state = "done"


def _told(outcome: Outcome) -> str:
    match outcome:
        case Confirmed():
            return "the customer says that it is solved"
        case Denied():
            return "the customer says that it is not solved"
        case Talked():
            return "the customer was reached"
        case Postponed():
            return "another time was agreed on"
        case Again(at):
            return f"again on {at.astimezone(ZONE):%Y-%m-%d %H:%M}"
        case LeftOpen(why):
            return f"{why}: a person must see to it"


def _ended(call: t.Call, answer: Value) -> Ended:
    at, cause = cast("datetime", call.ended_at), cast("str", call.cause)
    return Ended(at, Disposition(cast("str", call.disposition)), cause, call.answered_at is not None, answer)


def _unmade(at: datetime) -> Ended:
    """How a call went that was never placed."""
    return Ended(at, Disposition.FAILED, "failed", answered=False)


def _replied() -> ColumnElement[bool]:
    """Whether the case of a booking waits for its verifying call: its customer has been told the result."""
    return exists().where(t.Case.id == t.Booking.case_id, t.Case.state == "replied", t.Case.confidential.is_(False))


async def _counted(session: AsyncSession, booking_id: int) -> int:
    query = select(func.count()).where(t.Attempt.booking_id == booking_id, t.Attempt.counted.is_(True))
    return await session.scalar(query) or 0


async def _number(session: AsyncSession, case: t.Case | None, call: t.Call | None) -> str | None:
    """Where the customer is to be called: as they said, else from where they called; None when it is not known."""
    known: list[object] = []
    if case:
        customer = select(t.Customer.number).where(t.Customer.id == case.customer_id)
        known = [case.details.get("callback_phone"), case.details.get("phone"), await session.scalar(customer)]
    elif call:
        known = [call.caller if call.direction == "inbound" else call.called]
    return next((number for number in known if isinstance(number, str) and NUMBER.fullmatch(number)), None)
