"""What a call says of a complaint → its kind, grade, route and deadlines. Pure.

Must not know: how a case is kept. What is not understood (an unknown branch, say) counts as not said: no caller loses a
complaint to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from ivr.calendar import Calendar
from ivr.complaints.rules import clock, grading, routing
from ivr.complaints.rules.grading import GradeProposal
from ivr.complaints.rules.model import Grade, Kind, Lines, LineTier
from ivr.complaints.rules.routing import Complaint, Route
from ivr.events import Value

CODED_DETAILS = ("line", "business", "branch", "about", "kind", "phone", "callback_phone", "callback_wanted")
"""The details that are ids, numbers or choices. All others that are text count as said by the caller, cues included."""


WORK_ORDERS = ("repair",)
"""The kinds of cases that are orders for work (R2) and no complaints."""


@dataclass(slots=True)
class Rules:
    """By what complaints are judged. `lines` are those in force: others may take their place."""

    lines: Lines
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class CaseAssessment:
    """What becomes of a complaint at first. `why` names rule and reason, and what was not understood."""

    complaint: Complaint
    grade: GradeProposal
    route: Route
    contact_due: datetime | None
    reply_due: datetime | None
    why: str


def confidential(kind: str) -> bool:
    """Whether only management may see a case of this kind (R18)."""
    return kind == "fraud"


def reports_misconduct(answers: Mapping[str, Value], lines: Lines | None) -> bool:
    """Whether answers report misconduct, before a case does: by the kind chosen, or by the cues of `lines`."""
    chosen = any(isinstance(value, str) and confidential(value) for value in answers.values())
    return chosen or (lines is not None and bool(grading.heard_cues(lines.cues, "misconduct", _said(answers))))


def assess(rules: Rules, kind: str, details: Mapping[str, Value], called: str, now: datetime) -> CaseAssessment:
    """Judge a complaint. `called` is the number that was called, for when `details` name no line."""
    said = tuple(_said(details))
    proposal = grading.grade(rules.lines.cues, said, details)
    complaint, notes = interpret(rules.lines, kind, details, called, proposal)
    route = routing.route(rules.lines, rules.calendar, complaint, now)
    has_deadlines = not route.confidential
    return CaseAssessment(
        complaint,
        proposal,
        route,
        clock.contact_due(rules.lines.clocks, now) if has_deadlines else None,
        clock.reply_due(rules.lines.clocks, rules.calendar, now) if has_deadlines else None,
        "; ".join([f"to {route.line or route.owner} ({route.article})", *notes]),
    )


def interpret(
    lines: Lines, kind: str, details: Mapping[str, Value], called: str, proposal: GradeProposal
) -> tuple[Complaint, list[str]]:
    """The complaint in the terms of the rules, and notes of what was not understood.

    Words of misconduct make a report of it, whatever kind the flow gave it (R18).
    """
    notes: list[str] = []
    business = _resolve(lines.businesses, details, "business", notes)
    branch = _resolve(lines.branches, details, "branch", notes)
    line = receiving_line(lines, details, called, notes)
    if misconduct := grading.heard_cues(lines.cues, "misconduct", _said(details)):
        kind = "fraud"
        notes.append(f"“{'、'.join(misconduct)}” is a report of misconduct")
    return Complaint(_kind(kind, notes), proposal.grade, line, business, branch, _about(lines, details, notes)), notes


def reassess(lines: Lines, kind: str, details: Mapping[str, Value], received: str | None, grade: Grade) -> Complaint:
    """A complaint that was judged before, with its grade and the line that received it, by the lines of today.

    An order is not judged: nothing counts but the line that took it.
    """
    if kind in WORK_ORDERS:
        return Complaint("complaint", grade, received if received in lines.lines else lines.default_line)
    complaint, _ = interpret(lines, kind, details, "", GradeProposal(grade, ""))
    return replace(complaint, called=received) if received in lines.lines else complaint


def handled_by(rules: Rules, kind: str, details: Mapping[str, Value], now: datetime) -> tuple[str, str]:
    """The tier that would handle a case, and the roster of its line (none at management)."""
    if kind in WORK_ORDERS:
        name = receiving_line(rules.lines, details, "", [])
        return rules.lines.lines[name].tier, rules.lines.lines[name].roster
    route = assess(rules, kind, details, "", now).route
    return route.tier, rules.lines.lines[route.line].roster if route.line else ""


def receiving_line(lines: Lines, details: Mapping[str, Value], called: str, notes: list[str]) -> str:
    """The line that took it: named in the details, or by the number that was called."""
    return _resolve(lines.lines, details, "line", notes) or _by_number(lines, called) or lines.default_line


def _said(details: Mapping[str, Value]) -> Iterator[str]:
    return (value for name, value in details.items() if isinstance(value, str) and name not in CODED_DETAILS)


def _kind(kind: str, notes: list[str]) -> Kind:
    if kind in ("complaint", "bad_review", "call_wanted", "discipline", "fraud"):
        return cast("Kind", kind)
    notes.append(f"unknown kind “{kind}”")
    return "complaint"


def _resolve(names: Mapping[str, object], details: Mapping[str, Value], detail: str, notes: list[str]) -> str | None:
    value = details.get(detail)
    if value in (None, ""):
        return None
    if isinstance(value, str) and value in names:
        return value
    notes.append(f"unknown {detail} “{value}”")
    return None


def _by_number(lines: Lines, number: str) -> str | None:
    return next((name for name, line in lines.lines.items() if line.number == number), None)


def _about(lines: Lines, details: Mapping[str, Value], notes: list[str]) -> LineTier | None:
    """A line complained about is named by its id or its tier."""
    about = details.get("about")
    if about in ("hotline", "assistance", "supervision") and about not in lines.lines:
        return cast("LineTier", about)
    name = _resolve(lines.lines, details, "about", notes)
    return lines.lines[name].tier if name else None
