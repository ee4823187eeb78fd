"""When promised calls are made, and what follows from each: pure, with times of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calendar import ZONE, Calendar
from ivr.callbacks.retry_policy import (
    CustomerReached,
    EndedCall,
    FollowUp,
    HandedToPerson,
    ProblemSolved,
    ProblemUnsolved,
    Rebooked,
    RetryAt,
    follow_up,
    may_call,
)
from ivr.complaints.rules.model import Calling
from ivr.lifecycle import HANGUP_CAUSES, Disposition

CALENDAR = Calendar()
CALLING = Calling.model_validate({"hours": {"opens": "09:00", "closes": "20:00"}, "again_after": ["1 h", "4 h"]})
WORKING_DAYS = Calling.model_validate(
    {"hours": {"days": "working_days", "opens": "09:00", "closes": "17:00"}, "again_after": []}
)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=ZONE)
MOMENTS = st.integers(0, 900 * 24 * 60).map(
    lambda minutes: datetime(2025, 6, 1, tzinfo=ZONE) + timedelta(minutes=minutes)
)
ENDS = st.builds(
    EndedCall,
    at=MOMENTS,
    disposition=st.sampled_from(Disposition),
    cause=st.sampled_from(sorted(HANGUP_CAUSES)),
    answered=st.booleans(),
    answer=st.sampled_from([None, "yes", "no"]),
)


def talked(answer: str | None = None, disposition: Disposition = Disposition.COMPLETED) -> EndedCall:
    return EndedCall(NOON, disposition, "normal", answered=True, answer=answer)


def unanswered(disposition: Disposition, cause: str, at: datetime = NOON) -> EndedCall:
    return EndedCall(at, disposition, cause, answered=False)


@pytest.mark.parametrize(
    ("ended", "earlier", "outcome"),
    [
        (talked("yes"), 0, ProblemSolved()),
        (talked("no"), 2, ProblemUnsolved()),
        (talked("no", Disposition.FAILED), 0, ProblemUnsolved()),
        (talked(disposition=Disposition.CALLBACK_BOOKED), 0, Rebooked()),
        (talked(disposition=Disposition.REFUSED), 0, HandedToPerson("the customer does not want to be asked")),
        (talked(disposition=Disposition.BREAKOFF), 0, RetryAt(NOON + timedelta(hours=1))),
        (talked(disposition=Disposition.BREAKOFF), 2, HandedToPerson("after 3 calls")),
        (unanswered(Disposition.NO_ANSWER, "no_answer"), 0, RetryAt(NOON + timedelta(hours=1))),
        (unanswered(Disposition.BUSY, "busy"), 1, RetryAt(NOON + timedelta(hours=4))),
        (unanswered(Disposition.UNREACHABLE, "unreachable"), 2, HandedToPerson("after 3 calls")),
        (unanswered(Disposition.FAILED, "congestion"), 2, RetryAt(NOON + timedelta(minutes=10))),
        (unanswered(Disposition.NO_ANSWER, "no_answer", NOON.replace(hour=19, minute=30)), 0,
         RetryAt(NOON.replace(hour=9) + timedelta(days=1))),
    ],
)  # fmt: skip
def test_what_follows_from_a_verifying_call(ended: EndedCall, earlier: int, outcome: FollowUp) -> None:
    assert follow_up(CALLING, CALENDAR, ended, earlier, verifying=True) == outcome


@pytest.mark.parametrize("disposition", [Disposition.COMPLETED, Disposition.BREAKOFF, Disposition.PARTIAL])
def test_another_promise_is_kept_by_talking(disposition: Disposition) -> None:
    assert follow_up(CALLING, CALENDAR, talked("no", disposition), 0, verifying=False) == CustomerReached()


def test_a_fault_of_ours_in_the_middle_of_a_call_keeps_no_promise() -> None:
    broken = follow_up(CALLING, CALENDAR, talked(disposition=Disposition.FAILED), 0, verifying=False)
    assert broken == RetryAt(NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    ("now", "wished", "may"),
    [
        ("12:00", None, True),
        ("08:59", None, False),
        ("20:00", None, False),
        ("08:05", "08:00", True),
        ("08:10", "08:00", False),
        ("07:59", "08:00", False),
    ],
)
def test_rest_hours_are_kept_but_for_a_time_that_the_customer_named(now: str, wished: str | None, may: bool) -> None:
    def at(clock: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-24T{clock}").replace(tzinfo=ZONE)

    assert may_call(CALLING, CALENDAR, at(wished) if wished else None, at(now)) is may


def test_working_days_are_chinese_ones() -> None:
    """National Day 2026 is off from 1 to 7 October; Saturday the 10th is worked."""
    holiday = datetime(2026, 10, 1, 10, tzinfo=ZONE)
    assert WORKING_DAYS.hours.next_within(CALENDAR, holiday) == datetime(2026, 10, 8, 9, tzinfo=ZONE)
    saturday = datetime(2026, 10, 10, 10, tzinfo=ZONE)
    assert WORKING_DAYS.hours.next_within(CALENDAR, saturday) == saturday


@given(calling=st.sampled_from([CALLING, WORKING_DAYS]), moment=MOMENTS)
def test_the_next_moment_within_hours_is_the_first_one(calling: Calling, moment: datetime) -> None:
    found = calling.hours.next_within(CALENDAR, moment)
    assert found >= moment and calling.hours.contains(CALENDAR, found)
    assert found == moment or not calling.hours.contains(CALENDAR, moment)
    assert not calling.hours.contains(CALENDAR, max(moment, found - timedelta(minutes=1))) or found == moment


@given(ended=ENDS, earlier=st.integers(0, 5), verifying=st.booleans())
def test_no_further_call_is_outside_hours_too_soon_or_one_too_many(
    ended: EndedCall, earlier: int, verifying: bool
) -> None:
    outcome = follow_up(CALLING, CALENDAR, ended, earlier, verifying=verifying)
    if isinstance(outcome, RetryAt):
        assert CALLING.hours.contains(CALENDAR, outcome.at)
        assert outcome.at - ended.at >= timedelta(minutes=10)
        assert earlier < 2 or not ended.counts
