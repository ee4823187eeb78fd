"""Commands on cases: opens, moves and grades them by the rules, each change in one transaction.

Must not know: how cases are displayed, when deadlines are checked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import OpenComplaint
from ivr.complaints.case_queries import case_file, case_row, visible
from ivr.complaints.case_writer import add_step, apply_route, open_case, route_case, sla_state
from ivr.complaints.rules import clock, life, routing
from ivr.complaints.rules.case import CaseFile, ReaderRole, UnknownCase
from ivr.complaints.rules.intake import WORK_ORDERS, Rules, reassess
from ivr.complaints.rules.life import CaseMove, CaseState, RefusedMove
from ivr.complaints.rules.model import MANAGEMENT, TIERS, Grade, Tier
from ivr.complaints.rules.routing import Route
from ivr.database import tables as t
from ivr.database.database import Database
from ivr.database.errors import UnknownCall

VERIFYING_CALL: Final = "核实回访"
"""The spoken text of a verifying call's booking."""

PUT_THROUGH: Final = "put_through"
"""The step recorded when an agent takes the call of a case's caller."""

REASON_REQUIRED: Final = ("reopen", "escalate", "report")
"""The moves that require a reason."""


class CaseService:
    """The commands on the cases of a database. Safe for concurrent use, also by several processes.

    `who` is the person who acts, `role` determines which cases they may see. Commands are idempotent: the same command
    by the same person at the same time `at` changes nothing. All methods raise RecordsUnavailable when the database
    stays unavailable.
    """

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database, self._rules = database, rules

    async def open(self, complaint: OpenComplaint, who: str, at: datetime, call_id: str | None = None) -> str:
        """Open a case manually, linked to a call if one is given; return its number.

        Raises:
            UnknownCall: no such call.
        """

        async def work(session: AsyncSession) -> str:
            call = await session.get(t.CallRow, call_id) if call_id else None
            if call_id and call is None:
                raise UnknownCall(f"there is no call {call_id}")
            if number := await session.scalar(
                select(t.CaseRow.number).join(t.CaseStepRow).where(*_same_step(who, "registered", at))
            ):
                return number
            return (await open_case(session, self._rules, call, complaint, at, who)).number

        return await self._database.write(work)

    async def move(
        self,
        number: str,
        move: CaseMove,
        who: str,
        why: str,
        at: datetime,
        *,
        handler: str = "",
        role: ReaderRole = "staff",
    ) -> CaseFile | None:
        """Move a case; return it afterwards, None if the reader may no longer see it. `assign` requires a `handler`.

        Raises:
            UnknownCase: no case with this number is visible to this reader.
            RefusedMove: the move is not legal now, or lacks its reason or handler; nothing was changed.
        """

        async def work(session: AsyncSession) -> CaseFile | None:
            case = await self._load(session, number, role)
            if await _already_done(session, case, who, move, at):
                return await case_file(session, case) if visible(case, role) else None
            state = cast("CaseState", case.state)
            new_state = life.next_state(state, move)
            if not why and move in REASON_REQUIRED:
                raise RefusedMove(f"“{move}” needs a reason", life.legal_moves(state))
            if not handler and move == "assign":
                raise RefusedMove("“assign” needs a handler", life.legal_moves(state))
            case.state = new_state
            note = await self._apply(session, case, move, handler, at)
            case.alarm_at = clock.next_alarm(self._rules.lines.clocks, sla_state(case))
            add_step(session, case, who, move, "; ".join(filter(None, (note, why))), at)
            await session.flush()
            return await case_file(session, case) if visible(case, role) else None

        return await self._database.write(work)

    async def regrade(
        self, number: str, grade: Grade, who: str, why: str, at: datetime, role: ReaderRole = "staff"
    ) -> CaseFile:
        """Change or confirm the proposed grade. A case that becomes serious is escalated at once (R9); none moves down.

        Raises:
            UnknownCase: no case with this number is visible to this reader.
            RefusedMove: the reason is missing, or the case is archived or a work order; nothing was changed.
        """

        async def work(session: AsyncSession) -> CaseFile:
            case = await self._load(session, number, role)
            if await _already_done(session, case, who, "grade", at):
                return await case_file(session, case)
            state = cast("CaseState", case.state)
            if case.kind in WORK_ORDERS:
                raise RefusedMove("a work order has no grade", life.legal_moves(state))
            if not why or state == "archived":
                raise RefusedMove("a grade needs a reason and a case that is not archived", life.legal_moves(state))
            case.grade, case.grade_reason, case.grade_by = grade, why, who
            notes = [f"{grade}: {why}"]
            if (route := self._higher_route(case, at)) and "escalate" in life.legal_moves(state):
                apply_route(case, route)
                notes.append(_route_note(route))
            add_step(session, case, who, "grade", "; ".join(notes), at)
            await session.flush()
            return await case_file(session, case)

        return await self._database.write(work)

    async def put_through(self, call_id: str, who: str, line: str, at: datetime) -> None:
        """Record that agent `who` of `line` took the call: the first contact with the customer for each of its cases.

        Confidential cases are not changed (R18).
        """

        async def work(session: AsyncSession) -> None:
            query = select(t.CaseRow).where(t.CaseRow.call_id == call_id, t.CaseRow.confidential.is_(False))
            for case in await session.scalars(query.order_by(t.CaseRow.id).with_for_update()):
                if await _already_done(session, case, who, PUT_THROUGH, at):
                    continue
                if case.state == "registered":
                    case.state, case.contacted_at = life.next_state("registered", "acknowledge"), at
                    case.alarm_at = clock.next_alarm(self._rules.lines.clocks, sla_state(case))
                add_step(session, case, who, PUT_THROUGH, f"put through on {line}", at)

        await self._database.write(work)

    async def _load(self, session: AsyncSession, number: str, role: ReaderRole) -> t.CaseRow:
        case = await case_row(session, number, role, lock=True)
        if case.tier is None:
            call = await session.get(t.CallRow, case.call_id) if case.call_id else None
            route_case(session, self._rules, case, call.called if call else "", case.opened_at)
            if not visible(case, role):
                raise UnknownCase(f"there is no case {number}")
        return case

    async def _apply(self, session: AsyncSession, case: t.CaseRow, move: CaseMove, handler: str, at: datetime) -> str:
        """Apply the effects of a move besides the new state; return a note for the history."""
        clocks, calendar = self._rules.lines.clocks, self._rules.calendar
        match move:
            case "acknowledge":
                case.contacted_at = at
            case "assign":
                case.handler = handler
                return f"to {handler}"
            case "resolve" if not case.confidential:
                call_at = clock.verifying_call(self._rules.lines, calendar, at)
                session.add(
                    t.BookingRow(
                        call_id=case.call_id, case_id=case.id, at=call_at, spoken=VERIFYING_CALL, state="open",
                        wished=False, next_at=call_at,
                    )
                )  # fmt: skip
                return f"verifying call on {call_at:%Y-%m-%d %H:%M}"
            case "reply":
                case.replied_at = at
            case "verify":
                await _close_bookings(session, case, "done")
            case "reopen":
                await _close_bookings(session, case, "cancelled")
                case.replied_at = None
                case.reply_due = case.reply_due and clock.reply_due(clocks, calendar, at)
            case "escalate":
                return _route_note(self._escalate(case))
            case "report":
                await _close_bookings(session, case, "cancelled")
                case.kind, case.contact_due, case.reply_due = "fraud", None, None
                apply_route(case, Route(MANAGEMENT, None, MANAGEMENT, "R18", confidential=True))
        return ""

    def _escalate(self, case: t.CaseRow) -> Route:
        """Escalate the case to the next tier; return the route.

        Raises:
            RefusedMove: management has the case already.
        """
        route = escalation_route(self._rules, case)
        if route is None:
            raise RefusedMove("there is no tier above management", life.legal_moves(cast("CaseState", case.state)))
        apply_route(case, route)
        return route

    def _higher_route(self, case: t.CaseRow, at: datetime) -> Route | None:
        """Return the route for the case's grade, if it leads to a higher tier than the current one."""
        if case.confidential:
            return None
        complaint = reassess(self._rules.lines, case.kind, case.details, case.responsible, cast("Grade", case.grade))
        route = routing.route(self._rules.lines, self._rules.calendar, complaint, at)
        return route if TIERS.index(route.tier) > TIERS.index(cast("Tier", case.tier)) else None


def escalation_route(rules: Rules, case: t.CaseRow) -> Route | None:
    """Return the route to the tier above that of a routed case; None if management has it."""
    complaint = reassess(rules.lines, case.kind, case.details, case.responsible, cast("Grade", case.grade))
    return routing.next_tier_up(rules.lines, complaint, cast("Tier", case.tier))


async def _already_done(session: AsyncSession, case: t.CaseRow, who: str, what: str, at: datetime) -> bool:
    """Return whether this exact step is recorded: then its transaction was committed and is being retried."""
    step_id = select(t.CaseStepRow.id).where(t.CaseStepRow.case_id == case.id, *_same_step(who, what, at))
    return await session.scalar(step_id.limit(1)) is not None


def _same_step(who: str, what: str, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (t.CaseStepRow.who == who, t.CaseStepRow.what == what, t.CaseStepRow.at == at)


def _route_note(route: Route) -> str:
    return f"to {route.line or route.owner} ({route.article})"


async def _close_bookings(session: AsyncSession, case: t.CaseRow, state: str) -> None:
    open_bookings = (t.BookingRow.case_id == case.id, t.BookingRow.state == "open")
    await session.execute(update(t.BookingRow).where(*open_bookings).values(state=state, next_at=None))
