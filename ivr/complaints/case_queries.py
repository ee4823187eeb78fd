"""Queries for cases: one, a page, all, the review shares of R11. Confidential cases are returned to management only.

Must not know: the rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.complaints.rules.case import Case, CaseFile, CaseStep, ReaderRole, ReviewShares, UnknownCase, VerifyingCall
from ivr.complaints.rules.life import CASE_STATES, CaseState
from ivr.complaints.rules.model import Grade, Tier
from ivr.database import tables as t
from ivr.database.database import Database

PAGE_SIZE: Final = 500
_MILESTONES: Final[tuple[CaseState, ...]] = ("registered", "investigating", "resolved", "verified")


class CaseFilter(BaseModel):
    """A filter for cases: every field that is set must match. `since` (inclusive) and `until` apply to the opening."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str | None = None
    state: CaseState | None = None
    tier: Tier | None = None
    line: str | None = None
    owner: str | None = None
    grade: Grade | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    unreached: bool = Field(False, description="Only cases whose verifying call a person must make.")


class CaseQueries:
    """The cases of a database, read-only. All methods raise RecordsUnavailable when the database stays unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def case(self, number: str, role: ReaderRole) -> CaseFile:
        """Return one case with its history.

        Raises:
            UnknownCase: no case with this number is visible to this reader.
        """

        async def work(session: AsyncSession) -> CaseFile:
            return await case_file(session, await case_row(session, number, role))

        return await self._database.read(work)

    async def cases(
        self, criteria: CaseFilter, role: ReaderRole, limit: int, before: str | None = None
    ) -> tuple[Case, ...]:
        """Return at most `limit` cases, newest first; only those older than the case `before`, if given.

        Raises:
            UnknownCase: no case `before` is visible to this reader.
        """

        async def work(session: AsyncSession) -> tuple[Case, ...]:
            query = _query(criteria, role).order_by(t.CaseRow.id.desc()).limit(limit)
            if before is not None:
                query = query.where(t.CaseRow.id < (await case_row(session, before, role)).id)
            return tuple(_case(row, customer) for row, customer in await session.execute(query))

        return await self._database.read(work)

    async def all(self, criteria: CaseFilter, role: ReaderRole) -> AsyncIterator[Case]:
        """Yield every matching case, newest first, reading page by page."""
        page = await self.cases(criteria, role, PAGE_SIZE)
        while page:
            for case in page:
                yield case
            page = await self.cases(criteria, role, PAGE_SIZE, page[-1].number)

    async def shares(self, since: datetime, until: datetime) -> ReviewShares:
        """Return how far the bad reviews opened from `since` until before `until` have been processed (R11)."""

        async def work(session: AsyncSession) -> ReviewShares:
            reviews = (t.CaseRow.kind == "bad_review", t.CaseRow.opened_at >= since, t.CaseRow.opened_at < until)
            counts = await session.execute(
                select(t.CaseRow.state, func.count().label("cases")).where(*reviews).group_by(t.CaseRow.state)
            )
            by_state = {row.state: row.cases for row in counts}
            return ReviewShares(
                *(
                    sum(by_state.get(state, 0) for state in CASE_STATES[CASE_STATES.index(milestone) :])
                    for milestone in _MILESTONES
                )
            )

        return await self._database.read(work)


def visible(case: t.CaseRow, role: ReaderRole) -> bool:
    """Return whether the reader may see the case."""
    return role == "management" or not case.confidential


async def case_row(session: AsyncSession, number: str, role: ReaderRole, lock: bool = False) -> t.CaseRow:
    """Return the row of a case, locked for update if `lock`.

    Raises:
        UnknownCase: no case with this number is visible to this reader.
    """
    query = select(t.CaseRow).where(t.CaseRow.number == number)
    case = await session.scalar(query.with_for_update() if lock else query)
    if case is None or not visible(case, role):
        raise UnknownCase(f"there is no case {number}")
    return case


async def case_file(session: AsyncSession, row: t.CaseRow) -> CaseFile:
    """Return a case with its history and verifying calls."""
    number = await session.scalar(select(t.CustomerRow.number).where(t.CustomerRow.id == row.customer_id))
    steps = await session.scalars(
        select(t.CaseStepRow).where(t.CaseStepRow.case_id == row.id).order_by(t.CaseStepRow.id)
    )
    attempts = select(func.count()).where(t.AttemptRow.booking_id == t.BookingRow.id, t.AttemptRow.counted.is_(True))
    calls = await session.execute(
        select(t.BookingRow, attempts.scalar_subquery()).where(t.BookingRow.case_id == row.id).order_by(t.BookingRow.id)
    )
    return CaseFile(
        _case(row, number),
        tuple(CaseStep(one.at, one.who, one.what, one.why) for one in steps),
        tuple(VerifyingCall(one.at, one.state, made, one.next_at, one.do_not_call_proposed) for one, made in calls),
    )


def _query(criteria: CaseFilter, role: ReaderRole) -> Select[t.CaseRow, str]:
    query = select(t.CaseRow, t.CustomerRow.number).outerjoin(t.CustomerRow, t.CustomerRow.id == t.CaseRow.customer_id)
    if role != "management":
        query = query.where(t.CaseRow.confidential.is_(False))
    for name in ("kind", "state", "tier", "line", "owner", "grade"):
        if (value := getattr(criteria, name)) is not None:
            query = query.where(getattr(t.CaseRow, name) == value)
    if criteria.unreached:
        query = query.where(_unreached())
    if criteria.since:
        query = query.where(t.CaseRow.opened_at >= criteria.since)
    if criteria.until:
        query = query.where(t.CaseRow.opened_at < criteria.until)
    return query


def _unreached() -> ColumnElement[bool]:
    """Return the condition that the case has an open verifying call that a person must make."""
    made = exists().where(t.AttemptRow.booking_id == t.BookingRow.id, t.AttemptRow.outcome.is_(None))
    left = select(t.BookingRow.case_id).where(t.BookingRow.state == "open", t.BookingRow.next_at.is_(None), ~made)
    return t.CaseRow.id.in_(left)


def _case(row: t.CaseRow, customer: str | None) -> Case:
    return Case(
        number=row.number,
        kind=row.kind,
        reason=row.reason,
        details=row.details,
        call=row.call_id,
        customer=customer,
        opened_at=row.opened_at,
        state=cast("CaseState", row.state),
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
