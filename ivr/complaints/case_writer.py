"""Writes to cases within a transaction: opening, routing, history. Must not know: the command's source, deadlines.

Every step is added to the outbox; the steps of confidential cases are for management only (R18).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import OpenComplaint
from ivr.complaints.case_lookup import PHONE_DETAILS
from ivr.complaints.rules import clock, routing
from ivr.complaints.rules.intake import WORK_ORDERS, Rules, assess, confidential, receiving_line
from ivr.complaints.rules.routing import Route
from ivr.database import tables as t
from ivr.database.upsert import next_count
from ivr.events import Value
from ivr.phone_number import canonical_number

SYSTEM: Final = "huifang"
"""The author of steps that the service takes automatically."""
STEP_DATA: Final = ("what", "kind", "state", "grade", "tier", "owner")
"""What an event says about a step of a case, beside its subjects."""


async def open_case(
    session: AsyncSession,
    rules: Rules | None,
    call: t.CallRow | None,
    complaint: OpenComplaint,
    at: datetime,
    who: str = SYSTEM,
) -> t.CaseRow:
    """Open a case and route it by `rules`. Without rules it stays unrouted until SlaWorker.route_unrouted."""
    day = f"{at:%Y%m%d}"
    number = await next_count(session, t.CaseCounterRow.last, day=day)
    case = t.CaseRow(
        number=f"{day}-{number:04}",
        call_id=call and call.id,
        customer_id=call and call.customer_id,
        kind=complaint.kind,
        reason=complaint.reason,
        details={**complaint.details, **_numbers(complaint.details)},
        opened_at=at,
        state="registered",
        grade="general",
        grade_reason="",
        grade_by=SYSTEM,
        confidential=confidential(complaint.kind),
        handler="",
        watched_until=at,
    )
    session.add(case)
    await session.flush()
    if rules is not None:
        route_case(session, rules, case, call.called if call else "", at, who)
    return case


def _numbers(details: Mapping[str, Value]) -> dict[str, Value]:
    """Return the telephone numbers among the details in their canonical form."""
    given = {name: details.get(name) for name in PHONE_DETAILS}
    return {name: canonical_number(value) for name, value in given.items() if isinstance(value, str)}


def route_case(
    session: AsyncSession, rules: Rules, case: t.CaseRow, called: str, at: datetime, who: str = SYSTEM
) -> None:
    """Grade and route a case by the rules, set its deadlines from its opening, report it to supervision at once (R4).

    A work order is not a complaint: the line that received it handles it, without deadlines.
    """
    if case.kind in WORK_ORDERS:
        case.line = case.responsible = receiving_line(rules.lines, case.details, called, [])
        line = rules.lines.lines[case.line]
        case.tier, case.owner = line.tier, line.owner
        add_step(session, case, who, "registered", f"to {case.line} (R2)", at)
        return
    assessment = assess(rules, case.kind, case.details, called, case.opened_at)
    case.kind, case.responsible = assessment.complaint.kind, assessment.complaint.called
    case.grade, case.grade_reason = assessment.grade.grade, assessment.grade.reason
    case.contact_due, case.reply_due = assessment.contact_due, assessment.reply_due
    apply_route(case, assessment.route)
    case.alarm_at = clock.next_alarm(rules.lines.clocks, sla_state(case))
    add_step(session, case, who, "registered", assessment.why, at)
    if not case.confidential:
        add_step(session, case, SYSTEM, "reported", f"to {routing.supervision(rules.lines)} (R4)", at)


def apply_route(case: t.CaseRow, route: Route) -> None:
    """Assign the case to the route's tier, line and owner; the first receiver stays responsible."""
    case.tier, case.line, case.owner, case.article = route.tier, route.line, route.owner, route.article
    case.confidential = case.confidential or route.confidential


def sla_state(case: t.CaseRow) -> clock.SlaState:
    """Return the state that the deadlines of a case depend on."""
    return clock.SlaState(case.contact_due, case.contacted_at, case.reply_due, case.replied_at, case.watched_until)


def add_step(session: AsyncSession, case: t.CaseRow, who: str, what: str, why: str, at: datetime) -> None:
    """Add a step to a case's history and an event to the outbox; the case must have been flushed."""
    session.add(t.CaseStepRow(case_id=case.id, at=at, who=who, what=what, why=why))
    event = {
        "event": "case",
        "id": uuid4().hex,
        "case": case.number,
        "what": what,
        "kind": case.kind,
        "state": case.state,
        "grade": case.grade,
        "tier": case.tier,
        "line": case.line,
        "owner": case.owner,
        "call": case.call_id,
        "at": at.isoformat(),
    }
    session.add(t.OutboxRow(event=event, confidential=case.confidential))
