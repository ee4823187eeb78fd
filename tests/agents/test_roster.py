"""Agents on duty: shifts over midnight, handovers, rotations, swaps, clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agents.roster import Agent, Roster, Rosters, Shift, Swap

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = Shift(time(8), time(20), ("zhang", "li"))
NIGHT = Shift(time(20), time(8), ("wang",))


def roster(*swaps: Swap, **shifts: Shift) -> Roster:
    return Roster(shifts or {"day": DAY, "night": NIGHT}, swaps)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "people"),
    [
        ("2026-11-24 07:49:59", {"wang"}),
        ("2026-11-24 07:50", {"wang", "zhang", "li"}),
        ("2026-11-24 08:00", {"zhang", "li"}),
        ("2026-11-24 19:49:59", {"zhang", "li"}),
        ("2026-11-24 19:50", {"zhang", "li", "wang"}),
        ("2026-11-24 20:00", {"wang"}),
        ("2026-11-25 00:00", {"wang"}),
        ("2026-11-25 03:00", {"wang"}),
    ],
)
def test_the_next_shift_arrives_ten_minutes_before_the_last_one_leaves(moment, people):
    assert roster().on_duty(at(moment), SHANGHAI) == people


def test_a_24_hour_shift_rotates_from_its_first_day():
    season = date(2026, 11, 15)
    teams = {
        name: Shift(time(8), time(8), (name,), first=season + timedelta(days=number), every=3)
        for number, name in enumerate(("a", "b", "c"))
    }
    found = [roster(**teams).on_duty(at(f"2026-11-{day} 07:00"), SHANGHAI) for day in range(16, 22)]
    assert found == [{"a"}, {"b"}, {"c"}, {"a"}, {"b"}, {"c"}]
    assert roster(**teams).on_duty(at("2026-11-15 07:49"), SHANGHAI) == frozenset()
    assert roster(**teams).on_duty(at("2026-11-15 07:50"), SHANGHAI) == {"a"}


def test_a_shift_from_midnight_is_staffed_ten_minutes_before():
    both = roster(
        weekdays=Shift(time(0), time(0), ("a",), days=frozenset(range(1, 6))),
        weekend=Shift(time(0), time(0), ("b",), days=frozenset((6, 7))),
    )
    assert both.on_duty(at("2026-11-27 23:49"), SHANGHAI) == {"a"}
    assert both.on_duty(at("2026-11-27 23:50"), SHANGHAI) == {"a", "b"}
    assert both.on_duty(at("2026-11-28 00:00"), SHANGHAI) == {"b"}


def test_a_season_ends_with_the_shift_that_begins_on_its_last_day():
    night = roster(night=Shift(time(20), time(8), ("wang",), last=date(2027, 3, 15)))
    assert night.on_duty(at("2027-03-16 07:00"), SHANGHAI) == {"wang"}
    assert night.on_duty(at("2027-03-16 21:00"), SHANGHAI) == frozenset()


def test_a_swap_covers_exactly_one_shift():
    swapped = roster(Swap(date(2026, 11, 24), "night", "wang", "li", "chen"))
    assert swapped.on_duty(at("2026-11-24 19:55"), SHANGHAI) == {"zhang", "li"}
    assert swapped.on_duty(at("2026-11-25 03:00"), SHANGHAI) == {"li"}
    assert swapped.on_duty(at("2026-11-26 03:00"), SHANGHAI) == {"wang"}


def test_the_same_moment_is_another_shift_in_another_time_zone():
    moment = at("2026-11-24 09:00")
    assert roster().on_duty(moment, SHANGHAI) == {"zhang", "li"}
    assert roster().on_duty(moment, ZoneInfo("America/New_York")) == {"wang"}


def test_a_language_beside_the_main_one_is_a_skill():
    rosters = Rosters(
        SHANGHAI,
        "zh-CN",
        {
            "zhang": Agent("zhang", "张伟", "1001"),
            "li": Agent("li", "李娜", "1002"),
            "wang": Agent("wang", "王", "1003"),
        },
        {"hotline": roster(), "orders": Roster({"day": DAY}, needs=frozenset({"heating"}))},
    )
    assert rosters.needs("hotline", "zh-CN") == frozenset()
    assert rosters.needs("orders", "en-US") == {"heating", "en-US"}
    assert [agent.id for agent in rosters.on_duty("hotline", at("2026-11-24 12:00"))] == ["li", "zhang"]
    assert rosters.lines_of("li", at("2026-11-24 12:00")) == ("hotline", "orders")
    assert rosters.lines_of("wang", at("2026-11-24 12:00")) == ()


@given(
    moment=st.integers(1_577_836_800, 2_051_222_400).map(lambda since: datetime.fromtimestamp(since, UTC)),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]).map(ZoneInfo),
    changes=st.lists(st.times(), min_size=1, max_size=5, unique=True).map(sorted),
    handover=st.timedeltas(timedelta(0), timedelta(hours=1)),
)
def test_consecutive_shifts_leave_no_moment_unstaffed(moment, zone, changes, handover):
    ends = [*changes[1:], changes[0]]
    shifts = {f"s{n}": Shift(*span, (f"a{n}",)) for n, span in enumerate(zip(changes, ends, strict=True))}
    assert Roster(shifts, handover=handover).on_duty(moment, zone)


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    start=st.times(),
    end=st.times(),
    minutes=st.integers(0, 60),
)
def test_a_shift_is_staffed_from_its_handover_to_its_end_only(day, start, end, minutes):
    shift = Shift(start, end, ("a",), first=day, last=day)
    staffed = Roster({"s": shift}, handover=timedelta(minutes=minutes))
    begins, ends = shift.span(day, SHANGHAI)
    instant, come = timedelta(microseconds=1), begins - timedelta(minutes=minutes)
    assert staffed.on_duty(come, SHANGHAI) == staffed.on_duty(ends - instant, SHANGHAI) == {"a"}
    assert staffed.on_duty(come - instant, SHANGHAI) == staffed.on_duty(ends, SHANGHAI) == frozenset()
