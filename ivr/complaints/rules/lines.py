"""The parser of lines.yaml: text → consistent lines, departments and rules, or all faults, each with file and path.

Must not know: where the text comes from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ivr import document
from ivr.complaints.rules.model import MANAGEMENT, Lines, RuleCondition
from ivr.errors import Fault, FaultyFile

DESTINATIONS: Final = ("called", "branch", "business", "supervision", MANAGEMENT)
"""The targets of a rule besides departments."""

_Finding = tuple[str, str]


def parse(source: str, file: str) -> Lines:
    """Parse the text of a lines file.

    Raises:
        FaultyFile: invalid YAML, a schema violation, or inconsistent parts.
    """
    lines = document.parse(Lines, source, file)
    if faults := [Fault(file, path, reason) for path, reason in check(lines)]:
        raise FaultyFile(sorted(faults))
    return lines


def check(lines: Lines) -> Iterator[_Finding]:
    """Yield the path and the reason of every inconsistency."""
    yield from _names(lines)
    yield from _owners(lines)
    yield from _overflows(lines)
    yield from _responsibilities(lines)
    yield from _rules(lines)
    yield from _clocks(lines)


def _names(lines: Lines) -> Iterator[_Finding]:
    for kind, names in (("departments", lines.departments), ("branches", lines.branches)):
        for name in names:
            if name in DESTINATIONS:
                yield f"{kind}.{name}", "the name is reserved for rules; choose another one"
    for name in lines.departments.keys() & lines.branches.keys():
        yield f"branches.{name}", "a department has the same name"
    for name, branch in lines.branches.items():
        if branch.of is not None and (branch.of not in lines.branches or lines.branches[branch.of].of is not None):
            yield f"branches.{name}.of", f"“{branch.of}” is not a first-level branch"
    if lines.default_line not in lines.lines:
        yield "default_line", f"there is no line “{lines.default_line}”"
    if not any(line.tier == "supervision" for line in lines.lines.values()):
        yield "lines", "a line of the tier supervision is missing"


def _owners(lines: Lines) -> Iterator[_Finding]:
    usage = Counter(line.number for line in lines.lines.values())
    for name, line in lines.lines.items():
        path = f"lines.{name}"
        if (line.department is None) == (line.branch is None):
            yield path, "a line needs either a department or a branch as its owner, not both"
        if line.department is not None and line.department not in lines.departments:
            yield f"{path}.department", f"there is no department “{line.department}”"
        if line.branch is not None and line.branch not in lines.branches:
            yield f"{path}.branch", f"there is no branch “{line.branch}”"
        if usage[line.number] > 1:
            yield f"{path}.number", f"another line has the same number {line.number}"


def _overflows(lines: Lines) -> Iterator[_Finding]:
    for name, line in lines.lines.items():
        if line.hours is not None:
            if line.overflow is None:
                yield f"lines.{name}.overflow", "a line with hours needs an overflow line for the time outside them"
            if line.hours.opens >= line.hours.closes:
                yield f"lines.{name}.hours", "`opens` must be before `closes`, on the same day"
        if line.overflow is not None and line.overflow not in lines.lines:
            yield f"lines.{name}.overflow", f"there is no line “{line.overflow}”"
        elif _has_overflow_cycle(lines, name):
            yield f"lines.{name}.overflow", "the overflow lines form a cycle that leads back here"


def _has_overflow_cycle(lines: Lines, name: str) -> bool:
    overflow, seen = lines.lines[name].overflow, set[str]()
    while overflow in lines.lines and overflow not in seen:
        if overflow == name:
            return True
        seen.add(overflow)
        overflow = lines.lines[overflow].overflow
    return False


def _responsibilities(lines: Lines) -> Iterator[_Finding]:
    owners = {line.owner for line in lines.lines.values() if line.tier == "assistance"}
    for name, business in lines.businesses.items():
        if business.department not in lines.departments:
            yield f"businesses.{name}.department", f"there is no department “{business.department}”"
        elif business.department not in owners:
            yield f"businesses.{name}.department", f"“{business.department}” has no assistance line"
    for name, branch in lines.branches.items():
        if branch.of is None and name not in owners:
            yield f"branches.{name}", "a first-level branch needs an assistance line"


def _rules(lines: Lines) -> Iterator[_Finding]:
    owners = {line.owner for line in lines.lines.values()}
    for number, rule in enumerate(lines.rules):
        path = f"rules.{number}"
        if rule.to not in DESTINATIONS and rule.to not in lines.departments:
            yield f"{path}.to", f"“{rule.to}” is not a department, nor one of {', '.join(DESTINATIONS)}"
        elif rule.to in lines.departments and rule.to not in owners:
            yield f"{path}.to", f"“{rule.to}” has no line"
        if rule.to in ("branch", "business") and getattr(rule.when, rule.to) is not True:
            yield f"{path}.when", f"add `{rule.to}: true`; otherwise the rule may match a complaint without one"
    if not lines.rules or lines.rules[-1].when != RuleCondition():
        yield "rules", "the last rule must match every complaint: leave out its “when”"


def _clocks(lines: Lines) -> Iterator[_Finding]:
    clocks = lines.clocks
    for number, warn in enumerate(clocks.contact.warn):
        if warn >= clocks.contact.within:
            yield f"clocks.contact.warn.{number}", "the warning would be due before the complaint is opened"
    for number, warn in enumerate(clocks.reply.warn):
        if warn.total_seconds() >= clocks.reply.working_days * 86_400:
            yield f"clocks.reply.warn.{number}", "the warning would be due before the complaint is opened"
    if lines.calling.hours.opens >= lines.calling.hours.closes:
        yield "calling.hours", "`opens` must be before `closes`, on the same day"
