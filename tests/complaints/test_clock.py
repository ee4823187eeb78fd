"""The clocks of a case, in virtual time: weekends, holidays, make-up days, and any number of sweeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calendar import ZONE
from ivr.complaints.rules.clock import (
    SlaAlarm,
    SlaState,
    contact_due,
    due_alarms,
    next_alarm,
    reply_due,
    verifying_call,
)
from ivr.complaints.rules.intake import Rules

H, MIN = timedelta(hours=1), timedelta(minutes=1)
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=ZONE)
FOREVER = timedelta(days=60)


def watch(rules: Rules, opened: datetime) -> SlaState:
    clocks = rules.lines.clocks
    return SlaState(contact_due(clocks, opened), None, reply_due(clocks, rules.calendar, opened), None, opened)


def raised(rules: Rules, case: SlaState, sweeps: list[datetime]) -> list[SlaAlarm]:
    """All alarms that sweeps at these times raise."""
    alarms: list[SlaAlarm] = []
    for now in sweeps:
        alarms += due_alarms(rules.lines.clocks, case, now)
        case = replace(case, watched_until=max(now, case.watched_until))
    return alarms


def test_the_alarms_of_an_untouched_case(rules: Rules) -> None:
    monday = TUESDAY + timedelta(days=6)
    assert raised(rules, watch(rules, TUESDAY), [TUESDAY + FOREVER]) == [
        SlaAlarm(TUESDAY + 90 * MIN, "contact", "warning"),
        SlaAlarm(TUESDAY + 2 * H, "contact", "breach"),
        SlaAlarm(monday - 24 * H, "reply", "warning"),
        SlaAlarm(monday - 4 * H, "reply", "warning"),
        SlaAlarm(monday, "reply", "breach"),
    ]


def test_a_move_in_time_raises_no_further_alarm(rules: Rules) -> None:
    contacted = replace(watch(rules, TUESDAY), contacted_at=TUESDAY + 2 * H)
    assert [alarm.kind for alarm in raised(rules, contacted, [TUESDAY + 3 * H])] == ["warning"]
    replied = replace(contacted, contacted_at=TUESDAY + MIN, replied_at=TUESDAY + 30 * H)
    assert raised(rules, replied, [TUESDAY + FOREVER]) == []


def test_a_late_move_is_a_breach_even_without_an_earlier_sweep(rules: Rules) -> None:
    late = replace(watch(rules, TUESDAY), contacted_at=TUESDAY + 125 * MIN)
    assert [alarm.kind for alarm in raised(rules, late, [TUESDAY + 130 * MIN])] == ["warning", "breach"]


def test_a_case_without_clocks_is_never_swept(rules: Rules) -> None:
    report = SlaState(None, None, None, None, TUESDAY)
    assert next_alarm(rules.lines.clocks, report) is None
    assert raised(rules, report, [TUESDAY + FOREVER]) == []


OPENED = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1), timezones=st.just(ZONE))  # noqa: DTZ001
LATER = st.none() | st.timedeltas(timedelta(0), timedelta(days=12))
SWEEPS = st.lists(st.timedeltas(timedelta(0), timedelta(days=25)), max_size=30)


def random_case(rules: Rules, opened: datetime, contacted: timedelta | None, replied: timedelta | None) -> SlaState:
    case = watch(rules, opened)
    return replace(
        case,
        contacted_at=None if contacted is None else opened + contacted,
        replied_at=None if replied is None else opened + replied,
    )


@given(opened=OPENED, contacted=LATER, replied=LATER, sweeps=SWEEPS)
def test_any_number_of_sweeps_raises_each_alarm_exactly_once(
    rules: Rules, opened: datetime, contacted: timedelta | None, replied: timedelta | None, sweeps: list[timedelta]
) -> None:
    case = random_case(rules, opened, contacted, replied)
    at_last = opened + FOREVER
    often = raised(rules, case, [*(opened + delay for delay in sorted(sweeps)), at_last])
    assert often == raised(rules, case, [at_last])
    assert len(set(often)) == len(often)


@given(opened=OPENED, sweeps=SWEEPS)
def test_sweeping_back_in_time_raises_no_alarm_twice(rules: Rules, opened: datetime, sweeps: list[timedelta]) -> None:
    found = raised(rules, watch(rules, opened), [opened + delay for delay in sweeps])
    assert len(set(found)) == len(found)


@given(opened=OPENED, contacted=LATER, replied=LATER)
def test_a_breach_is_raised_exactly_when_a_deadline_was_missed(
    rules: Rules, opened: datetime, contacted: timedelta | None, replied: timedelta | None
) -> None:
    case = random_case(rules, opened, contacted, replied)
    breached = [alarm.clock for alarm in raised(rules, case, [opened + FOREVER]) if alarm.kind == "breach"]
    assert case.contact_due and case.reply_due
    assert ("contact" in breached) == (case.contacted_at is None or case.contacted_at > case.contact_due)
    assert ("reply" in breached) == (case.replied_at is None or case.replied_at > case.reply_due)


@given(opened=OPENED, contacted=LATER, replied=LATER)
def test_sweeping_only_at_the_next_due_time_finds_every_alarm_on_time(
    rules: Rules, opened: datetime, contacted: timedelta | None, replied: timedelta | None
) -> None:
    case, found = random_case(rules, opened, contacted, replied), []
    expected = raised(rules, case, [opened + FOREVER])
    while at := next_alarm(rules.lines.clocks, case):
        alarms = due_alarms(rules.lines.clocks, case, at)
        assert alarms and all(alarm.at == at for alarm in alarms)
        found += alarms
        case = replace(case, watched_until=at)
    assert found == expected


@given(opened=OPENED)
def test_warnings_precede_breaches_and_no_reply_is_due_before_a_contact(rules: Rules, opened: datetime) -> None:
    case = watch(rules, opened)
    alarms = raised(rules, case, [opened + FOREVER])
    for clock in ("contact", "reply"):
        kinds = [alarm.kind for alarm in alarms if alarm.clock == clock]
        assert kinds[-1] == "breach" and set(kinds[:-1]) == {"warning"}
    assert case.contact_due and case.reply_due and case.contact_due < case.reply_due


@pytest.mark.parametrize(
    ("opened", "reply"),
    [
        ("2026-11-24T10:00", "2026-11-30T10:00"),  # Tuesday: over a weekend
        ("2026-11-28T10:00", "2026-12-04T00:00"),  # Saturday: counts from Monday
        ("2026-09-30T16:00", "2026-10-12T16:00"),  # National Day, then 8, 9, the make-up Saturday, Monday
        ("2026-02-11T09:00", "2026-02-24T09:00"),  # 12, 13, the make-up Saturday, then after the Spring Festival
        ("2026-12-30T09:00", "2027-01-06T09:00"),  # over New Year's Day of a year without a notice
    ],
)
def test_the_reply_is_due_after_four_chinese_working_days(rules: Rules, opened: str, reply: str) -> None:
    moment = datetime.fromisoformat(opened).replace(tzinfo=ZONE)
    assert reply_due(rules.lines.clocks, rules.calendar, moment) == datetime.fromisoformat(reply).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("resolved", "call"),
    [
        ("2026-11-24T10:00", "2026-11-25T10:00"),
        ("2026-11-24T07:00", "2026-11-25T09:00"),
        ("2026-11-24T20:00", "2026-11-26T09:00"),
        ("2026-11-24T23:30", "2026-11-26T09:00"),
        ("2026-11-24T19:59", "2026-11-25T19:59"),
    ],
)
def test_verifying_calls_respect_calling_hours(rules: Rules, resolved: str, call: str) -> None:
    moment = datetime.fromisoformat(resolved).replace(tzinfo=ZONE)
    assert verifying_call(rules.lines, rules.calendar, moment) == datetime.fromisoformat(call).replace(tzinfo=ZONE)


@given(resolved=OPENED)
def test_a_verifying_call_is_never_early_and_at_most_a_day_late(rules: Rules, resolved: datetime) -> None:
    after = rules.lines.clocks.verify.after
    call = verifying_call(rules.lines, rules.calendar, resolved)
    assert resolved + after <= call < resolved + after + timedelta(days=1)
    assert time(9) <= call.time() < time(20)
