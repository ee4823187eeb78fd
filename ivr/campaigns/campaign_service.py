"""Commands on projects: proposes, decides, runs and revises them by the rules, and imports their lists.

Each command is one transaction with its step in the audit. Must not know: who is called when, how lists are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, cast

from sqlalchemy import case, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import Calendar
from ivr.campaigns.contact_facts import (
    LoadedProject,
    active_entries,
    allowed_hours,
    describe,
    load_project,
    project_row,
)
from ivr.campaigns.contact_list.contacts import ListedContact
from ivr.campaigns.project import (
    MAX_SKIPPED_LINES,
    ImportResult,
    NameTaken,
    Project,
    ProjectStatus,
    ProjectStep,
)
from ivr.campaigns.rules.plan import ProjectPlan, Proposal
from ivr.campaigns.rules.project_life import (
    ProjectMove,
    ProjectState,
    RefusedProjectMove,
    legal_moves,
    next_state,
)
from ivr.complaints.case_writer import SYSTEM
from ivr.database import tables as t
from ivr.database.database import Database
from ivr.database.upsert import insert_many_once

IMPORTABLE: Final = ("proposed", "approved", "running", "paused")
"""The states in which a project takes contacts."""
BATCH_SIZE: Final = 500
"""Number of contacts per statement of an import."""


class CampaignService:
    """The commands on the projects of a database. Safe for concurrent use, also by several processes.

    `who` is the person who acts. Commands are idempotent: the same command by the same person at the same time `at`
    changes nothing. All methods raise RecordsUnavailable when the database stays unavailable.
    """

    def __init__(self, database: Database, calendar: Calendar) -> None:
        self._database, self._calendar = database, calendar

    async def propose(self, proposal: Proposal, who: str, at: datetime) -> Project:
        """Propose a project.

        Raises:
            NameTaken: a project of this name exists already.
            RefusedProjectMove: `who` is empty.
        """
        if not who.strip():
            raise RefusedProjectMove("a proposal needs the name of the person who makes it", ())

        async def work(session: AsyncSession) -> Project:
            known = await session.scalar(select(t.ProjectRow).where(t.ProjectRow.name == proposal.name))
            if known is None:
                known = t.ProjectRow(
                    name=proposal.name, department=proposal.department, proposed_by=who, proposed_at=at,
                    state="proposed", revision=1, suggestion="",
                )  # fmt: skip
                session.add(known)
                await session.flush()
                _add_revision(session, known, proposal, who, at)
                _add_step(session, known, who, "proposed", proposal.purpose, at)
                await session.flush()
            elif (known.proposed_by, known.proposed_at) != (who, at):
                raise NameTaken(f"a project “{proposal.name}” exists already")
            return _project(await load_project(session, known))

        return await self._database.write(work)

    async def move(
        self, name: str, move: ProjectMove, who: str, at: datetime, *, why: str = "", suggestion: str = ""
    ) -> Project:
        """Approve, reject, start, pause, resume or complete a project. See `revise` for the other move.

        A rejection needs a `suggestion`, the other channel to use. Pausing stops at once: no attempt begins any more,
        and live calls end normally. Completing ends all contacts that have not ended.

        Raises:
            UnknownProject: there is no such project.
            RefusedProjectMove: the move is not legal now, or `who` may not make it; nothing was changed.
        """

        async def work(session: AsyncSession) -> Project:
            row = await _locked(session, name)
            if not await _already_done(session, row, who, move, at):
                await _move(session, row, move, who, at, why=why, suggestion=suggestion)
            return _project(await load_project(session, row))

        return await self._database.write(work)

    async def revise(self, name: str, plan: ProjectPlan, who: str, why: str, at: datetime) -> Project:
        """Replace the plan of a project by a new revision, which applies from the next attempt.

        Raises:
            UnknownProject: there is no such project.
            RefusedProjectMove: the project is over, or `who` or the reason is missing; nothing was changed.
        """

        async def work(session: AsyncSession) -> Project:
            row = await _locked(session, name)
            if not await _already_done(session, row, who, "revise", at):
                state = cast("ProjectState", row.state)
                next_state(state, "revise", who, ())
                if not why.strip():
                    raise RefusedProjectMove("a revision needs a reason", legal_moves(state))
                before = (await load_project(session, row)).plan
                row.revision += 1
                _add_revision(session, row, plan, who, at)
                _add_step(session, row, who, "revise", why, at, changed=_changes(before, plan))
                await session.flush()
                waiting = t.ContactRow.project_id == row.id, t.ContactRow.next_at.is_not(None)
                soon = case((t.ContactRow.next_at > at, literal(at, t.UtcTime())), else_=t.ContactRow.next_at)
                await session.execute(update(t.ContactRow).where(*waiting).values(next_at=soon))
            return _project(await load_project(session, row))

        return await self._database.write(work)

    async def import_contacts(
        self,
        name: str,
        contacts: Sequence[ListedContact],
        source: str,
        who: str,
        at: datetime,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> ImportResult:
        """Add contacts to a project, all or none; `source` names the list, for the audit.

        Contacts that do not want calls, or are in the project already, are skipped. `on_progress` is called with the
        number of contacts processed so far.

        Raises:
            UnknownProject: there is no such project.
            RefusedProjectMove: the project is over, or `who` is missing; nothing was changed.
        """

        async def work(session: AsyncSession) -> ImportResult:
            row = await project_row(session, name, lock="share")
            if not who.strip() or row.state not in IMPORTABLE:
                reason = "an import needs a person's name" if not who.strip() else f"the project is {row.state}"
                raise RefusedProjectMove(reason, legal_moves(cast("ProjectState", row.state)))
            if step := await _step(session, row, who, "import", at):
                lines = tuple((line, reason) for line, reason in step.details["skipped_lines"])
                return ImportResult(step.details["imported"], step.details["skipped"], lines)
            first_look = _FirstLook(self._calendar, (await load_project(session, row)).plan, at)
            result = await _import(session, row.id, contacts, first_look, at, on_progress)
            why = f"{result.imported} contacts of {source}, {result.skipped} skipped"
            _add_step(session, row, who, "import", why, at, source=source, **asdict(result))
            return result

        return await self._database.write(work)

    async def complete_finished(self, at: datetime) -> tuple[str, ...]:
        """Complete the running projects all of whose contacts have ended; return their names."""

        async def work(session: AsyncSession) -> tuple[str, ...]:
            running = select(t.ProjectRow).where(t.ProjectRow.state == "running").with_for_update(skip_locked=True)
            finished = [row for row in (await session.scalars(running)).all() if await _has_ended(session, row.id)]
            for row in finished:
                await _move(session, row, "complete", SYSTEM, at, why="every contact has ended", suggestion="")
            return tuple(row.name for row in finished)

        return await self._database.write(work)

    async def projects(self) -> tuple[Project, ...]:
        """Return all projects, the newest first."""

        async def work(session: AsyncSession) -> tuple[Project, ...]:
            rows = await session.scalars(select(t.ProjectRow).order_by(t.ProjectRow.id.desc()))
            return tuple([_project(await load_project(session, row)) for row in rows])

        return await self._database.read(work)

    async def project(self, name: str) -> Project:
        """Return a project.

        Raises:
            UnknownProject: there is no such project.
        """

        async def work(session: AsyncSession) -> Project:
            return _project(await load_project(session, await project_row(session, name)))

        return await self._database.read(work)

    async def status(self, name: str) -> ProjectStatus:
        """Return a project with its audit and what became of its contacts.

        Raises:
            UnknownProject: there is no such project.
        """
        return await self._database.read(lambda session: _status(session, name))


async def _has_ended(session: AsyncSession, project_id: int) -> bool:
    """Return whether a project has contacts and all of them have ended.

    The order, which does not matter, leads the database to the index for each question.
    """
    contact = select(t.ContactRow.id).where(t.ContactRow.project_id == project_id).limit(1)
    open_ = contact.where(t.ContactRow.ended.is_(None)).order_by(t.ContactRow.added_at)
    if await session.scalar(open_) is not None:
        return False
    return await session.scalar(contact.order_by(t.ContactRow.number)) is not None


async def _locked(session: AsyncSession, name: str) -> t.ProjectRow:
    return await project_row(session, name, lock="update")


async def _move(
    session: AsyncSession, row: t.ProjectRow, move: ProjectMove, who: str, at: datetime, *, why: str, suggestion: str
) -> None:
    revised_by = select(t.ProjectRevisionRow.by).where(t.ProjectRevisionRow.project_id == row.id).distinct()
    authors = (row.proposed_by, *await session.scalars(revised_by))
    row.state = next_state(cast("ProjectState", row.state), move, who, authors, suggestion)
    if move == "reject":
        row.suggestion = suggestion
    _add_step(session, row, who, move, why, at, **({"suggestion": suggestion} if suggestion else {}))
    if move == "complete":
        over = {"ended": "project_over", "ended_why": "the project is completed", "ended_at": at, "next_at": None}
        open_ = t.ContactRow.project_id == row.id, t.ContactRow.ended.is_(None)
        await session.execute(update(t.ContactRow).where(*open_).values(over))
    await session.flush()


def _add_revision(session: AsyncSession, row: t.ProjectRow, plan: ProjectPlan, who: str, at: datetime) -> None:
    session.add(t.ProjectRevisionRow(project_id=row.id, revision=row.revision, plan=plan.stored(), by=who, at=at))


def _add_step(
    session: AsyncSession, row: t.ProjectRow, who: str, what: str, why: str, at: datetime, **details: Any
) -> None:
    session.add(
        t.ProjectStepRow(project_id=row.id, revision=row.revision, at=at, who=who, what=what, why=why, details=details)
    )


async def _step(session: AsyncSession, row: t.ProjectRow, who: str, what: str, at: datetime) -> t.ProjectStepRow | None:
    query = select(t.ProjectStepRow).where(
        t.ProjectStepRow.project_id == row.id,
        t.ProjectStepRow.who == who,
        t.ProjectStepRow.what == what,
        t.ProjectStepRow.at == at,
    )
    return (await session.scalars(query.limit(1))).first()


async def _already_done(session: AsyncSession, row: t.ProjectRow, who: str, what: str, at: datetime) -> bool:
    return await _step(session, row, who, what, at) is not None


def _changes(before: ProjectPlan | None, after: ProjectPlan) -> dict[str, Any]:
    """Return what a revision changes, by field: the old value and the new one."""
    old = before.stored() if before else {}
    new = after.stored()
    return {name: [old.get(name), new[name]] for name in new if old.get(name) != new[name]}


class _FirstLook:
    """When to look first at a new contact: the next time within its hours. Contacts alike are computed once."""

    def __init__(self, calendar: Calendar, plan: ProjectPlan | None, at: datetime) -> None:
        self._calendar, self._plan, self._at = calendar, plan, at
        self._known: dict[tuple[str, tuple[str, ...] | None], datetime] = {}

    def __call__(self, zone: str, only: tuple[str, ...] | None) -> datetime:
        if (zone, only) not in self._known:
            hours = self._plan and allowed_hours(self._plan, self._calendar, zone, only)
            self._known[zone, only] = (hours and hours.next_within(self._at)) or self._at
        return self._known[zone, only]


async def _import(
    session: AsyncSession,
    project_id: int,
    contacts: Sequence[ListedContact],
    first_look: _FirstLook,
    at: datetime,
    on_progress: Callable[[int], None],
) -> ImportResult:
    imported, skipped = 0, list[tuple[int, str]]()
    in_order = sorted(contacts, key=attrgetter("number"))
    for start in range(0, len(contacts), BATCH_SIZE):
        batch = in_order[start : start + BATCH_SIZE]
        unwilling = await active_entries(session, [contact.number for contact in batch])
        refusals = {entry.number: describe(entry) for entry in unwilling}
        rows = [
            _contact_row(project_id, contact, first_look, at) for contact in batch if contact.number not in refusals
        ]
        added = frozenset(await insert_many_once(session, t.ContactRow.number, rows))
        imported += len(added)
        skipped += [
            (contact.line, refusals.get(contact.number, "the number is in the project already"))
            for contact in batch
            if contact.number not in added
        ]
        on_progress(start + len(batch))
    return ImportResult(imported, len(skipped), tuple(sorted(skipped)[:MAX_SKIPPED_LINES]))


def _contact_row(project_id: int, contact: ListedContact, first_look: _FirstLook, at: datetime) -> dict[str, object]:
    only = None if contact.only is None else tuple(map(str, contact.only))
    return {
        "project_id": project_id,
        "number": contact.number,
        "line_type": contact.line_type,
        "name": contact.name,
        "language": contact.language,
        "zone": contact.zone,
        "only": only,
        "variables": dict(contact.variables),
        "line": contact.line,
        "added_at": at,
        "next_at": first_look(contact.zone, only),
        "ended_why": "",
    }


async def _status(session: AsyncSession, name: str) -> ProjectStatus:
    row = await project_row(session, name)
    project = await load_project(session, row)
    steps = await session.scalars(
        select(t.ProjectStepRow).where(t.ProjectStepRow.project_id == row.id).order_by(t.ProjectStepRow.id)
    )
    waits = t.ContactRow.next_at.is_not(None)
    contacts: Any = await session.execute(
        select(t.ContactRow.ended, waits, func.count(), func.min(t.ContactRow.next_at))
        .where(t.ContactRow.project_id == row.id)
        .group_by(t.ContactRow.ended, waits)
    )
    waiting = calling = 0
    ended: dict[str, int] = {}
    next_at: datetime | None = None
    for how, is_waiting, count, earliest in contacts:
        if how is not None:
            ended[how] = ended.get(how, 0) + count
        elif is_waiting:
            waiting, next_at = count, earliest
        else:
            calling = count
    of_project = (
        select(t.AttemptRow.counted, func.count())
        .join(t.ContactRow, t.ContactRow.id == t.AttemptRow.contact_id)
        .where(t.ContactRow.project_id == row.id, t.AttemptRow.outcome.is_not(None))
        .group_by(t.AttemptRow.counted)
    )
    made: dict[bool, int] = dict((await session.execute(of_project)).all())
    return ProjectStatus(
        _project(project),
        tuple(ProjectStep(one.at, one.who, one.what, one.why, one.revision, one.details) for one in steps),
        waiting,
        calling,
        dict(sorted(ended.items())),
        sum(made.values()),
        made.get(True, 0),
        next_at,
    )


def _project(loaded: LoadedProject) -> Project:
    row = loaded.row
    return Project(
        row.name,
        row.department,
        row.proposed_by,
        cast("ProjectState", row.state),
        row.revision,
        row.suggestion,
        loaded.plan,
        loaded.facts.fault,
    )
