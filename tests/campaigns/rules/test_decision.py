"""Why a contact is called, when, or why not: a life of calls in virtual time, whatever the phones do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ivr.calendar import ZONE, Calendar
from ivr.campaigns.rules.attempt_policy import (
    FINAL_OUTCOMES,
    MAX_UNANSWERED,
    UNANSWERED_WITHIN,
    AttemptOutcome,
    AttemptPolicy,
    SettledAttempt,
)
from ivr.campaigns.rules.calling_hours import AllowedHours, CallingHours, TimeWindow, parse_window, part_of_day
from ivr.campaigns.rules.decision import (
    ContactFacts,
    Excluded,
    NextCall,
    NumberFacts,
    ProjectFacts,
    Rule,
    decide,
)
from tests.campaigns.rules.strategies import HOURS, POLICIES, ZONES

MORNING = datetime(2026, 11, 24, 10, 0, tzinfo=ZONE)
"""A Tuesday."""
HOURS_ALLOWED = AllowedHours(CallingHours(), Calendar())
PROJECT = ProjectFacts("running", AttemptPolicy())
CONTACT = ContactFacts(MORNING, HOURS_ALLOWED)
QUIET = NumberFacts()
MINUTE = timedelta(minutes=1)


def made(outcome: str, at: datetime, *, counted: bool = True) -> SettledAttempt:
    return SettledAttempt(at, at + MINUTE, AttemptOutcome(outcome), counted)


def after(*attempts: SettledAttempt, wish: datetime | None = None) -> ContactFacts:
    return replace(CONTACT, attempts=attempts, wish=wish)


def called(contact: ContactFacts, now: datetime = MORNING, number: NumberFacts = QUIET) -> NextCall:
    decision = decide(PROJECT, contact, number, now)
    assert isinstance(decision, NextCall), decision
    return decision


def rules(call: NextCall) -> list[Rule]:
    return [reason.rule for reason in call.reasons]


def day(clock: str, days: int = 0) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return MORNING.replace(hour=hour, minute=minute) + timedelta(days=days)


def test_a_new_contact_is_called_at_once_within_the_hours() -> None:
    assert called(CONTACT) == called(CONTACT, MORNING)
    assert (called(CONTACT).at, rules(called(CONTACT))) == (MORNING, [Rule.FIRST_ATTEMPT])
    later = called(CONTACT, day("12:30"))
    assert (later.at, rules(later)) == (day("14:00"), [Rule.FIRST_ATTEMPT, Rule.CALLING_HOURS])
    assert later.reasons[-1].words == (
        "the hours on Tue 2026-11-24 are: 09:00-12:00, 14:00-20:00; nobody is called outside 08:00-22:00"
    )


def test_a_busy_phone_is_tried_again_soon() -> None:
    again = called(after(made("busy", MORNING)))
    assert (again.at, rules(again)) == (MORNING + 31 * MINUTE, [Rule.DELAY])
    assert again.reasons[0].words == "after “busy” on 2026-11-24 10:01 the next attempt waits 30 min"


def test_each_attempt_in_vain_is_followed_by_one_at_another_time_of_day() -> None:
    second = called(after(made("no_answer", day("09:10"))))
    assert (second.at, rules(second)) == (day("14:00"), [Rule.DELAY, Rule.CALLING_HOURS])
    third = called(after(made("no_answer", day("09:10")), made("no_answer", day("14:00"))))
    assert (third.at, rules(third)) == (day("18:00"), [Rule.DELAY, Rule.TIME_OF_DAY])
    again = called(after(made("no_answer", day("14:00")), made("no_answer", day("18:00"))), day("18:05"))
    assert again.at == day("09:00", 1)


def test_another_time_of_day_is_not_waited_for_for_ever() -> None:
    mornings = replace(CONTACT, hours=replace(HOURS_ALLOWED, only=(parse_window("09:00-11:00"),)))
    tried = replace(mornings, attempts=(made("no_answer", MORNING),))
    assert called(tried).at == day("09:00", 1)
    late = day("10:00", 6)
    assert called(after(made("no_answer", day("09:30"))), late).at == late


def test_a_wish_wins_within_the_hours_and_the_call_says_if_it_cannot_be_kept() -> None:
    kept = called(after(made("appointment", MORNING, counted=False), wish=day("10:30")), day("10:02"))
    assert (kept.at, kept.missed_wish, rules(kept)) == (day("10:30"), None, [Rule.APPOINTMENT])
    moved = called(after(made("appointment", MORNING, counted=False), wish=day("21:30")), day("10:02"))
    assert (moved.at, moved.missed_wish) == (day("19:45"), day("21:30"))
    assert rules(moved) == [Rule.APPOINTMENT, Rule.CALLING_HOURS]


def test_a_wish_that_a_fault_of_ours_broke_is_kept_as_soon_as_possible() -> None:
    broken = after(made("failed", day("15:00"), counted=False), wish=day("15:00"))
    again = called(broken, day("15:02"))
    assert (again.at, rules(again)) == (day("15:11"), [Rule.APPOINTMENT, Rule.DELAY])


def test_six_unanswered_tries_at_a_number_are_the_limit_of_all_projects() -> None:
    tries = NumberFacts(unanswered=tuple(day("09:00") + 10 * MINUTE * n for n in range(MAX_UNANSWERED)))
    limited = called(CONTACT, number=tries)
    assert (limited.at, limited.reasons[-1].rule) == (day("09:00", 1), Rule.UNANSWERED_TRIES)
    assert called(CONTACT, number=replace(tries, unanswered=tries.unanswered[1:])).at == MORNING


def test_which_rule_excludes_a_contact() -> None:
    def excluded(
        project: ProjectFacts = PROJECT, contact: ContactFacts = CONTACT, number: NumberFacts = QUIET
    ) -> tuple[Rule, bool, str]:
        decision = decide(project, contact, number, MORNING)
        assert isinstance(decision, Excluded)
        return decision.reason.rule, decision.final, decision.reason.words

    assert excluded(contact=replace(CONTACT, ended="x")) == (Rule.ENDED, True, "x")
    assert excluded(number=NumberFacts("asked not to be called")) == (Rule.DO_NOT_CALL, True, "asked not to be called")
    assert excluded(replace(PROJECT, state="paused"))[1:] == (False, "the project is paused")
    assert excluded(replace(PROJECT, state="completed"))[1:] == (True, "the project is completed")
    assert excluded(replace(PROJECT, fault="gone"))[:2] == (Rule.PROJECT_FAULT, False)
    assert excluded(number=NumberFacts(in_progress=True))[:2] == (Rule.IN_PROGRESS, False)
    assert excluded(contact=replace(CONTACT, hours=None))[:2] == (Rule.CONTACT_FAULT, False)
    assert excluded(contact=after(*[made("busy", MORNING)] * 3))[:2] == (Rule.ATTEMPTS, True)
    assert excluded(replace(PROJECT, last_day=date(2026, 11, 23)))[:2] == (Rule.PROJECT_DAYS, True)
    waiting = after(made("unreachable", day("19:30")))
    assert excluded(replace(PROJECT, last_day=date(2026, 11, 24)), waiting)[:2] == (Rule.PROJECT_DAYS, False)
    noon = replace(CONTACT, hours=replace(HOURS_ALLOWED, only=(parse_window("12:00-14:00"),)))
    assert excluded(contact=noon)[:2] == (Rule.CALLING_HOURS, False)


def test_a_project_calls_from_its_first_day_to_its_last() -> None:
    project = replace(PROJECT, first_day=date(2026, 11, 26), last_day=date(2026, 11, 27))
    decision = decide(project, CONTACT, QUIET, MORNING)
    assert isinstance(decision, NextCall)
    assert decision.at == day("09:00", 2)
    assert rules(decision) == [Rule.FIRST_ATTEMPT, Rule.PROJECT_DAYS, Rule.CALLING_HOURS]


OUTCOMES = st.sampled_from(AttemptOutcome)
IN_VAIN = st.sampled_from([outcome for outcome in AttemptOutcome if outcome not in FINAL_OUTCOMES])


@given(
    hours=HOURS,
    policy=POLICIES,
    zone=ZONES,
    fates=st.lists(st.tuples(IN_VAIN | OUTCOMES, st.booleans(), st.integers(-600, 6000)), min_size=12, max_size=12),
    lateness=st.lists(st.integers(0, 3000), min_size=12, max_size=12),
    others=st.lists(st.integers(0, 3000), max_size=12),
)
def test_whatever_the_phones_do_no_call_breaks_a_rule_and_every_contact_ends(
    hours: CallingHours,
    policy: AttemptPolicy,
    zone: ZoneInfo,
    fates: list[tuple[AttemptOutcome, bool, int]],
    lateness: list[int],
    others: list[int],
) -> None:
    """The dialer is late as it happens to be, other projects try the same number, and customers name odd times."""
    allowed = AllowedHours(hours, Calendar(), zone)
    project = ProjectFacts("running", policy)
    begin = datetime(2026, 1, 5, 9, tzinfo=ZONE)
    contact = ContactFacts(begin, allowed)
    unanswered = sorted(begin + minutes * MINUTE for minutes in others)
    now = begin
    for (outcome, rang, wish), late in zip(fates, lateness, strict=True):
        recent = tuple(tried for tried in unanswered if now - UNANSWERED_WITHIN < tried <= now)
        decision = decide(project, contact, NumberFacts(unanswered=recent), now)
        if isinstance(decision, Excluded):
            assert decision.final or allowed.next_within(now) is None
            return
        assert decision.at >= now
        if decision.at > now:
            then = decide(project, contact, NumberFacts(unanswered=recent), decision.at)
            assert isinstance(then, NextCall) and then.at == decision.at, "what is waited for is there at its time"
            now = decision.at
        now += late * MINUTE
        recent = tuple(tried for tried in unanswered if now - UNANSWERED_WITHIN < tried <= now)
        decision = decide(project, contact, NumberFacts(unanswered=recent), now)
        if not isinstance(decision, NextCall) or decision.at > now:
            continue
        assert allowed.contains(now)
        assert len(recent) < MAX_UNANSWERED
        last = contact.attempts[-1] if contact.attempts else None
        limit = policy.limit(last.outcome) if last else None
        assert last is None or limit is None or now - last.ended_at >= limit.after
        counted = rang and outcome is not AttemptOutcome.APPOINTMENT
        attempt = SettledAttempt(now, now + MINUTE, outcome, counted)
        asked = now + wish * MINUTE if outcome is AttemptOutcome.APPOINTMENT else None
        kept = contact.wish if outcome is AttemptOutcome.FAILED else asked
        contact = replace(contact, attempts=(*contact.attempts, attempt), wish=kept)
        if outcome is not AttemptOutcome.REACHED:
            unanswered = sorted([*unanswered, now])
        now += MINUTE
        assert sum(each.counted for each in contact.attempts) <= policy.max_attempts


@given(starts=st.lists(st.integers(0, 4 * 24 * 60), min_size=1, max_size=2, unique=True), narrow=st.booleans())
def test_another_time_of_day_is_found_where_there_is_one(starts: list[int], narrow: bool) -> None:
    only: tuple[TimeWindow, ...] | None = (parse_window("10:00-15:00"),) if narrow else None
    hours = replace(HOURS_ALLOWED, only=only)
    begin = datetime(2026, 11, 23, 0, tzinfo=ZONE)
    attempts = tuple(made("no_answer", begin + start * MINUTE) for start in sorted(starts))
    found = called(replace(CONTACT, hours=hours, attempts=attempts), attempts[-1].ended_at)
    parts = {part_of_day(attempt.at, ZONE) for attempt in attempts}
    available = {"morning", "afternoon"} if narrow else {"morning", "afternoon", "evening"}
    assert part_of_day(found.at, ZONE) not in parts or not available - parts
