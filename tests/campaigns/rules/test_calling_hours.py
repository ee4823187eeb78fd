"""Calling hours: any mix of windows, breaks, zones and holidays, and never a call outside them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ivr.calendar import ZONE, Calendar
from ivr.campaigns.rules.calling_hours import (
    CEILING,
    WEEKDAYS,
    AllowedHours,
    CallingHours,
    TimeWindow,
    parse_window,
)
from tests.campaigns.rules.strategies import CALENDARS, HOURS, MOMENTS, NARROWINGS, ZONES

CALENDAR = Calendar()
DEFAULT = AllowedHours(CallingHours(), CALENDAR)
MINUTE = timedelta(minutes=1)


def at(written: str, zone: ZoneInfo = ZONE) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        ("2026-11-24T08:59", False),
        ("2026-11-24T09:00", True),
        ("2026-11-24T11:59", True),
        ("2026-11-24T12:00", False),
        ("2026-11-24T13:59", False),
        ("2026-11-24T14:00", True),
        ("2026-11-24T19:59", True),
        ("2026-11-24T20:00", False),
        ("2026-11-28T10:00", False),  # a Saturday
        ("2026-10-10T10:00", True),  # a Saturday that makes up for a holiday
        ("2026-10-01T10:00", False),  # National Day
        ("2027-03-02T10:00", False),  # a Tuesday of a year whose holidays are not known yet
    ],
)
def test_the_default_is_working_days_with_a_break_at_noon(moment: str, allowed: bool) -> None:
    assert DEFAULT.contains(at(moment)) is allowed


def test_a_workday_of_the_overrides_is_one_in_a_year_without_notice() -> None:
    hours = AllowedHours(CallingHours(), Calendar(workdays=frozenset({date(2027, 3, 2)})))
    assert hours.contains(at("2027-03-02T10:00")) and not hours.contains(at("2027-03-03T10:00"))


def test_a_project_may_call_on_holidays_and_weekends_if_it_says_so() -> None:
    plan = CallingHours.model_validate({"holidays": ["10:00-11:00"], "sat": ["15:00-16:00"], "mon": []})
    hours = AllowedHours(plan, CALENDAR)
    assert hours.contains(at("2026-10-01T10:30")) and not hours.contains(at("2026-10-01T15:30"))
    assert hours.contains(at("2026-11-28T15:30")) and not hours.contains(at("2026-11-23T10:30"))
    assert hours.contains(at("2026-10-10T15:30")) and not hours.contains(at("2026-10-10T10:30"))


def test_hours_are_those_of_the_contacts_time_zone() -> None:
    berlin = AllowedHours(CallingHours(), CALENDAR, ZoneInfo("Europe/Berlin"))
    assert not berlin.contains(at("2026-11-24T15:59")) and berlin.contains(at("2026-11-24T16:00"))


def test_a_contact_narrows_the_hours() -> None:
    evenings = AllowedHours(CallingHours(), CALENDAR, only=(parse_window("18:00-22:00"),))
    assert evenings.next_within(at("2026-11-24T10:00")) == at("2026-11-24T18:00")
    assert evenings.next_within(at("2026-11-27T20:00")) == at("2026-11-30T18:00")


def test_hours_that_exclude_each_other_allow_nothing() -> None:
    noon = AllowedHours(CallingHours(), CALENDAR, only=(parse_window("12:00-14:00"),))
    assert noon.next_within(at("2026-11-24T10:00")) is None


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("12:00-09:00", "must end after it begins"),
        ("09:00-09:00", "must end after it begins"),
        ("22:00-02:00", "must end after it begins"),
        ("07:30-12:00", "exceeds 08:00-22:00"),
        ("14:00-22:30", "exceeds 08:00-22:00"),
        ("9-12", "is not a window"),
        ("09:00-24:00", "is not a window"),
        ("09:60-12:00", "is not a window"),
        ("", "is not a window"),
        (None, "is not a window"),
        (540, "is not a window"),
    ],
)
def test_an_invalid_window_is_refused(written: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_window(written)
    with pytest.raises(ValidationError):
        CallingHours.model_validate({"working_days": [written]})


def test_hours_without_any_window_are_refused() -> None:
    with pytest.raises(ValidationError, match="nobody can be called"):
        CallingHours.model_validate({"working_days": [], "holidays": []})


@pytest.mark.parametrize("written", ["9:00-12:00", "09:00 – 12:00", "09：00～12：00", "09:00至12:00"])
def test_a_window_is_read_in_every_usual_spelling(written: str) -> None:
    assert parse_window(written) == TimeWindow(time(9), time(12))
    assert parse_window(str(parse_window(written))) == parse_window(written)


@pytest.mark.parametrize(
    ("wish", "now", "call"),
    [
        ("2026-11-24T15:00", "2026-11-24T10:00", "2026-11-24T15:00"),
        ("2026-11-24T12:20", "2026-11-24T10:00", "2026-11-24T11:45"),  # before the break
        ("2026-11-24T12:20", "2026-11-24T11:50", "2026-11-24T11:50"),  # before the break, without waiting
        ("2026-11-24T13:30", "2026-11-24T10:00", "2026-11-24T14:00"),  # after the break
        ("2026-11-24T21:30", "2026-11-24T10:00", "2026-11-24T19:45"),  # in the evening, not next morning
        ("2026-11-24T06:00", "2026-11-23T10:00", "2026-11-24T09:00"),
        ("2026-11-24T12:20", "2026-11-24T12:05", "2026-11-24T14:00"),  # the earlier time has passed
        ("2026-11-24T15:00", "2026-11-24T15:07", "2026-11-24T15:07"),  # late
        ("2026-11-24T15:00", "2026-11-24T20:07", "2026-11-25T09:00"),
        ("2026-11-28T15:00", "2026-11-24T15:07", "2026-11-27T19:45"),  # Saturday → Friday evening
    ],
)
def test_a_wish_is_kept_or_the_nearest_allowed_time_is(wish: str, now: str, call: str) -> None:
    assert DEFAULT.nearest(at(wish), at(now)) == at(call)


@given(hours=HOURS, calendar=CALENDARS, zone=ZONES, only=NARROWINGS, moment=MOMENTS)
def test_the_next_allowed_time_is_allowed_and_the_first_one(
    hours: CallingHours, calendar: Calendar, zone: ZoneInfo, only: tuple[TimeWindow, ...] | None, moment: datetime
) -> None:
    allowed = AllowedHours(hours, calendar, zone, only)
    found = allowed.next_within(moment)
    if found is None:
        assert not allowed.contains(moment)
        return
    assert found >= moment and allowed.contains(found)
    assert (found == moment) == allowed.contains(moment)
    before = found.astimezone(UTC) - MINUTE
    assert found == moment or before < moment.astimezone(UTC) or not allowed.contains(before)


@given(hours=HOURS, calendar=CALENDARS, zone=ZONES, only=NARROWINGS, moment=MOMENTS)
def test_nothing_widens_the_hours(
    hours: CallingHours, calendar: Calendar, zone: ZoneInfo, only: tuple[TimeWindow, ...] | None, moment: datetime
) -> None:
    if AllowedHours(hours, calendar, zone, only).contains(moment):
        here = moment.astimezone(zone)
        assert CEILING.opens <= here.time() < CEILING.closes
        assert AllowedHours(hours, calendar, zone).contains(moment)
        assert only is None or any(window.opens <= here.time() < window.closes for window in only)
        windows = hours.windows(calendar, here.date())
        assert any(window.opens <= here.time() < window.closes for window in windows)
        assert not calendar.is_holiday(here.date()) or hours.holidays


@given(hours=HOURS, zone=ZONES, only=NARROWINGS, now=MOMENTS, wish=st.integers(-2000, 20000))
def test_the_nearest_time_to_a_wish_is_allowed_and_not_in_the_past(
    hours: CallingHours, zone: ZoneInfo, only: tuple[TimeWindow, ...] | None, now: datetime, wish: int
) -> None:
    allowed, wished = AllowedHours(hours, CALENDAR, zone, only), now + wish * MINUTE
    found = allowed.nearest(wished, now)
    if found is None:
        assert allowed.next_within(max(wished, now)) is None
        return
    assert found >= now and allowed.contains(found)
    if wished >= now and allowed.contains(wished):
        assert found == wished
    later = allowed.next_within(max(wished, now))
    assert later is None or found <= later
    if found < wished:
        assert allowed.nearest(wished, found) == found, "the decision does not change while it is waited for"


@given(hours=HOURS)
def test_hours_are_stored_and_read_again(hours: CallingHours) -> None:
    assert CallingHours.model_validate(hours.model_dump(mode="json")) == hours
    assert set(WEEKDAYS) < set(CallingHours.model_fields)
