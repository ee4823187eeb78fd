"""Hypothesis strategies for calling hours and attempts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ivr.calendar import ZONE, Calendar
from ivr.campaigns.rules.attempt_policy import AttemptPolicy, OutcomeLimit
from ivr.campaigns.rules.calling_hours import WEEKDAYS, CallingHours, TimeWindow

QUARTERS = st.integers(8 * 4, 22 * 4)


def _clock(quarter: int) -> time:
    return time(quarter // 4, quarter % 4 * 15)


WINDOWS = (
    st.tuples(QUARTERS, QUARTERS)
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: TimeWindow(_clock(min(pair)), _clock(max(pair))))
)
SETS_OF_WINDOWS = st.lists(WINDOWS, max_size=3).map(tuple)
HOURS = st.builds(
    lambda **given: CallingHours.model_validate({name: one for name, one in given.items() if one is not None}),
    working_days=st.lists(WINDOWS, min_size=1, max_size=3).map(tuple),
    holidays=st.just(()) | SETS_OF_WINDOWS,
    **dict.fromkeys(WEEKDAYS, st.none() | SETS_OF_WINDOWS),
)
NARROWINGS = st.none() | SETS_OF_WINDOWS
ZONES = st.sampled_from(
    [
        ZONE,
        *map(
            ZoneInfo,
            (
                "Asia/Urumqi",
                "Europe/Berlin",
                "America/St_Johns",
                "Pacific/Apia",
                "Asia/Kathmandu",
                "Australia/Lord_Howe",
            ),
        ),
    ]
)
MOMENTS = st.integers(0, 900 * 24 * 60).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=ZONE) + timedelta(minutes=minutes)
)
DAYS = st.dates(date(2025, 1, 1), date(2027, 6, 30))
CALENDARS = st.builds(
    lambda off, worked: Calendar(dict.fromkeys(off - worked, "other"), worked),
    st.frozensets(DAYS, max_size=3),
    st.frozensets(DAYS, max_size=3),
)
LIMITS = st.builds(
    OutcomeLimit,
    after=st.integers(1, 3 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    at_most=st.integers(1, 9),
)
POLICIES = st.builds(
    AttemptPolicy, max_attempts=st.integers(1, 9), busy=LIMITS, no_answer=LIMITS, unreachable=LIMITS, machine=LIMITS
)
