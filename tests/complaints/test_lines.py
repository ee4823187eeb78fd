"""Every possible fault of a lines file is reported by file, path and reason; the shipped file has none."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ivr.complaints.rules.lines import parse
from ivr.errors import FaultyFile
from ivr.resource_files import ROOT

FILE = "small.yaml"
GOOD = """
version: 1
organisation: 示例银行
departments: {card: {title: 卡部}, hr: {title: 人事部}}
branches: {north: {title: 北分行}, station: {title: 站支行, of: north}}
businesses: {card: {title: 银行卡, department: card}}
lines:
  hotline: {title: 热线, tier: hotline, number: "1", department: card, roster: a, overflow: chief}
  card: {title: 卡, tier: assistance, number: "2", department: card, roster: b}
  north:
    title: 北
    tier: assistance
    number: "3"
    branch: north
    roster: c
    hours: {days: working_days, opens: "08:00", closes: "17:00"}
    overflow: hotline
  chief: {title: 监督, tier: supervision, number: "4", department: hr, roster: d}
default_line: hotline
rules:
  - {article: R5, when: {branch: true}, to: branch}
  - {article: R5, when: {business: true}, to: business}
  - {article: R4, to: supervision}
clocks:
  contact: {within: 2 h, warn: [30 min]}
  reply: {working_days: 4, warn: [1 d]}
  verify: {after: 24 h}
