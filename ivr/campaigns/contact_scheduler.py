"""The contact scheduler: claims due contacts for attempts, settles finished attempts, says why one is called or not.

Several nodes may do so at once, and a node may die at any point: each claim is an attempt of its own, written before
the call, and any node settles it from the call's record. Must not know: how calls are placed, when it is polled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Select, delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import Calendar
from ivr.callbacks.attempts import ENGAGED_DELAY, ended_call, is_over, never_placed, record
from ivr.callbacks.ended_call import EndedCall
from ivr.campaigns.contact_facts import (
    LoadedProject,
    load_contacts,
    load_numbers,
    load_project,
    project_row,
    settled_attempt,
    unknown_project,
)
from ivr.campaigns.do_not_call import add_entry
from ivr.campaigns.project import CallableFlows, ContactReport, DueContact, SettledContact, UnknownContact
from ivr.campaigns.rules.attempt_policy import (
    FINAL_OUTCOMES,
    MAX_UNANSWERED,
    WHY_FINAL,
    AttemptOutcome,
    counts,
    outcome_of,
)
from ivr.campaigns.rules.decision import CallDecision, Excluded, NextCall, NumberFacts, Reason, Rule, decide
from ivr.campaigns.rules.plan import ProjectPlan
from ivr.database import tables as t
from ivr.database.database import Database
from ivr.database.upsert import insert_many_once
from ivr.phone_number import canonical_number

BATCH_SIZE: Final = 200
"""Maximum number of contacts per transaction, so that writes of live calls are not held up."""
BATCHES: Final = 5
"""Maximum number of transactions of one claim."""
LOOK_AGAIN: Final = timedelta(days=1)
"""When to look again at a contact that a rule excludes for now."""
ASKED_FIRST: Final = (t.ContactRow.wished_at.is_not(None), t.ContactRow.wished_at.is_(None))
"""The conditions of contacts in the order in which they are called: those who asked for a time, then all others."""
ENDED_BY: Final[Mapping[Rule, str]] = {Rule.DO_NOT_CALL: "do_not_call", Rule.ATTEMPTS: "unreached"}
"""How a contact ends that a rule excludes for good; by any other rule, `project_over`."""


class ContactScheduler:
    """The contacts of a database's projects. Safe for concurrent use, also by several processes.

    All methods raise RecordsUnavailable when the database stays unavailable.
    """

    def __init__(self, database: Database, calendar: Calendar, flows: CallableFlows) -> None:
        self._database, self._calendar, self._flows = database, calendar, flows

    async def claim(self, project: str, limit: int, now: datetime) -> tuple[DueContact, ...]:
        """Claim at most `limit` contacts of a running project that are to be called now, exclusively.

        Those who asked for this time come first, then those who have waited longest.

        Raises:
            UnknownProject: there is no such project.
        """
        claimed: list[DueContact] = []
        if not await self._database.read(partial(_has_due, project=project, now=now)):
            return ()
        for _ in range(BATCHES):
            ids = [uuid4().hex for _ in range(min(limit - len(claimed), BATCH_SIZE))]
            if not ids:
                break
            seen, due = await self._database.write(partial(self._claim, project=project, ids=ids, now=now))
            claimed += due
            if seen < len(ids):
                break
        return tuple(claimed)

    async def settle(self, now: datetime) -> tuple[SettledContact, ...]:
        """Apply the outcome of every finished attempt, and release the stale claims of dead nodes."""
        settled: list[SettledContact] = []
        while await self._database.read(partial(_has_finished, now=now)):
            settled += (batch := await self._database.write(partial(self._settle, now=now)))
            if not batch:
                break
        return tuple(settled)

    async def why(self, project: str, number: str, now: datetime) -> ContactReport:
        """Return when a contact is called next and the rules it comes from, or the rule that excludes it.

        Raises:
            UnknownProject: there is no such project.
            UnknownContact: the project has no contact with this number, in any spelling.
        """

        async def work(session: AsyncSession) -> ContactReport:
            row = await project_row(session, project)
            query = select(t.ContactRow).where(
                t.ContactRow.project_id == row.id, t.ContactRow.number == canonical_number(number)
            )
            contact = await session.scalar(query)
            if contact is None:
                raise UnknownContact(f"the project “{project}” has no contact with this number")
            loaded = await load_project(session, row, self._flows)
            [decision] = await self._decide(session, loaded, [contact], now)
            attempts = await session.scalars(
                select(t.AttemptRow)
                .where(t.AttemptRow.contact_id == contact.id, t.AttemptRow.outcome.is_not(None))
                .order_by(t.AttemptRow.id)
            )
            made = tuple(settled_attempt(attempt) for attempt in attempts)
            return ContactReport(project, contact.number, contact.name, made, decision)

        return await self._database.read(work)

    async def _claim(
        self, session: AsyncSession, project: str, ids: Sequence[str], now: datetime
    ) -> tuple[int, list[DueContact]]:
        """Claim one batch, under the call ids; return how many contacts were looked at, and those to call.

        The project is locked against a pause, the contacts against other nodes.
        """
        row = await project_row(session, project, lock="share")
        loaded = await load_project(session, row, self._flows)
        if claimed := await _claimed_before(session, loaded, ids):
            return len(ids), claimed
        if loaded.plan is None or loaded.facts.state != "running" or loaded.facts.fault:
            return 0, []
        contacts = await _due_contacts(session, row.id, len(ids), now)
        to_call: list[tuple[t.ContactRow, NextCall]] = []
        for contact, decision in zip(contacts, await self._decide(session, loaded, contacts, now), strict=True):
            if isinstance(decision, NextCall) and decision.at <= now:
                to_call.append((contact, decision))
            else:
                _apply(contact, decision, now)
        made = await _add_attempts(session, row.revision, [contact for contact, _ in to_call], ids, now)
        due: list[DueContact] = []
        for contact, decision in to_call:
            if call_id := made.get(contact.id):
                contact.next_at = None
                due.append(_due_contact(call_id, row.name, loaded.plan, contact, decision.missed_wish))
            else:
                contact.next_at = now + ENGAGED_DELAY
        return len(contacts), due

    async def _decide(
        self, session: AsyncSession, project: LoadedProject, contacts: Sequence[t.ContactRow], now: datetime
    ) -> list[CallDecision]:
        if project.plan is None:
            return [Excluded(Reason(Rule.PROJECT_FAULT, project.facts.fault), final=False)] * len(contacts)
        known = await load_contacts(session, project.plan, self._calendar, contacts)
        numbers = await load_numbers(session, [contact.number for contact in contacts], now)
        return [decide(project.facts, known[contact.id], numbers[contact.number], now) for contact in contacts]

    async def _settle(self, session: AsyncSession, now: datetime) -> list[SettledContact]:
        responsive = exists().where(t.AnswerRow.call_id == t.CallRow.id)
        query = (
            _finished(now)
            .add_columns(t.CallRow, responsive)
            .limit(BATCH_SIZE)
            .with_for_update(of=t.AttemptRow, skip_locked=True)
        )
        finished: list[Any] = list(await session.execute(query))
        attempts = {attempt.contact_id: attempt for attempt, _, _ in finished}
        for attempt, call, answered_any in finished:
            ended = ended_call(call, answered_any) if call else never_placed(now)
            record(attempt, ended, counted=counts(ended))
            attempt.result = outcome_of(ended)
            await _note_refusal(session, attempt, ended)
        await session.flush()
        rows = await session.scalars(
            select(t.ContactRow).where(t.ContactRow.id.in_(attempts)).order_by(t.ContactRow.id).with_for_update()
        )
        contacts = rows.all()
        wishes = await _take_over_wishes(session, [attempt.call_id for attempt in attempts.values()])
        for contact in contacts:
            attempt = attempts[contact.id]
            if attempt.result != AttemptOutcome.FAILED:
                contact.wished_at = wishes.get(attempt.call_id)
        settled: list[SettledContact] = []
        for project_id in dict.fromkeys(contact.project_id for contact in contacts):
            project = await load_project(session, await session.get_one(t.ProjectRow, project_id))
            own = [contact for contact in contacts if contact.project_id == project_id]
            resumed = replace(project, facts=replace(project.facts, state="running"))
            for contact, decision in zip(own, await self._decide(session, resumed, own, now), strict=True):
                attempt = attempts[contact.id]
                _follow_up(contact, decision, AttemptOutcome(attempt.result), now)
                settled.append(SettledContact(attempt.call_id, project.row.name, settled_attempt(attempt), decision))
        return settled


async def _note_refusal(session: AsyncSession, attempt: t.AttemptRow, ended: EndedCall) -> None:
    """A call that the person called has declared unwanted is their own word: no project calls them any more."""
    if ended.cause == "unwanted" and attempt.number:
        why = f"call {attempt.call_id} was rejected as unwanted"
        await add_entry(session, attempt.number, "network", "SIP 607", why, ended.at)


async def _has_due(session: AsyncSession, project: str, now: datetime) -> bool:
    """Return whether there is a contact to look at. Most polls end here, without a lock."""
    due = select(t.ContactRow.id).where(t.ContactRow.project_id == t.ProjectRow.id, t.ContactRow.next_at <= now)
    asked, others = (due.where(one).exists() for one in ASKED_FIRST)
    query = select(t.ProjectRow.state, or_(asked, others)).where(t.ProjectRow.name == project)
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise unknown_project(project)
    state, any_due = found
    return bool(state == "running" and any_due)


async def _has_finished(session: AsyncSession, now: datetime) -> bool:
    """Return whether there is an attempt to settle."""
    query = _finished(now).with_only_columns(t.AttemptRow.id).limit(1)
    return await session.scalar(query) is not None


def _finished(now: datetime) -> Select[t.AttemptRow]:
    """Return the query for attempts to settle; their order leads the database to the index of unsettled ones."""
    return (
        select(t.AttemptRow)
        .outerjoin(t.CallRow, t.CallRow.id == t.AttemptRow.call_id)
        .where(t.AttemptRow.contact_id.is_not(None), is_over(now))
        .order_by(t.AttemptRow.id)
    )


async def _claimed_before(session: AsyncSession, project: LoadedProject, ids: Sequence[str]) -> list[DueContact]:
    """Return the contacts that a first run of this transaction has claimed, although its commit seemed to fail."""
    query = (
        select(t.AttemptRow.call_id, t.ContactRow)
        .join(t.ContactRow, t.ContactRow.id == t.AttemptRow.contact_id)
        .where(t.AttemptRow.call_id.in_(ids))
    )
    rows = (await session.execute(query)).all()
    if project.plan is None:
        return []
    return [_due_contact(call_id, project.row.name, project.plan, contact, None) for call_id, contact in rows]


async def _due_contacts(session: AsyncSession, project_id: int, limit: int, now: datetime) -> list[t.ContactRow]:
    """Return contacts to look at now: first those who asked for a time, then those who have waited longest."""
    due: list[t.ContactRow] = []
    for asked in ASKED_FIRST:
        query = (
            select(t.ContactRow)
            .where(t.ContactRow.project_id == project_id, asked, t.ContactRow.next_at <= now)
            .order_by(t.ContactRow.next_at)
            .limit(limit - len(due))
            .with_for_update(skip_locked=True)
        )
        if len(due) < limit:
            due += await session.scalars(query)
    return due


async def _add_attempts(
    session: AsyncSession, revision: int, contacts: Sequence[t.ContactRow], ids: Sequence[str], now: datetime
) -> dict[int, str]:
    """Add an attempt at each contact; return the call ids by contact, without those whose number has one already.

    Two projects may decide on a number at the same time. Once its attempt is in, no other can begin: so the limit of
    unanswered tries is checked again then, and an attempt too many is taken back.
    """
    call_ids = dict(zip((contact.id for contact in sorted(contacts, key=attrgetter("number"))), ids, strict=False))
    numbers = {contact.id: contact.number for contact in contacts}
    rows = [
        {"contact_id": contact_id, "call_id": call_id, "number": numbers[contact_id], "at": now, "revision": revision,
         "counted": False, "answered": False}
        for contact_id, call_id in call_ids.items()
    ]  # fmt: skip
    added = set(await insert_many_once(session, t.AttemptRow.call_id, rows))
    made = {contact_id: call_id for contact_id, call_id in call_ids.items() if call_id in added}
    facts = await load_numbers(session, [numbers[contact_id] for contact_id in made], now)
    excess = [contact_id for contact_id in made if _too_many(facts[numbers[contact_id]])]
    if excess:
        taken_back = [made.pop(contact_id) for contact_id in excess]
        await session.execute(delete(t.AttemptRow).where(t.AttemptRow.call_id.in_(taken_back)))
    return made


def _too_many(number: NumberFacts) -> bool:
    return bool(number.do_not_call) or len(number.unanswered) > MAX_UNANSWERED


def _due_contact(
    call_id: str, project: str, plan: ProjectPlan, contact: t.ContactRow, missed_wish: datetime | None
) -> DueContact:
    language = contact.language or plan.language
    return DueContact(call_id, project, contact.number, plan.flow, language, contact.variables, missed_wish)


def _apply(contact: t.ContactRow, decision: CallDecision, now: datetime) -> None:
    """Store when to look at a contact again, or that it has ended."""
    match decision:
        case NextCall(at):
            contact.next_at = at
        case Excluded(reason, final=True):
            _end(contact, ENDED_BY.get(reason.rule, "project_over"), reason.words, now)
        case Excluded(Reason(Rule.IN_PROGRESS)):
            contact.next_at = now + ENGAGED_DELAY
        case Excluded():
            contact.next_at = now + LOOK_AGAIN


def _follow_up(contact: t.ContactRow, decision: CallDecision, outcome: AttemptOutcome, now: datetime) -> None:
    """Store what follows from an attempt. A final outcome also ends a contact that the project's end has ended."""
    if outcome in FINAL_OUTCOMES:
        _end(contact, outcome, WHY_FINAL[outcome], now)
    elif contact.ended is None:
        _apply(contact, decision, now)


def _end(contact: t.ContactRow, ended: str, why: str, now: datetime) -> None:
    contact.ended, contact.ended_why, contact.ended_at, contact.next_at = ended, why, now, None


async def _take_over_wishes(session: AsyncSession, call_ids: Collection[str]) -> dict[str, datetime]:
    """Return the times that customers asked for on calls, by call. The project keeps the promise, not the booking."""
    query = select(t.BookingRow).where(
        t.BookingRow.call_id.in_(call_ids), t.BookingRow.case_id.is_(None), t.BookingRow.state == "open"
    )
    bookings = (await session.scalars(query.order_by(t.BookingRow.id).with_for_update())).all()
    for booking in bookings:
        booking.state, booking.next_at = "done", None
    return {str(booking.call_id): booking.at for booking in bookings}
