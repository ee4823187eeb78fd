"""How a case is opened, routed and stepped within a transaction. Must not know: who asks, when it is due.

Every step becomes news; of a confidential case they are for management alone (R18).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import OpenComplaint
from ivr.complaints import clock, routing
from ivr.complaints.intake import ORDERS, Rules, confidential, judge, receiving
from ivr.complaints.routing import Route
from ivr.records import tables as t
from ivr.records.upsert import count_up

SELF: Final = "huifang"
"""Who did what nobody did by hand."""


async def open_case(
    session: AsyncSession,
    rules: Rules | None,
    call: t.Call | None,
    complaint: OpenComplaint,
    at: datetime,
    who: str = SELF,
) -> t.Case:
    """Open a case and judge it. Without `rules` it waits, unrouted, for `admit`."""
    day = f"{at:%Y%m%d}"
    number = await count_up(session, t.CaseCounter.last, day=day)
    case = t.Case(
        number=f"{day}-{number:04}",
        call_id=call and call.id,
        customer_id=call and call.customer_id,
        kind=complaint.kind,
        reason=complaint.reason,
        details=dict(complaint.details),
        opened_at=at,
        state="registered",
        grade="general",
        grade_reason="",
        grade_by=SELF,
        confidential=confidential(complaint.kind),
        handler="",
        watched_until=at,
    )
    session.add(case)
    await session.flush()
    if rules is not None:
        admit(session, rules, case, call.called if call else "", at, who)
    return case


def admit(session: AsyncSession, rules: Rules, case: t.Case, called: str, at: datetime, who: str = SELF) -> None:
    """Judge a case by the rules, set its clocks from its opening, and report it to supervision at once (R4).

    An order for work is no complaint: the line that took it sees to it.
    """
    if case.kind in ORDERS:
        case.line = case.responsible = receiving(rules.lines, case.details, called, [])
        line = rules.lines.lines[case.line]
        case.tier, case.owner = line.tier, line.owner
        step(session, case, who, "registered", f"to {case.line} (R2)", at)
        return
    verdict = judge(rules, case.kind, case.details, called, case.opened_at)
    case.kind, case.responsible = verdict.complaint.kind, verdict.complaint.called
    case.grade, case.grade_reason = verdict.grade.grade, verdict.grade.reason
    case.contact_due, case.reply_due = verdict.contact_due, verdict.reply_due
    follow(case, verdict.route)
    case.alarm_at = clock.next_alarm(rules.lines.clocks, watch(case))
    step(session, case, who, "registered", verdict.why, at)
    if not case.confidential:
        step(session, case, SELF, "reported", f"to {routing.supervision(rules.lines)} (R4)", at)


def follow(case: t.Case, route: Route) -> None:
    """Hand the case to whoever the route leads to; the first receiver stays responsible."""
    case.tier, case.line, case.owner, case.article = route.tier, route.line, route.owner, route.article
    case.confidential = case.confidential or route.confidential


def watch(case: t.Case) -> clock.Watch:
    """The case as its clocks see it."""
    return clock.Watch(case.contact_due, case.contacted_at, case.reply_due, case.replied_at, case.watched_until)


def step(session: AsyncSession, case: t.Case, who: str, what: str, why: str, at: datetime) -> None:
    """Write down what was done with a case; it must have been flushed."""
    session.add(t.CaseStep(case_id=case.id, at=at, who=who, what=what, why=why))
    event = {
        "event": "case",
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
    session.add(t.News(event=event, confidential=case.confidential))
