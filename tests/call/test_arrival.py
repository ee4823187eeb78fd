"""The variables that every flow gets from the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from ivr.calendar import Calendar
from ivr.call.arrival import initial_variables
from ivr.events import Value
from ivr.flow.model import Callflows
from ivr.flow.parse import parse
from ivr.lifecycle import Direction
from ivr.resource_files import ROOT
from ivr.telephony.port import Call

ORDINARY = date(2026, 11, 24)


FLOWS = parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml").flows


def arriving(
    call: Call, calendar: Calendar | None = None, day: date = ORDINARY, flows: Callflows = FLOWS
) -> Mapping[str, Value]:
    return initial_variables(call, flows, calendar or Calendar(), day)


def call(direction: Direction = "inbound", **variables: Value) -> Call:
    return Call("1", "asterisk", direction, "13812345678", "4001", "hotline", "zh-CN", variables)


@pytest.mark.parametrize(("direction", "number"), [("inbound", "+8613812345678"), ("outbound", "4001")])
def test_the_number_at_the_other_end_is_known(direction: Direction, number: str) -> None:
    assert arriving(call(direction)) == {"caller": number, "waited_rings": 0}


def test_a_number_that_is_withheld_or_none_has_no_value() -> None:
    for caller in ("", "anonymous"):
        assert "caller" not in arriving(replace(call(), caller=caller))


def test_waiting_at_a_full_line_is_known() -> None:
    assert arriving(replace(call(), waited_rings=6))["waited_rings"] == 6


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
    assert arriving(call(), day=day)["festival"] == festival


def test_an_operators_holiday_is_greeted_too() -> None:
    calendar = Calendar({ORDINARY: "spring_festival"})
    assert arriving(call(), calendar)["festival"] == "spring_festival"


def test_the_calls_own_variables_take_precedence() -> None:
    assert arriving(call(caller="13912345678", greeted=True)) == {
        "caller": "+8613912345678",
        "waited_rings": 0,
        "greeted": True,
    }


def test_values_that_the_flow_no_longer_takes_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert arriving(call(vip="13912345678", greeted="maybe")) == {"caller": "+8613812345678", "waited_rings": 0}
    assert "call 1: these variables do not fit the flow and are left out: greeted, vip" in caplog.text
    assert "139" not in caplog.text


def test_flows_without_variables_get_none(caplog: pytest.LogCaptureFixture) -> None:
    assert arriving(call(), flows=FLOWS.model_copy(update={"variables": {}})) == {}
    assert caplog.text == ""
