"""The variables that every flow gets from the call."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ivr.calendar import Calendar
from ivr.call.arrival import initial_variables
from ivr.events import Value
from ivr.lifecycle import Direction
from ivr.telephony.port import Call

ORDINARY = date(2026, 11, 24)


def call(direction: Direction = "inbound", **variables: Value) -> Call:
    return Call("1", "asterisk", direction, "13812345678", "4001", "hotline", "zh-CN", variables)


@pytest.mark.parametrize(("direction", "number"), [("inbound", "13812345678"), ("outbound", "4001")])
def test_the_number_at_the_other_end_is_known(direction: Direction, number: str) -> None:
    assert initial_variables(call(direction), Calendar(), ORDINARY) == {
        "caller": number,
        "festival": "",
        "waited_rings": 0,
    }


def test_waiting_at_a_full_line_is_known() -> None:
    assert initial_variables(replace(call(), waited_rings=6), Calendar(), ORDINARY)["waited_rings"] == 6


@pytest.mark.parametrize(
    ("day", "festival"),
    [
        (date(2026, 1, 1), "new_year"),
        (date(2026, 2, 17), "spring_festival"),
        (date(2026, 5, 1), "labour_day"),
        (date(2026, 9, 25), "mid_autumn"),
        (date(2026, 10, 1), "national_day"),
    ],
)
def test_a_festival_is_known(day: date, festival: str) -> None:
    assert initial_variables(call(), Calendar(), day)["festival"] == festival


def test_an_operators_holiday_is_greeted_too() -> None:
    calendar = Calendar({ORDINARY: "spring_festival"})
    assert initial_variables(call(), calendar, ORDINARY)["festival"] == "spring_festival"


def test_the_calls_own_variables_take_precedence() -> None:
    assert initial_variables(call(caller="13912345678", vip=True), Calendar(), ORDINARY) == {
        "caller": "13912345678",
        "festival": "",
        "waited_rings": 0,
        "vip": True,
    }
