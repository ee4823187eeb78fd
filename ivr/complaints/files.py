"""Reads cases: one, a page, all of them, the shares of R11; what only management may see, for nobody else.

Must not know: the rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.complaints.case import Case, CaseFile, Role, Shares, Step, UnknownCase, VerifyingCall
from ivr.complaints.life import STATES, State
from ivr.complaints.model import Grade, Tier
from ivr.records import tables as t
from ivr.records.database import Database

PAGE: Final = 500
_MILESTONES: Final[tuple[State, ...]] = ("registered", "investigating", "resolved", "verified")


class Wanted(BaseModel):
    """Which cases: every field that is given must agree. Times are those of opening, `since` included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str | None = None
    state: State | None = None
    tier: Tier | None = None
    line: str | None = None
    owner: str | None = None
    grade: Grade | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    unreached: bool = Field(False, description="Only cases whose verifying call a person must make.")


class Files:
    """The cases of a database, read only. All methods raise RecordsUnavailable when the database stays away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def case(self, number: str, role: Role) -> CaseFile:
        """One case with its history.

        Raises:
            UnknownCase: there is none with this number for this reader.
        """

        async def work(session: AsyncSession) -> CaseFile:
            return await case_file(session, await found(session, number, role))

        return await self._database.read(work)

    async def cases(self, wanted: Wanted, role: Role, limit: int, before: str | None = None) -> tuple[Case, ...]:
        """At most `limit` cases, newest first; those older than the case `before` where one is given.

        Raises:
            UnknownCase: there is no case `before` for this reader.
        """

        async def work(session: AsyncSession) -> tuple[Case, ...]:
            query = _query(wanted, role).order_by(t.Case.id.desc()).limit(limit)
            if before is not None:
                query = query.where(t.Case.id < (await found(session, before, role)).id)
            return tuple(_case(row, customer) for row, customer in await session.execute(query))

        return await self._database.read(work)

    async def all(self, wanted: Wanted, role: Role) -> AsyncIterator[Case]:
        """Every case, newest first, however many there are."""
        page = await self.cases(wanted, role, PAGE)
        while page:
            for case in page:
                yield case
            page = await self.cases(wanted, role, PAGE, page[-1].number)

    async def shares(self, since: datetime, until: datetime) -> Shares:
        """How far the bad reviews of a time have come (R11)."""

        async def work(session: AsyncSession) -> Shares:
            reviews = (t.Case.kind == "bad_review", t.Case.opened_at >= since, t.Case.opened_at < until)
            counts = await session.execute(
                select(t.Case.state, func.count().label("cases")).where(*reviews).group_by(t.Case.state)
            )
            by_state = {row.state: row.cases for row in counts}
            return Shares(
                *(
                    sum(by_state.get(state, 0) for state in STATES[STATES.index(milestone) :])
                    for milestone in _MILESTONES
                )
            )

        return await self._database.read(work)


def visible(case: t.Case, role: Role) -> bool:
    """Whether the reader may know of the case."""
    return role == "management" or not case.confidential


async def found(session: AsyncSession, number: str, role: Role, lock: bool = False) -> t.Case:
    """The row of a case.

    Raises:
        UnknownCase: there is none with this number for this reader.
    """
    query = select(t.Case).where(t.Case.number == number)
    case = await session.scalar(query.with_for_update() if lock else query)
    if case is None or not visible(case, role):
        raise UnknownCase(f"there is no case {number}")
    return case


async def case_file(session: AsyncSession, row: t.Case) -> CaseFile:
    """Everything that hangs on a case's row."""
    number = await session.scalar(select(t.Customer.number).where(t.Customer.id == row.customer_id))
    steps = await session.scalars(select(t.CaseStep).where(t.CaseStep.case_id == row.id).order_by(t.CaseStep.id))
    attempts = select(func.count()).where(t.Attempt.booking_id == t.Booking.id, t.Attempt.counted.is_(True))
    calls = await session.execute(
        select(t.Booking, attempts.scalar_subquery()).where(t.Booking.case_id == row.id).order_by(t.Booking.id)
    )
    return CaseFile(
        _case(row, number),
        tuple(Step(one.at, one.who, one.what, one.why) for one in steps),
        tuple(VerifyingCall(one.at, one.state, made, one.next_at) for one, made in calls),
    )


def _query(wanted: Wanted, role: Role) -> Select[t.Case, str]:
    query = select(t.Case, t.Customer.number).outerjoin(t.Customer, t.Customer.id == t.Case.customer_id)
    if role != "management":
        query = query.where(t.Case.confidential.is_(False))
    for name in ("kind", "state", "tier", "line", "owner", "grade"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(t.Case, name) == value)
    if wanted.unreached:
        query = query.where(_unreached())
    if wanted.since:
        query = query.where(t.Case.opened_at >= wanted.since)
    if wanted.until:
        query = query.where(t.Case.opened_at < wanted.until)
    return query


def _unreached() -> ColumnElement[bool]:
    """Whether a verifying call is open that the service will not make: a person must."""
    made = exists().where(t.Attempt.booking_id == t.Booking.id, t.Attempt.outcome.is_(None))
    return exists().where(t.Booking.case_id == t.Case.id, t.Booking.state == "open", t.Booking.next_at.is_(None), ~made)


def _case(row: t.Case, customer: str | None) -> Case:
    return Case(
        number=row.number,
        kind=row.kind,
        reason=row.reason,
        details=row.details,
        call=row.call_id,
        customer=customer,
        opened_at=row.opened_at,
        state=cast("State", row.state),
        grade=cast("Grade", row.grade),
        grade_reason=row.grade_reason,
        grade_by=row.grade_by,
        confidential=row.confidential,
        responsible=row.responsible,
        tier=cast("Tier | None", row.tier),
        line=row.line,
        owner=row.owner,
        article=row.article,
        handler=row.handler,
        contact_due=row.contact_due,
        contacted_at=row.contacted_at,
        reply_due=row.reply_due,
        replied_at=row.replied_at,
    )
