"""Routing at the bank of lines.yaml: a table in which each row names its article."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calendar import ZONE
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.model import TIERS, Grade, Kind, LineTier, Tier
from ivr.complaints.rules.routing import Complaint, Route, next_tier_up, route

WHEN = {
    "workday": "2026-11-24T10:00",
    "evening": "2026-11-24T18:00",
    "night": "2026-11-24T23:30",
    "saturday": "2026-11-28T10:00",
    "make-up": "2026-10-10T10:00",  # a Saturday that is worked, after National Day
    "holiday": "2026-10-01T10:00",  # a Thursday that is not
}

ROUTES = """
article called       kind        about       business branch         grade   when     → line          owner

# An outlet's or a branch's complaints: the branch's assistance line, whichever line took them (R5)
R5      hotline      complaint   -           -        shenyang       general workday  → aid_shenyang   shenyang
R5      hotline      complaint   -           -        dalian         general workday  → aid_dalian     dalian
R5      hotline      complaint   -           -        anshan         general workday  → aid_anshan     anshan
R5      hotline      complaint   -           -        shenyang_north general workday  → aid_shenyang   shenyang_north
R5      hotline      complaint   -           -        dalian_harbour general workday  → aid_dalian     dalian_harbour
R5      aid_shenyang complaint   -           -        shenyang       general workday  → aid_shenyang   shenyang
R5      aid_shenyang complaint   -           -        shenyang_north general night    → aid_shenyang   shenyang_north
R5      aid_shenyang complaint   -           -        dalian         general workday  → aid_dalian     dalian
R5      aid_card     complaint   -           -        dalian         general workday  → aid_dalian     dalian
R5      supervision  complaint   -           -        shenyang       general workday  → aid_shenyang   shenyang
R5      supervision  complaint   -           -        dalian_harbour general holiday  → aid_dalian     dalian_harbour
R5      hotline      complaint   -           card     shenyang       general workday  → aid_shenyang   shenyang
R5      hotline      complaint   -           loan     dalian         general workday  → aid_dalian     dalian
R5      aid_card     complaint   -           card     anshan         general evening  → aid_anshan     anshan
R5      hotline      bad_review  -           -        shenyang       general workday  → aid_shenyang   shenyang

# A product of the head office: its department (R5)
R5      hotline      complaint   -           card     -              general workday  → aid_card       card
R5      hotline      complaint   -           ebank    -              general workday  → aid_ebank      ebank
R5      hotline      complaint   -           savings  -              general workday  → aid_retail     retail
R5      hotline      complaint   -           wealth   -              general workday  → aid_retail     retail
R5      hotline      complaint   -           loan     -              general workday  → aid_credit     credit
R5      hotline      complaint   -           ebank    -              general night    → aid_ebank      ebank
R5      hotline      complaint   -           wealth   -              general saturday → aid_retail     retail
R5      hotline      complaint   -           card     -              general holiday  → aid_card       card
R5      aid_shenyang complaint   -           card     -              general workday  → aid_card       card
R5      aid_ebank    complaint   -           card     -              general workday  → aid_card       card
R5      aid_card     complaint   -           loan     -              general workday  → aid_credit     credit
R5      supervision  complaint   -           savings  -              general workday  → aid_retail     retail
R5      hotline      bad_review  -           card     -              general workday  → aid_card       card

# A line that is closed now: the one that takes over; the complaint stays its owner's (R4, R5)
R5      hotline      complaint   -           loan     -              general evening  → hotline        credit
R5      hotline      complaint   -           loan     -              general night    → hotline        credit
R5      hotline      complaint   -           loan     -              general saturday → hotline        credit
R5      hotline      complaint   -           loan     -              general holiday  → hotline        credit
R5      hotline      complaint   -           loan     -              general make-up  → aid_credit     credit
R5      aid_dalian   complaint   -           loan     -              general night    → hotline        credit
R5      hotline      complaint   -           -        anshan         general evening  → aid_anshan     anshan
R5      hotline      complaint   -           -        anshan         general night    → hotline        anshan
R5      hotline      complaint   -           -        anshan         general saturday → aid_anshan     anshan
R5      aid_card     complaint   -           -        anshan         general night    → hotline        anshan

# Serious ones go up at once (R9)
R9      hotline      complaint   -           -        -              serious workday  → supervision    hr
R9      hotline      complaint   -           -        shenyang       serious workday  → supervision    hr
R9      hotline      complaint   -           card     -              serious workday  → supervision    hr
R9      hotline      complaint   -           loan     -              serious night    → supervision    hr
R9      aid_shenyang complaint   -           -        shenyang       serious workday  → supervision    hr
R9      aid_card     complaint   -           card     -              serious saturday → supervision    hr
R9      supervision  complaint   -           ebank    -              serious holiday  → supervision    hr
R9      hotline      bad_review  -           -        -              serious workday  → supervision    hr
R9      hotline      call_wanted -           -        -              serious workday  → supervision    hr

# About a line itself: never to that line (R4)
R4      hotline      complaint   assistance  -        -              general workday  → supervision    hr
R4      hotline      complaint   assistance  -        shenyang       general workday  → supervision    hr
R4      aid_shenyang complaint   assistance  -        shenyang       general workday  → supervision    hr
R4      aid_card     complaint   assistance  card     -              serious night    → supervision    hr
R4      supervision  complaint   assistance  -        -              general workday  → supervision    hr
R4      hotline      complaint   hotline     -        -              general workday  → supervision    hr
R4      hotline      complaint   supervision -        -              general workday  → -              management
R4      supervision  complaint   supervision card     -              serious night    → -              management

