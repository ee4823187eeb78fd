"""The facts that decide on calls, from the database. Must not know: what is decided.

Facts of many contacts are loaded by one query of each kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import ZONE, Calendar
from ivr.callbacks.attempts import on_call
from ivr.campaigns.project import CallableFlows, UnknownProject
from ivr.campaigns.rules.attempt_policy import UNANSWERED_WITHIN, AttemptOutcome, AttemptPolicy, SettledAttempt
from ivr.campaigns.rules.calling_hours import AllowedHours, Windows, parse_window
from ivr.campaigns.rules.decision import ContactFacts, NumberFacts, ProjectFacts
from ivr.campaigns.rules.plan import ProjectPlan, UnreadablePlan, read_plan
from ivr.campaigns.rules.project_life import ProjectState
from ivr.database import tables as t


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project's row, its plan (None if it cannot be read) and the facts that decide."""

    row: t.ProjectRow
    plan: ProjectPlan | None
    facts: ProjectFacts


async def project_row(
    session: AsyncSession, name: str, lock: Literal["none", "share", "update"] = "none"
) -> t.ProjectRow:
    """Return the row of a project; a `lock` lasts until the end of the transaction.

    Raises:
        UnknownProject: there is no such project.
    """
    query = select(t.ProjectRow).where(t.ProjectRow.name == name)
    row = await session.scalar(query if lock == "none" else query.with_for_update(read=lock == "share"))
    if row is None:
        raise unknown_project(name)
    return row


def unknown_project(name: str) -> UnknownProject:
    """Return the error for a name that no project has."""
    return UnknownProject(f"there is no project “{name}”")


async def load_project(session: AsyncSession, row: t.ProjectRow, flows: CallableFlows | None = None) -> LoadedProject:
    """Load the revision in force; with `flows`, also check that the project's flow exists."""
    stored = await session.get_one(t.ProjectRevisionRow, (row.id, row.revision))
    state = cast("ProjectState", row.state)
    try:
        plan = read_plan(stored.plan)
    except UnreadablePlan as unreadable:
        return LoadedProject(row, None, ProjectFacts(state, AttemptPolicy(), fault=str(unreadable)))
    fault = ""
    if flows is not None and not flows.has(plan.flow, plan.language or flows.languages[0]):
        fault = f"there is no flow “{plan.flow}”" + (f" in {plan.language}" if plan.language else "")
    return LoadedProject(row, plan, ProjectFacts(state, plan.attempts, plan.first_day, plan.last_day, fault))


def allowed_hours(plan: ProjectPlan, calendar: Calendar, zone: str, only: Sequence[str] | None) -> AllowedHours | None:
    """Return when a contact may be called; None if what is stored about it cannot be read."""
    try:
        windows: Windows | None = None if only is None else tuple(map(parse_window, only))
        return AllowedHours(plan.hours, calendar, ZoneInfo(zone) if zone else ZONE, windows)
    except (ValueError, TypeError, KeyError, OSError):
        return None


async def load_contacts(
    session: AsyncSession, plan: ProjectPlan, calendar: Calendar, rows: Sequence[t.ContactRow]
) -> dict[int, ContactFacts]:
    """Return the facts of contacts by their id."""
    attempts: Mapping[int, list[SettledAttempt]] = defaultdict(list)
    settled = await session.scalars(
        select(t.AttemptRow)
        .where(t.AttemptRow.contact_id.in_([row.id for row in rows]), t.AttemptRow.outcome.is_not(None))
        .order_by(t.AttemptRow.id)
    )
    for attempt in settled:
        attempts[cast("int", attempt.contact_id)].append(settled_attempt(attempt))
    return {
        row.id: ContactFacts(
            added_at=row.added_at,
            hours=allowed_hours(plan, calendar, row.zone, row.only),
            ended=row.ended_why if row.ended else "",
            wish=row.wished_at,
            attempts=tuple(attempts[row.id]),
        )
        for row in rows
    }


def settled_attempt(attempt: t.AttemptRow) -> SettledAttempt:
    """Return a settled attempt at a contact as the rules see it."""
    ended_at = cast("datetime", attempt.ended_at)
    return SettledAttempt(attempt.at, ended_at, AttemptOutcome(cast("str", attempt.result)), attempt.counted)


async def load_numbers(session: AsyncSession, numbers: Collection[str], now: datetime) -> dict[str, NumberFacts]:
    """Return the facts of numbers, of all projects and promised calls together."""
    unwilling = {row.number: describe(row) for row in await active_entries(session, numbers)}
    tries: Mapping[str, list[datetime]] = defaultdict(list)
    busy = set(await on_call(session, numbers))
    recent: Any = await session.execute(
        select(t.AttemptRow.number, t.AttemptRow.at, t.AttemptRow.outcome)
        .where(
            t.AttemptRow.number.in_(numbers),
            t.AttemptRow.at > now - UNANSWERED_WITHIN,
            t.AttemptRow.answered.is_(False),
        )
        .order_by(t.AttemptRow.at)
    )
    for number, at, outcome in recent:
        tries[number].append(at)
        if outcome is None:
            busy.add(number)
    return {
        number: NumberFacts(unwilling.get(number, ""), number in busy, tuple(tries.get(number, ())))
        for number in numbers
    }


async def active_entries(session: AsyncSession, numbers: Collection[str]) -> Sequence[t.DoNotCallRow]:
    """Return the entries of the do-not-call list that are in force for the numbers."""
    query = select(t.DoNotCallRow).where(t.DoNotCallRow.number.in_(numbers), t.DoNotCallRow.lifted_at.is_(None))
    return (await session.scalars(query)).all()


def describe(entry: t.DoNotCallRow) -> str:
    """Return why a number is not called, in plain words."""
    said = f": {entry.why}" if entry.why else ""
    return f"do not call since {entry.at.astimezone(ZONE):%Y-%m-%d %H:%M} (source: {entry.source}, {entry.who}){said}"
