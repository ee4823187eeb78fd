"""Intake of complaints: the details collected on a call → kind, grade, route and deadlines. Pure.

Unknown values (an unknown branch, say) are treated as missing, so that no complaint is rejected because of them.
Must not know: how a case is stored.
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
"""The details that are ids, numbers or choices. All other text is treated as the caller's words, cues included."""


WORK_ORDERS = ("repair",)
"""The kinds of cases that are work orders (R2), not complaints."""


@dataclass(slots=True)
class Rules:
    """The rules for complaints. `lines` is replaced when the lines file is reloaded."""

    lines: Lines
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class CaseAssessment:
    """The initial assessment of a complaint. `why` names the rule, the reason and the values not understood."""

    complaint: Complaint
    grade: GradeProposal
    route: Route
    contact_due: datetime | None
    reply_due: datetime | None
    why: str


def confidential(kind: str) -> bool:
    """Return whether cases of this kind are visible to management only (R18)."""
    return kind == "fraud"


def reports_misconduct(answers: Mapping[str, Value], lines: Lines | None) -> bool:
    """Return whether answers report misconduct, by the kind chosen or the cues of `lines`, before a case is opened."""
    chosen = any(isinstance(value, str) and confidential(value) for value in answers.values())
    return chosen or (lines is not None and bool(grading.heard_cues(lines.cues, "misconduct", _said(answers))))


def assess(rules: Rules, kind: str, details: Mapping[str, Value], called: str, now: datetime) -> CaseAssessment:
    """Assess a complaint. `called` is the number called, which determines the line if `details` do not name one."""
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
    """Return the complaint in the terms of the rules, and notes on values not understood.

    Cues of misconduct turn it into a report of misconduct, regardless of the kind set by the flow (R18).
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
    """Return a complaint that was assessed before, with its grade and receiving line, by the current lines.

    For a work order only the receiving line matters.
    """
    if kind in WORK_ORDERS:
        return Complaint("complaint", grade, received if received in lines.lines else lines.default_line)
    complaint, _ = interpret(lines, kind, details, "", GradeProposal(grade, ""))
    return replace(complaint, called=received) if received in lines.lines else complaint


def handled_by(rules: Rules, kind: str, details: Mapping[str, Value], now: datetime) -> tuple[str, str]:
    """Return the tier that would handle a case and the roster of its line (empty for management)."""
    if kind in WORK_ORDERS:
        name = receiving_line(rules.lines, details, "", [])
        return rules.lines.lines[name].tier, rules.lines.lines[name].roster
    route = assess(rules, kind, details, "", now).route
    return route.tier, rules.lines.lines[route.line].roster if route.line else ""


def receiving_line(lines: Lines, details: Mapping[str, Value], called: str, notes: list[str]) -> str:
    """Return the line that received a complaint: named in the details, else by the number called, else the default."""
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
    """Return the tier of the line complained about, which the details name by tier or by line id."""
    about = details.get("about")
    if about in ("hotline", "assistance", "supervision") and about not in lines.lines:
        return cast("LineTier", about)
    name = _resolve(lines.lines, details, "about", notes)
    return lines.lines[name].tier if name else None