calling: {hours: {opens: "09:00", closes: "20:00"}, again_after: [1 h, 4 h]}
cues: {media: [媒体]}
"""

FAULTS = {
    "a circle of lines": (
        'number: "4", department: hr, roster: d',
        'number: "4", department: hr, roster: d, overflow: hotline',
        "lines.hotline.overflow: the overflow lines form a cycle that leads back here",
    ),
    "an unknown overflow": ("overflow: chief", "overflow: boss", "lines.hotline.overflow: there is no line “boss”"),
    "hours without one who takes over": (
        "    overflow: hotline\n",
        "",
        "lines.north.overflow: a line with hours needs an overflow line for the time outside them",
    ),
    "hours turned round": (
        'opens: "08:00", closes: "17:00"',
        'opens: "17:00", closes: "08:00"',
        "lines.north.hours: `opens` must be before `closes`, on the same day",
    ),
    "a wrong time": ('closes: "17:00"', 'closes: "25:00"', "lines.north.hours.closes: input should be in a valid time"),
    "no owner": (
        "branch: north\n",
        "# nobody\n",
        "lines.north: a line needs either a department or a branch as its owner, not both",
    ),
    "two owners": (
        "branch: north\n",
        "branch: north\n    department: card\n",
        "lines.north: a line needs either a department or a branch as its owner, not both",
    ),
    "an unknown department": (
        'number: "2", department: card',
        'number: "2", department: cards',
        "lines.card.department: there is no department “cards”",
    ),
    "an unknown branch": ("branch: north\n", "branch: south\n", "lines.north.branch: there is no branch “south”"),
    "the same number twice": ('number: "2"', 'number: "1"', "lines.card.number: another line has the same number 1"),
    "a number that is none": ('number: "2"', 'number: "two"', "lines.card.number: string should match pattern"),
    "an unknown tier": ("tier: supervision", "tier: boss", "lines.chief.tier: input should be 'hotline'"),
    "no supervision": ("tier: supervision", "tier: assistance", "lines: a line of the tier supervision is missing"),
    "an unknown default line": ("default_line: hotline", "default_line: x", "default_line: there is no line “x”"),
    "a business of nobody": (
        "title: 银行卡, department: card",
        "title: 银行卡, department: cars",
        "businesses.card.department: there is no department “cars”",
    ),
    "a business without an assistance line": (
        "title: 银行卡, department: card",
        "title: 银行卡, department: hr",
        "businesses.card.department: “hr” has no assistance line",
    ),
    "a branch without an assistance line": (
        "of: north}}",
        "of: north}, south: {title: 南分行}}",
        "branches.south: a first-level branch needs an assistance line",
    ),
    "an outlet of an outlet": (
        "of: north}}",
        "of: north}, kiosk: {title: 亭, of: station}}",
        "branches.kiosk.of: “station” is not a first-level branch",
    ),
    "a name of two": (
        "branches: {north:",
        "branches: {hr: {title: 人, of: north}, north:",
        "branches.hr: a department has the same name",
    ),
    "a name with a meaning": (
        "hr: {title: 人事部}",
        "hr: {title: 人事部}, branch: {title: 分}",
        "departments.branch: the name is reserved for rules; choose another one",
    ),
    "a rule that leads nowhere": (
        "{article: R4, to: supervision}",
        "{article: R4, to: heaven}",
        "rules.2.to: “heaven” is not a department, nor one of called, branch, business, supervision",
    ),
    "a rule for a branch that may be unknown": (
        "when: {branch: true}, to: branch",
        "when: {grade: serious}, to: branch",
        "rules.0.when: add `branch: true`; otherwise the rule may match a complaint without one",
    ),
    "no rule for the rest": (
        "  - {article: R4, to: supervision}\n",
        "",
        "rules: the last rule must match every complaint: leave out its “when”",
    ),
    "a rule without its article": (
        "{article: R4, to",
        "{article: law, to",
        "rules.2.article: string should match pattern",
    ),
    "an unknown condition": ("{branch: true}", "{weather: bad}", "rules.0.when.weather: unknown field"),
    "a duration that is none": (
        "within: 2 h",
        "within: soon",
        "clocks.contact.within: “soon” is not a duration; write e.g. 30 min, 2 h or 4 d",
    ),
    "no time at all": ("within: 2 h", "within: 0 h", "clocks.contact.within: “0 h” is not a duration"),
    "a warning before the complaint": (
        "warn: [30 min]",
        "warn: [30 min, 2 h]",
        "clocks.contact.warn.1: the warning would be due before the complaint is opened",
    ),
    "a warning of the reply before it": (
        "warn: [1 d]",
        "warn: [4 d]",
        "clocks.reply.warn.0: the warning would be due before the complaint is opened",
    ),
    "calls at night": (
        'opens: "09:00", closes: "20:00"',
        'opens: "20:00", closes: "09:00"',
        "calling.hours: `opens` must be before `closes`, on the same day",
    ),
    "a cue for no concern": ("{media: [媒体]}", "{weather: [下雨]}", "cues.weather: input should be 'media'"),
    "something missing": ("organisation: 示例银行\n", "", "“organisation” is missing"),
    "no YAML": ("rules:\n", "rules: [\n", "expected"),
}


def faults(source: str) -> list[str]:
    with pytest.raises(FaultyFile) as faulty:
        parse(source, FILE)
    return [str(replace(fault, line=0)) for fault in faulty.value.faults]


def test_the_sample_and_the_shipped_file_have_no_faults() -> None:
    assert parse(GOOD, FILE).organisation == "示例银行"
    assert len(parse((ROOT / "lines.yaml").read_text(encoding="utf-8"), "lines.yaml").lines) == 10


@pytest.mark.parametrize("kind", FAULTS)
def test_a_faulty_file_is_refused_with_file_path_and_reason(kind: str) -> None:
    old, new, reason = FAULTS[kind]
    assert GOOD.count(old) == 1
    found = faults(GOOD.replace(old, new))
    assert any(fault.startswith(f"{FILE}: {reason}") for fault in found), found


def test_a_rule_to_a_department_without_a_line_is_refused() -> None:
    source = GOOD.replace("card: {title: 卡部}", "card: {title: 卡部}, law: {title: 法务部}")
    assert faults(source.replace("{article: R4, to: supervision}", "{article: R4, to: law}")) == [
        f"{FILE}: rules.2.to: “law” has no line"
    ]


def test_all_faults_are_reported_at_once() -> None:
    source = re.sub("overflow: chief", "overflow: boss", GOOD.replace("default_line: hotline", "default_line: x"))
    assert len(faults(source)) == 2
