"""Routing of complaints (R4, R5, R18): the first rule that matches applies; each rule names its article. Pure.

Must not know: how a complaint is stored, who is on duty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ivr.calendar import Calendar
from ivr.complaints.rules.model import MANAGEMENT, Grade, Kind, Lines, LineTier, RoutingRule, Tier


@dataclass(frozen=True, slots=True)
class Complaint:
    """The properties of a complaint that rules match on.

    `called` is the line that received it, `about` the tier of the line complained about. Ids are those of lines.yaml;
    `business` and `branch` are None if not known.
    """

    kind: Kind
    grade: Grade
    called: str
    business: str | None = None
    branch: str | None = None
    about: LineTier | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """The handler of a complaint: tier, line (None for management), owner; `article` names the source of the rule.

    A `confidential` complaint is visible to management only.
    """

    tier: Tier
    line: str | None
    owner: str
    article: str
    confidential: bool = False


def route(lines: Lines, calendar: Calendar, complaint: Complaint, now: datetime) -> Route:
    """Return the route of a complaint at `now`. Reports of fraud and misconduct always go to management (R18)."""
    if complaint.kind == "fraud":
        return Route(MANAGEMENT, None, MANAGEMENT, "R18", confidential=True)
    rule = next(rule for rule in lines.rules if _matches(lines, rule, complaint))
    if rule.to == MANAGEMENT:
        return Route(MANAGEMENT, None, MANAGEMENT, rule.article)
    line, owner = _destination(lines, rule, complaint)
    return _open_route(lines, calendar, line, owner, rule.article, now)


def next_tier_up(lines: Lines, complaint: Complaint, tier: Tier) -> Route | None:
    """Return the route to the next tier, for a case that a tier cannot settle (R10), at any hour; None for management.

    From the hotline it leads to the assistance line of the branch or department concerned; without one, to supervision.
    """
    if tier == MANAGEMENT:
        return None
    if tier == "supervision":
        return Route(MANAGEMENT, None, MANAGEMENT, "R10")
    line = (tier == "hotline" and _assistance(lines, complaint)) or supervision(lines)
    owner = complaint.branch if lines.lines[line].tier == "assistance" else None
    return Route(lines.lines[line].tier, line, owner or lines.lines[line].owner, "R10")


def supervision(lines: Lines) -> str:
    """Return the supervision line, which every complaint is reported to."""
    return next(name for name, line in lines.lines.items() if line.tier == "supervision")


def _matches(lines: Lines, rule: RoutingRule, complaint: Complaint) -> bool:
    when = rule.when
    return (
        (not when.kind or complaint.kind in when.kind)
        and when.grade in (None, complaint.grade)
        and (not when.called or lines.lines[complaint.called].tier in when.called)
        and (not when.about or complaint.about in when.about)
        and when.branch in (None, complaint.branch is not None)
        and when.business in (None, complaint.business is not None)
    )


def _destination(lines: Lines, rule: RoutingRule, complaint: Complaint) -> tuple[str, str]:
    """Return the line and the owner: an outlet handles its own complaints, on its branch's line (R5)."""
    match rule.to:
        case "called":
            line = complaint.called
        case "supervision":
            line = supervision(lines)
        case "branch" if complaint.branch is not None:
            return _branch_line(lines, complaint.branch), complaint.branch
        case "business" if complaint.business is not None:
            line = _line_of(lines, lines.businesses[complaint.business].department)
        case department:
            line = _line_of(lines, department)
    return line, lines.lines[line].owner


def _assistance(lines: Lines, complaint: Complaint) -> str | None:
    """Return the assistance line of the branch, else of the department, else of the receiver; None if there is none."""
    if complaint.branch is not None:
        return _branch_line(lines, complaint.branch)
    if complaint.business is not None:
        return _line_of(lines, lines.businesses[complaint.business].department)
    owner = lines.lines[complaint.called].owner
    owned = (name for name, line in lines.lines.items() if line.owner == owner and line.tier == "assistance")
    return next(owned, None)


def _branch_line(lines: Lines, branch: str) -> str:
    return _line_of(lines, lines.branches[branch].of or branch)


def _line_of(lines: Lines, owner: str) -> str:
    """Return the owner's assistance line, else another line of the owner."""
    owned = [name for name, line in lines.lines.items() if line.owner == owner]
    return min(owned, key=lambda name: lines.lines[name].tier != "assistance")


def _open_route(lines: Lines, calendar: Calendar, line: str, owner: str, article: str, now: datetime) -> Route:
    """Return the route to a line, or to its overflow line while it is closed (R4: a line is open at any hour)."""
    while (
        (hours := lines.lines[line].hours)
        and not hours.contains(calendar, now)
        and (overflow := lines.lines[line].overflow)
    ):
        line = overflow
    return Route(lines.lines[line].tier, line, owner, article)
