"""Chinese working days: the notice for 2026 day by day, years without a notice, overrides, and working time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calendar import ZONE, Calendar, parse
from ivr.errors import FaultyFile

PLAIN = Calendar()
SHIPPED = parse((Path(__file__).parent.parent / "calendar.yaml").read_text(encoding="utf-8"), "calendar.yaml")


def days(first: str, last: str) -> list[date]:
    """All days from first to last."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def at(text: str) -> datetime:
    """A time in China."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


NOTICE_2026 = {
    "new_year": days("2026-01-01", "2026-01-03"),
    "spring_festival": days("2026-02-15", "2026-02-23"),
    None: days("2026-04-04", "2026-04-06") + days("2026-06-19", "2026-06-21"),
    "labour_day": days("2026-05-01", "2026-05-05"),
    "mid_autumn": days("2026-09-25", "2026-09-27"),
    "national_day": days("2026-10-01", "2026-10-07"),
}
"""The State Council's notice for 2026. Tomb-sweeping Day and the Dragon Boat Festival have no greeting."""

MAKE_UP_2026 = [
    date.fromisoformat(day)
    for day in ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10")
]


def test_the_year_2026_follows_its_notice() -> None:
    festivals = {day: name for name, off in NOTICE_2026.items() for day in off}
    for day in days("2026-01-01", "2026-12-31"):
        worked = day in MAKE_UP_2026 or (day.weekday() < 5 and day not in festivals)
        assert PLAIN.is_workday(day) == worked, day
        assert PLAIN.festival(day) == festivals.get(day), day


def test_two_festivals_in_one_week_are_told_apart() -> None:
    assert PLAIN.festival(date(2025, 10, 5)) == "national_day"
    assert PLAIN.festival(date(2025, 10, 6)) == "mid_autumn"


def test_a_year_without_a_notice_has_its_weekdays_as_workdays() -> None:
    assert PLAIN.has_notice(2026) and not PLAIN.has_notice(2027)
    assert PLAIN.is_workday(date(2027, 1, 1)) and not PLAIN.is_workday(date(2027, 1, 2))
    assert PLAIN.festival(date(2027, 10, 1)) is None


def test_a_missing_notice_is_reported_when_deadlines_reach_its_year() -> None:
    assert PLAIN.unknown_year(date(2026, 11, 1)) is None
    assert PLAIN.unknown_year(date(2026, 11, 24)) == PLAIN.unknown_year(date(2027, 3, 1)) == 2027


def test_the_shipped_overrides_contain_the_statutory_days_of_2027() -> None:
    assert [day.isoformat() for day in days("2027-01-01", "2027-12-31") if SHIPPED.festival(day) == "new_year"] == [
        "2027-01-01"
    ]
    assert SHIPPED.festival(date(2027, 2, 8)) == "spring_festival" and not SHIPPED.is_workday(date(2027, 2, 8))
    assert SHIPPED.festival(date(2027, 4, 5)) is None and not SHIPPED.is_workday(date(2027, 4, 5))


def test_an_override_takes_precedence_over_the_notice() -> None:
    calendar = parse(
        "days_off: {2026-11-24: other, 2026-12-24: new_year}\nworkdays: [2026-10-01, 2026-11-28]", "c.yaml"
    )
    assert not calendar.is_workday(date(2026, 11, 24)) and calendar.festival(date(2026, 11, 24)) is None
    assert calendar.festival(date(2026, 12, 24)) == "new_year"
    assert calendar.is_workday(date(2026, 10, 1)) and calendar.festival(date(2026, 10, 1)) is None
    assert calendar.is_workday(date(2026, 11, 28))


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("days_off: {2026-11-24: easter}", "c.yaml:1: days_off.2026-11-24: input should be"),
        ("days_off: {2026-13-24: other}", "c.yaml:1: days_off: “2026-13-24” cannot be read: month must be in 1..12"),
        ("days_of: {}", "c.yaml:1: days_of: unknown field"),
        (
            "days_off: {2026-11-24: other}\nworkdays: [2026-11-24]",
            "c.yaml: 2026-11-24 is both a day off and a workday; remove one entry",
        ),
        ("days_off: [", "c.yaml:1: expected"),
    ],
)
def test_a_faulty_override_is_named(source: str, fault: str) -> None:
    with pytest.raises(FaultyFile) as faulty:
        parse(source, "c.yaml")
    assert str(faulty.value).startswith(fault)


def test_an_empty_file_overrides_nothing() -> None:
    assert parse("# nothing yet\n", "c.yaml") == parse("", "c.yaml") == PLAIN


@pytest.mark.parametrize(
    ("received", "count", "due"),
    [
        ("2026-11-24T15:00", 4, "2026-11-30T15:00"),  # Tuesday → Monday, over one weekend
        ("2026-11-24T15:00", 0, "2026-11-24T15:00"),
        ("2026-11-28T15:00", 0, "2026-11-30T00:00"),  # Saturday counts from the start of Monday
        ("2026-11-28T15:00", 4, "2026-12-04T00:00"),
        ("2026-09-30T09:30", 1, "2026-10-08T09:30"),  # over National Day
        ("2026-10-08T09:30", 2, "2026-10-10T09:30"),  # Saturday, 10 October is a make-up workday
        ("2026-09-18T09:30", 1, "2026-09-20T09:30"),  # and so is Sunday, 20 September
        ("2026-02-13T17:00", 2, "2026-02-24T17:00"),  # the make-up Saturday before the Spring Festival, then after it
        ("2026-12-31T08:00", 4, "2027-01-07T08:00"),  # into a year without a notice, with an override for 1 January
    ],
)
def test_working_days_are_added_over_weekends_festivals_and_make_up_days(received: str, count: int, due: str) -> None:
    assert SHIPPED.add_working_days(at(received), count) == at(due)


def test_a_time_is_converted_to_chinese_time() -> None:
    late_on_friday_in_utc = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
    assert PLAIN.add_working_days(late_on_friday_in_utc, 1) == at("2026-12-01T00:00")


def test_a_time_without_a_zone_and_negative_days_are_refused() -> None:
    for moment, count in ((datetime(2026, 11, 24), 1), (at("2026-11-24"), -1)):  # noqa: DTZ001
        with pytest.raises(ValueError, match="zone"):
            PLAIN.add_working_days(moment, count)


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 1), timezones=st.just(ZONE))  # noqa: DTZ001


@given(MOMENTS, st.integers(0, 12))
def test_the_given_number_of_days_is_worked_in_between(moment: datetime, count: int) -> None:
    due = SHIPPED.add_working_days(moment, count)
    assert SHIPPED.is_workday(due.date())
    assert worked_time(moment, due) == timedelta(days=count)


def worked_time(begin: datetime, end: datetime) -> timedelta:
    """The time between two moments that falls on working days."""
    total = timedelta()
    for day in days(begin.date().isoformat(), end.date().isoformat()):
        if SHIPPED.is_workday(day):
            midnight = datetime.combine(day, datetime.min.time(), ZONE)
            total += max(timedelta(), min(end, midnight + timedelta(days=1)) - max(begin, midnight))
    return total


@given(MOMENTS, MOMENTS, st.integers(0, 12))
def test_a_later_complaint_is_never_due_earlier(one: datetime, other: datetime, count: int) -> None:
    first, second = sorted((one, other))
    assert SHIPPED.add_working_days(first, count) <= SHIPPED.add_working_days(second, count)
