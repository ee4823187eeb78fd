"""What an attempt came to, whether it counts, and when there are no more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ivr.calendar import ZONE
from ivr.call.outbound import UNANSWERED_DISPOSITIONS
from ivr.callbacks.ended_call import EndedCall
from ivr.campaigns.rules.attempt_policy import (
    AttemptOutcome,
    AttemptPolicy,
    OutcomeLimit,
    SettledAttempt,
    counts,
    delay,
    exhausted,
    outcome_of,
)
from ivr.lifecycle import HANGUP_CAUSES, Disposition
from tests.campaigns.rules.strategies import POLICIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=ZONE)
MINUTE = timedelta(minutes=1)
POLICY = AttemptPolicy()


def silent(cause: str, *, rang: bool = False) -> EndedCall:
    return EndedCall(NOON, UNANSWERED_DISPOSITIONS.get(cause, Disposition.FAILED), cause, rang)


def answered(disposition: Disposition, seconds: int = 60) -> EndedCall:
    return EndedCall(NOON, disposition, "normal", answered_at=NOON - timedelta(seconds=seconds), responsive=True)


def made(outcome: str, *, counted: bool = True, at: datetime = NOON) -> SettledAttempt:
    return SettledAttempt(at, at + MINUTE, AttemptOutcome(outcome), counted)


@pytest.mark.parametrize(
    ("ended", "outcome", "counted"),
    [
        (silent("busy", rang=True), "busy", True),
        (silent("busy"), "busy", False),
        (silent("no_answer", rang=True), "no_answer", True),
        (silent("rejected", rang=True), "no_answer", True),
        (silent("unreachable"), "unreachable", False),
        (silent("unreachable", rang=True), "unreachable", True),
        (silent("unallocated"), "empty_number", False),
        (silent("unallocated", rang=True), "empty_number", True),
        (silent("unwanted", rang=True), "refused", True),
        (silent("spam"), "refused", False),
        (silent("congestion"), "failed", False),
        (
            silent("congestion", rang=True),
            "no_answer",
            True,
        ),  # networks report a phone that rang in vain by many causes
        (silent("failed"), "failed", False),
        (EndedCall(NOON, Disposition.MACHINE, "normal"), "machine", True),
        (answered(Disposition.MACHINE), "machine", True),
        (answered(Disposition.COMPLETED), "reached", True),
        (answered(Disposition.BREAKOFF), "reached", True),
        (answered(Disposition.PARTIAL), "reached", True),
        (answered(Disposition.INELIGIBLE), "reached", True),
        (answered(Disposition.REFUSED), "refused", True),
        (answered(Disposition.CONSENT_DENIED), "refused", True),
        (answered(Disposition.CALLBACK_BOOKED), "appointment", False),
        (answered(Disposition.FAILED), "failed", True),
        (EndedCall(NOON, Disposition.BREAKOFF, "normal", answered_at=NOON - timedelta(seconds=3)), "no_answer", True),
    ],
)
def test_what_an_attempt_came_to(ended: EndedCall, outcome: str, counted: bool) -> None:
    assert (outcome_of(ended), counts(ended)) == (outcome, counted)


@given(
    disposition=st.sampled_from(Disposition),
    cause=st.sampled_from(sorted(HANGUP_CAUSES)),
    rang=st.booleans(),
    answered_at=st.none() | st.just(NOON - MINUTE),
)
def test_every_end_has_an_outcome_and_counts_if_a_person_could_notice(
    disposition: Disposition, cause: str, rang: bool, answered_at: datetime | None
) -> None:
    ended = EndedCall(NOON, disposition, cause, rang, answered_at)
    outcome = outcome_of(ended)
    noticed = rang or answered_at is not None or disposition is Disposition.MACHINE
    assert counts(ended) is (noticed and outcome is not AttemptOutcome.APPOINTMENT)
    assert not (outcome is AttemptOutcome.REACHED and answered_at is None)


@pytest.mark.parametrize(
    ("attempts", "why"),
    [
        ([], ""),
        ([made("no_answer"), made("busy")], ""),
        ([made("no_answer"), made("busy"), made("unreachable")], "3 attempts were made, of at most 3"),
        ([made("busy", counted=False)] * 2, ""),
        ([made("busy", counted=False)] * 3, "3 attempts found: busy, of at most 3"),
        ([made("machine")] * 2, "2 attempts found: machine, of at most 2"),
        ([made("failed", counted=False)] * 50, ""),
        ([made("empty_number", counted=False)], "nobody has the number (空号)"),
        ([made("no_answer"), made("reached")], "the customer was reached"),
        ([made("refused", counted=False)], "the customer does not want to be asked"),
        ([made("appointment", counted=False)] * 3, ""),
        ([made("appointment", counted=False)] * 4, "the customer asked for another time on 4 calls"),
        ([made("no_answer")] * 2 + [made("appointment", counted=False)], ""),
    ],
)
def test_when_no_further_attempt_follows(attempts: list[SettledAttempt], why: str) -> None:
    assert exhausted(POLICY, attempts) == why


def test_each_outcome_has_its_own_delay_and_failures_wait_ever_longer() -> None:
    assert delay(POLICY, [made("busy")]) == timedelta(minutes=30)
    assert delay(POLICY, [made("busy"), made("no_answer")]) == timedelta(hours=3)
    failed = made("failed", counted=False)
    delays = [delay(POLICY, [made("busy"), *[failed] * times]) // MINUTE for times in range(1, 7)]
    assert delays == [10, 40, 160, 480, 480, 480]
    assert delay(POLICY, [failed, made("busy"), failed]) == timedelta(minutes=10)


@given(
    policy=POLICIES,
    tries=st.lists(st.tuples(st.sampled_from(AttemptOutcome), st.booleans()), min_size=80, max_size=80),
)
def test_limits_never_add_up_beyond_the_total(policy: AttemptPolicy, tries: list[tuple[AttemptOutcome, bool]]) -> None:
    attempts: list[SettledAttempt] = []
    for outcome, rang in tries:
        if exhausted(policy, attempts):
            break
        attempts.append(made(outcome, counted=rang and outcome is not AttemptOutcome.APPOINTMENT))
    assert sum(attempt.counted for attempt in attempts) <= policy.max_attempts
    for outcome in AttemptOutcome:
        number = [attempt.outcome for attempt in attempts].count(outcome)
        limit = policy.limit(outcome)
        assert limit is None or number <= limit.at_most


@given(policy=POLICIES)
def test_a_policy_is_stored_and_read_again(policy: AttemptPolicy) -> None:
    assert AttemptPolicy.model_validate(policy.model_dump(mode="json")) == policy


@pytest.mark.parametrize(
    "faulty", [{"after": "0 min", "at_most": 1}, {"after": "soon", "at_most": 1}, {"after": "1 h", "at_most": 0},
               {"after": "61 d", "at_most": 1}, {"after": "1 h"}, {"after": "1 h", "at_most": 10}],
)  # fmt: skip
def test_an_invalid_limit_is_refused(faulty: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OutcomeLimit.model_validate(faulty)