# Nothing is known of it (R4): an assistance line keeps it, the others pass it to supervision
R4      hotline      complaint   -           -        -              general workday  → supervision    hr
R4      hotline      complaint   -           -        -              general night    → supervision    hr
R4      supervision  complaint   -           -        -              general workday  → supervision    hr
R4      aid_shenyang complaint   -           -        -              general workday  → aid_shenyang   shenyang
R4      aid_dalian   complaint   -           -        -              general saturday → aid_dalian     dalian
R4      aid_card     complaint   -           -        -              general night    → aid_card       card
R4      aid_credit   complaint   -           -        -              general workday  → aid_credit     credit
R4      aid_credit   complaint   -           -        -              general night    → hotline        credit

# A call back that was promised, and a bad review, stay where they came in (R6, R11)
R6      hotline      call_wanted -           -        -              general workday  → hotline        card
R6      hotline      call_wanted -           card     shenyang       general night    → hotline        card
R6      aid_dalian   call_wanted -           -        -              general workday  → aid_dalian     dalian
R11     hotline      bad_review  -           -        -              general workday  → hotline        card
R11     aid_shenyang bad_review  -           -        -              general saturday → aid_shenyang   shenyang

# Discipline: its office, however serious (R5)
R5      hotline      discipline  -           -        -              general workday  → aid_discipline discipline
R5      hotline      discipline  -           card     shenyang       serious night    → aid_discipline discipline
R5      aid_shenyang discipline  assistance  -        shenyang       general workday  → aid_discipline discipline
R5      supervision  discipline  supervision -        -              serious holiday  → aid_discipline discipline

# Fraud and misconduct: management alone (R18)
R18     hotline      fraud       -           -        -              general workday  → -              management
R18     hotline      fraud       -           card     shenyang       serious night    → -              management
R18     aid_shenyang fraud       assistance  -        shenyang       general holiday  → -              management
R18     supervision  fraud       supervision -        -              serious workday  → -              management
"""

ABOVE = """
article tier        called       business branch         → tier        line          owner

R10     hotline     hotline      -        -              → assistance  aid_card      card
R10     hotline     hotline      ebank    -              → assistance  aid_ebank     ebank
R10     hotline     hotline      loan     anshan         → assistance  aid_anshan    anshan
R10     hotline     hotline      -        shenyang_north → assistance  aid_shenyang  shenyang_north
R10     hotline     supervision  -        -              → supervision supervision   hr
R10     assistance  hotline      card     -              → supervision supervision   hr
R10     assistance  aid_shenyang -        shenyang       → supervision supervision   hr
R10     supervision hotline      card     shenyang       → management  -             management
"""


def rows(table: str) -> list[tuple[str | None, ...]]:
    """The rows of a table without its heading, comments and arrows; `-` is None."""
    lines = [line.split() for line in table.splitlines()[2:] if line and not line.startswith("#")]
    return [tuple(None if cell == "-" else cell for cell in line if cell != "→") for line in lines]


def tier_of(rules: Rules, line: str | None) -> Tier:
    return rules.lines.lines[line].tier if line else "management"


@pytest.mark.parametrize("row", rows(ROUTES), ids=lambda row: " ".join(cell or "-" for cell in row))
def test_a_complaint_is_routed_by_its_article(rules: Rules, row: tuple[Any, ...]) -> None:
    article, called, kind, about, business, branch, grade, when, line, owner = row
    complaint = Complaint(kind, grade, called, business, branch, about)
    now = datetime.fromisoformat(WHEN[when]).replace(tzinfo=ZONE)
    expected = Route(tier_of(rules, line), line, owner, article, confidential=kind == "fraud")
    assert route(rules.lines, rules.calendar, complaint, now) == expected


def test_the_table_is_complete_and_uses_every_rule(rules: Rules) -> None:
    table = rows(ROUTES)
    assert len(set(table)) == len(table) >= 60
    assert {row[0] for row in table} == {"R18"} | {rule.article for rule in rules.lines.rules}


@pytest.mark.parametrize("row", rows(ABOVE), ids=lambda row: " ".join(cell or "-" for cell in row))
def test_an_escalation_goes_one_tier_up(rules: Rules, row: tuple[Any, ...]) -> None:
    article, tier, called, business, branch, higher, line, owner = row
    complaint = Complaint("complaint", "general", called, business, branch)
    assert next_tier_up(rules.lines, complaint, tier) == Route(higher, line, owner, article)


def test_nobody_is_above_management(rules: Rules) -> None:
    assert next_tier_up(rules.lines, Complaint("complaint", "general", "hotline"), "management") is None


KINDS: tuple[Kind, ...] = ("complaint", "bad_review", "call_wanted", "discipline", "fraud")
GRADES: tuple[Grade, ...] = ("general", "serious")
ABOUT: tuple[LineTier | None, ...] = (None, "hotline", "assistance", "supervision")


@given(data=st.data())
def test_every_complaint_has_a_route_and_each_escalation_goes_higher(rules: Rules, data: st.DataObject) -> None:
    complaint = Complaint(
        data.draw(st.sampled_from(KINDS)),
        data.draw(st.sampled_from(GRADES)),
        data.draw(st.sampled_from(sorted(rules.lines.lines))),
        data.draw(st.sampled_from([None, *sorted(rules.lines.businesses)])),
        data.draw(st.sampled_from([None, *sorted(rules.lines.branches)])),
        data.draw(st.sampled_from(ABOUT)),
    )
    now = data.draw(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(ZONE)))  # noqa: DTZ001
    chosen = route(rules.lines, rules.calendar, complaint, now)
    assert chosen.confidential == (complaint.kind == "fraud")
    tiers = [chosen.tier]
    while higher := next_tier_up(rules.lines, complaint, tiers[-1]):
        tiers.append(higher.tier)
    assert tiers[-1] == "management"
    assert tiers == sorted(set(tiers), key=TIERS.index)
