"""rosters.yaml: its contents and its faults."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ivr.agents.rosters_file import parse
from ivr.errors import FaultyFile

GOOD = """
version: 1
agents:
  zhang: {name: 张伟, phone: "1001"}
  li: {name: 李娜, phone: "1002"}
lines:
  hotline:
    supervisors: [zhang]
    shifts:
      day: {starts: "08:00", ends: "20:00", agents: [li], days: [mon, tue]}
    swaps:
      - {day: 2026-11-24, shift: day, leaves: li, takes: zhang, approved_by: zhang}
"""


def faults(source: str, phones: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
    with pytest.raises(FaultyFile) as caught:
        parse(source, "rosters.yaml", phones)
    assert {fault.file for fault in caught.value.faults} == {"rosters.yaml"}
    return [(fault.path, fault.reason) for fault in caught.value.faults]


def test_days_and_swaps_are_read():
    rosters = parse(GOOD, "rosters.yaml")
    noon = [datetime(2026, 11, day, 4, tzinfo=UTC) for day in (23, 24, 25)]
    assert [[agent.id for agent in rosters.on_duty("hotline", at)] for at in noon] == [["li"], ["zhang"], []]


@pytest.mark.parametrize(
    ("old", "new", "path", "reason"),
    [
        (", approved_by: zhang", "", "lines.hotline.swaps.0", "“approved_by” is missing"),
        (
            "approved_by: zhang",
            "approved_by: li",
            "lines.hotline.swaps.0.approved_by",
            "“li” is not a supervisor of this line, so they cannot approve a swap",
        ),
        ("takes: zhang", "takes: wang", "lines.hotline.swaps.0.takes", "there is no agent “wang”"),
        ("leaves: li", "leaves: zhang", "lines.hotline.swaps.0.leaves", "“zhang” does not work the shift “day”"),
        ("shift: day", "shift: night", "lines.hotline.swaps.0.shift", "there is no shift “night”"),
        ("2026-11-24", "2026-11-25", "lines.hotline.swaps.0.day", "the shift “day” does not begin on 2026-11-25"),
        ("agents: [li]", "agents: [wang]", "lines.hotline.shifts.day.agents", "there is no agent “wang”"),
        ("supervisors: [zhang]", "supervisors: [wang]", "lines.hotline.supervisors", "there is no agent “wang”"),
        ('phone: "1002"', 'phone: "1001"', "agents.li.phone", "1001 is zhang's phone"),
        ("version: 1", "version: 1\ntimezone: Mars/Base", "timezone", "there is no time zone “Mars/Base”"),
        ('ends: "20:00", ', 'every: 2, ends: "20:00", ', "lines.hotline.shifts.day",
         "`every: 2` counts days from `first`, which is missing"),
        ("version: 1", "version: 1\ncolor: red", "color", "unknown field"),
    ],
)  # fmt: skip
def test_a_fault_says_where_and_why(old, new, path, reason):
    assert old in GOOD
    assert (path, reason) in faults(GOOD.replace(old, new))


def test_an_agent_needs_a_phone_of_the_site():
    assert faults(GOOD, ("1001",)) == [("agents.li.phone", "1002 is not a phone of the site")]
