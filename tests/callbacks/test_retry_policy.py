"""When promised calls are made, and what follows from each: pure, with times of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calendar import ZONE, Calendar
from ivr.call.outbound import UNANSWERED_DISPOSITIONS
from ivr.callbacks.attempt_table import ATTEMPT_TABLE, RetryKind
from ivr.callbacks.ended_call import CUT_OFF_WITHIN, EndedCall
from ivr.callbacks.retry_policy import (
    BACKOFF,
    CustomerReached,
    DoNotCallProposed,
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
from ivr.telephony.asterisk.causes import hangup_cause

CALENDAR = Calendar()
CALLING = Calling.model_validate({"hours": {"opens": "09:00", "closes": "20:00"}, "again_after": ["1 h", "4 h"]})
WORKING_DAYS = Calling.model_validate(
    {"hours": {"days": "working_days", "opens": "09:00", "closes": "17:00"}, "again_after": []}
)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=ZONE)
MOMENTS = st.integers(0, 900 * 24 * 60).map(
    lambda minutes: datetime(2025, 6, 1, tzinfo=ZONE) + timedelta(minutes=minutes)
)
MINUTE = timedelta(minutes=1)
ENDS = st.builds(
    EndedCall,
    at=MOMENTS,
    disposition=st.sampled_from(Disposition),
    cause=st.sampled_from(sorted(HANGUP_CAUSES)),
    rang=st.booleans(),
    answered_at=st.none() | MOMENTS,
    responsive=st.booleans(),
    answer=st.sampled_from([None, "yes", "no"]),
)
UNREACHED = st.builds(
    EndedCall,
    at=MOMENTS,
    disposition=st.just(Disposition.NO_ANSWER),
    cause=st.sampled_from(sorted(HANGUP_CAUSES - {"unwanted", "spam"})),
    rang=st.booleans(),
)


def talked(answer: str | None = None, disposition: Disposition = Disposition.COMPLETED) -> EndedCall:
    return EndedCall(NOON, disposition, "normal", answered_at=NOON - MINUTE, responsive=True, answer=answer)


def cut_off(
    after: timedelta, disposition: Disposition = Disposition.BREAKOFF, *, responsive: bool = False
) -> EndedCall:
    return EndedCall(NOON, disposition, "media_lost", answered_at=NOON - after, responsive=responsive)


def rang(disposition: Disposition, cause: str, at: datetime = NOON) -> EndedCall:
    return EndedCall(at, disposition, cause, rang=True)


def silent(disposition: Disposition, cause: str) -> EndedCall:
    return EndedCall(NOON, disposition, cause)


H1, H4 = (NOON + timedelta(hours=hours) for hours in (1, 4))
"""When the next attempt is after the first call that counted, and after the second."""
M10, M40 = (NOON + timedelta(minutes=minutes) for minutes in (10, 40))
"""When it is after the first call that did not count, and after the second."""

CALLS_BY_CAUSE = [
    # SIP status and Q.850 cause of Asterisk, whether the phone rang → does it count, and when is the next attempt,
    # after one earlier attempt that counted and one that did not
    ("480 temporarily unavailable", 480, 19, True, True, H4),
    ("480 temporarily unavailable", 480, 19, False, False, M40),
    ("nobody answers in time", 0, 19, True, True, H4),
    ("nobody answers, no ringing", 0, 19, False, False, M40),
    ("408 request timeout", 408, 18, True, True, H4),
    ("408 request timeout", 408, 18, False, False, M40),
    ("487 request terminated", 487, 127, True, True, H4),
    ("487 request terminated", 487, 127, False, False, M40),
    ("481 no such dialog", 481, 127, True, True, H4),
    ("481 no such dialog", 481, 127, False, False, M40),
    ("433 anonymity disallowed", 433, 127, True, True, H4),
    ("433 anonymity disallowed", 433, 127, False, False, M40),
    ("500 server error", 500, 38, True, True, H4),
    ("500 server error", 500, 38, False, False, M40),
    ("503 unavailable", 503, 34, True, True, H4),
    ("503 unavailable", 503, 34, False, False, M40),
    ("504 timeout", 504, 102, True, True, H4),
    ("504 timeout", 504, 102, False, False, M40),
    ("513 message too large", 513, 34, True, True, H4),
    ("513 message too large", 513, 34, False, False, M40),
    ("606 not acceptable", 606, 58, True, True, H4),
    ("606 not acceptable", 606, 58, False, False, M40),
    ("488 no common codec", 488, 58, True, True, H4),
    ("488 no common codec", 488, 58, False, False, M40),
    ("486 busy", 486, 17, True, True, H4),
    ("486 busy", 486, 17, False, False, M40),
    ("600 busy everywhere", 600, 17, True, True, H4),
    ("600 busy everywhere", 600, 17, False, False, M40),
    ("603 declined", 603, 21, True, True, H4),
    ("603 declined", 603, 21, False, False, M40),
    ("403 forbidden", 403, 21, True, True, H4),
    ("403 forbidden", 403, 21, False, False, M40),
    ("404 not found", 404, 1, True, True, H4),
    ("404 not found", 404, 1, False, False, M40),
    ("410 number changed", 410, 22, True, True, H4),
    ("410 number changed", 410, 22, False, False, M40),
    ("no route", 0, 3, True, True, H4),
    ("no route", 0, 3, False, False, M40),
    ("cause 0", 0, 0, True, True, H4),
    ("cause 0", 0, 0, False, False, M40),
    ("normal clearing", 0, 16, True, True, H4),
    ("normal clearing", 0, 16, False, False, M40),
    ("607 unwanted", 607, 127, True, True, None),
    ("607 unwanted", 607, 127, False, False, None),
    ("608 rejected as spam", 608, 127, True, True, None),
    ("608 rejected as spam", 608, 127, False, False, None),
]
"""No next attempt: the service stops and proposes do-not-call."""


@pytest.mark.parametrize(("name", "sip_status", "q850", "has_rung", "counted", "next_at"), CALLS_BY_CAUSE)
def test_attempts_are_what_rang(
    name: str, sip_status: int, q850: int, has_rung: bool, counted: bool, next_at: datetime | None
) -> None:
    cause = hangup_cause(q850, sip_status)
    ended = EndedCall(NOON, UNANSWERED_DISPOSITIONS.get(cause, Disposition.FAILED), cause, rang=has_rung)
    assert ended.verdict.counted is counted
    for verifying in (True, False):
        outcome = follow_up(CALLING, CALENDAR, ended, 1, 1, verifying=verifying)
        if next_at is None:
            assert isinstance(outcome, DoNotCallProposed)
        else:
            assert outcome == RetryAt(next_at)


def test_every_hangup_cause_has_its_row() -> None:
    assert set(ATTEMPT_TABLE) == HANGUP_CAUSES


@pytest.mark.parametrize(
    ("ended", "counted", "outcome"),
    [
        (talked("yes"), 0, ProblemSolved()),
        (talked("no"), 2, ProblemUnsolved()),
        (talked("no", Disposition.FAILED), 0, ProblemUnsolved()),
        (talked(disposition=Disposition.CALLBACK_BOOKED), 0, Rebooked()),
        (talked(disposition=Disposition.REFUSED), 0, HandedToPerson("the customer does not want to be asked")),
        (talked(disposition=Disposition.BREAKOFF), 0, RetryAt(NOON + timedelta(hours=1))),
        (talked(disposition=Disposition.BREAKOFF), 2, HandedToPerson("after 3 calls")),
        (cut_off(timedelta(seconds=3)), 0, RetryAt(NOON + timedelta(hours=1))),
        (rang(Disposition.NO_ANSWER, "no_answer"), 0, RetryAt(NOON + timedelta(hours=1))),
        (rang(Disposition.BUSY, "busy"), 1, RetryAt(NOON + timedelta(hours=4))),
        (rang(Disposition.UNREACHABLE, "unreachable"), 2, HandedToPerson("after 3 calls")),
        (silent(Disposition.FAILED, "congestion"), 2, RetryAt(NOON + timedelta(minutes=10))),
        (silent(Disposition.BUSY, "busy"), 2, RetryAt(NOON + timedelta(minutes=10))),
        (silent(Disposition.REFUSED, "unwanted"), 0, DoNotCallProposed("the customer rejects the call as unwanted")),
        (rang(Disposition.NO_ANSWER, "spam"), 2, DoNotCallProposed("the network rejects it as spam")),
        (rang(Disposition.NO_ANSWER, "no_answer", NOON.replace(hour=19, minute=30)), 0,
         RetryAt(NOON.replace(hour=9) + timedelta(days=1))),
    ],
)  # fmt: skip
def test_what_follows_from_a_verifying_call(ended: EndedCall, counted: int, outcome: FollowUp) -> None:
    assert follow_up(CALLING, CALENDAR, ended, counted, 0, verifying=True) == outcome


@pytest.mark.parametrize(
    ("uncounted", "outcome"),
    [
        (0, RetryAt(NOON + timedelta(minutes=10))),
        (1, RetryAt(NOON + timedelta(minutes=40))),
        (2, RetryAt(NOON + timedelta(hours=2, minutes=40))),
        (3, RetryAt(NOON.replace(hour=9) + timedelta(days=1))),
        (4, HandedToPerson("after 5 attempts without ringing")),
        (63, HandedToPerson("after 64 attempts without ringing")),
    ],
)
def test_calls_that_do_not_ring_are_made_ever_more_rarely_then_left_to_a_person(
    uncounted: int, outcome: FollowUp
) -> None:
    failed = silent(Disposition.FAILED, "congestion")
    assert follow_up(CALLING, CALENDAR, failed, 2, uncounted, verifying=False) == outcome


@pytest.mark.parametrize("disposition", [Disposition.COMPLETED, Disposition.BREAKOFF, Disposition.PARTIAL])
def test_another_promise_is_kept_by_talking(disposition: Disposition) -> None:
    assert follow_up(CALLING, CALENDAR, talked("no", disposition), 0, 0, verifying=False) == CustomerReached()


def test_a_fault_of_ours_in_the_middle_of_a_call_keeps_no_promise() -> None:
    broken = follow_up(CALLING, CALENDAR, talked(disposition=Disposition.FAILED), 0, 0, verifying=False)
    assert broken == RetryAt(NOON + timedelta(hours=1))


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ended", "kept"),
    [
        (cut_off(SECOND), False),
        (cut_off(CUT_OFF_WITHIN - SECOND), False),
        (cut_off(CUT_OFF_WITHIN), True),
        (cut_off(SECOND, responsive=True), True),
        (cut_off(SECOND, Disposition.COMPLETED), True),
    ],
)
def test_a_promised_call_that_is_cut_off_at_once_is_made_again(ended: EndedCall, kept: bool) -> None:
    """Unless a question was answered, or the flow had nothing more to say."""
    assert ended.verdict.counted
    again = RetryAt(NOON + timedelta(hours=1))
    assert follow_up(CALLING, CALENDAR, ended, 0, 0, verifying=False) == (CustomerReached() if kept else again)
    assert follow_up(CALLING, CALENDAR, ended, 2, 0, verifying=False) == (
        CustomerReached() if kept else HandedToPerson("after 3 calls")
    )


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


@given(ended=ENDS, counted=st.integers(0, 5), uncounted=st.integers(0, 99), verifying=st.booleans())
def test_no_further_call_is_outside_hours_too_soon_or_one_too_many(
    ended: EndedCall, counted: int, uncounted: int, verifying: bool
) -> None:
    outcome = follow_up(CALLING, CALENDAR, ended, counted, uncounted, verifying=verifying)
    if isinstance(outcome, RetryAt):
        assert CALLING.hours.contains(CALENDAR, outcome.at)
        assert outcome.at - ended.at >= timedelta(minutes=10)
        assert counted < 2 if ended.verdict.counted else uncounted < len(BACKOFF)


@given(
    calls=st.lists(ENDS | UNREACHED, min_size=20, max_size=20) | st.lists(UNREACHED, min_size=20, max_size=20),
    calling=st.sampled_from([CALLING, WORKING_DAYS]),
    verifying=st.booleans(),
    began=MOMENTS,
)
def test_every_promise_ends_after_a_handful_of_calls(
    calls: list[EndedCall], calling: Calling, verifying: bool, began: datetime
) -> None:
    """Whatever becomes of each call: 20 would be made if nothing ended the promise."""
    now, made, counts, silences = began, list[datetime](), 0, list[datetime]()
    for call in calls:
        length = timedelta(seconds=20)
        ended = replace(call, at=now + length, answered_at=call.answered_at and now)
        made.append(now)
        outcome = follow_up(calling, CALENDAR, ended, counts, len(silences), verifying=verifying)
        if ended.verdict.counted:
            counts += 1
        else:
            silences.append(now)
        if not isinstance(outcome, RetryAt):
            break
        assert ended.verdict.retry is not RetryKind.NEVER
        now = outcome.at
    else:
        raise AssertionError("the promise did not end")
    assert counts <= len(calling.again_after) + 1
    assert len(silences) <= len(BACKOFF) + 1
    days = Counter(moment.astimezone(ZONE).date() for moment in silences)
    assert all(number <= 5 for number in days.values())
    assert all(number <= 7 for number in Counter(moment.astimezone(ZONE).date() for moment in made).values())
