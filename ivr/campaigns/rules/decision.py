"""Why a contact is called, when, or why not: one decision for the dialer and for whoever asks. Pure.

The decision is a function of the facts and the time; nothing else says when a contact is called. Must not know: how
facts are stored, who places calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from ivr.campaigns.rules.attempt_policy import (
    ANOTHER_TIME_OF_DAY,
    MAX_UNANSWERED,
    UNANSWERED_WITHIN,
    AttemptOutcome,
    AttemptPolicy,
    SettledAttempt,
    delay,
    exhausted,
)
from ivr.campaigns.rules.calling_hours import CEILING, AllowedHours, part_of_day, split_by_part
from ivr.campaigns.rules.project_life import ProjectState

SPREAD_WITHIN: Final = timedelta(days=3)
"""How long an attempt may wait for another time of day than the attempts before it."""


class Rule(StrEnum):
    """The rules that a decision may come from."""

    ENDED = "ended"
    DO_NOT_CALL = "do_not_call"
    PROJECT_STATE = "project_state"
    PROJECT_DAYS = "project_days"
    PROJECT_FAULT = "project_fault"
    CONTACT_FAULT = "contact_fault"
    IN_PROGRESS = "in_progress"
    ATTEMPTS = "attempts"
    UNANSWERED_TRIES = "unanswered_tries"
    FIRST_ATTEMPT = "first_attempt"
    DELAY = "delay"
    APPOINTMENT = "appointment"
    TIME_OF_DAY = "time_of_day"
    CALLING_HOURS = "calling_hours"


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that a decision comes from, and what it says here, in plain words."""

    rule: Rule
    words: str


@dataclass(frozen=True, slots=True)
class NextCall:
    """The contact is to be called at `at`, at once if that is not in the future; the last reason decided.

    `missed_wish` is the time that the customer asked for, if they are called at another one.
    """

    at: datetime
    reasons: tuple[Reason, ...]
    missed_wish: datetime | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """The contact is not called. `final`: nor ever again in this project."""

    reason: Reason
    final: bool


CallDecision = NextCall | Excluded


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What is known of a project. `fault` is why it cannot call now, e.g. because its flow was removed; else empty."""

    state: ProjectState
    policy: AttemptPolicy
    first_day: date | None = None
    last_day: date | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What is known of a contact.

    `hours` is None if they cannot be read; `ended` is why the contact has ended, empty if it has not; `wish` is the
    time that the customer asked for and has not been called at yet; `attempts` are the settled ones, in order.
    """

    added_at: datetime
    hours: AllowedHours | None
    ended: str = ""
    wish: datetime | None = None
    attempts: tuple[SettledAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What is known of a number, of all projects together.

    `do_not_call` says who does not want calls, since when and how it is known; empty: nobody. `in_progress`: a call
    from or to the number is in progress, or an attempt at it is. `unanswered` are the times of the unanswered tries
    within the last UNANSWERED_WITHIN, in order.
    """

    do_not_call: str = ""
    in_progress: bool = False
    unanswered: tuple[datetime, ...] = ()


def decide(project: ProjectFacts, contact: ContactFacts, number: NumberFacts, now: datetime) -> CallDecision:
    """Return when a contact is called next and why, or why it is not called."""
    if excluded := _exclusion(project, contact, number):
        return excluded
    if contact.hours is None:
        return Excluded(Reason(Rule.CONTACT_FAULT, "the contact's own calling hours cannot be read"), final=False)
    return _next_call(project, contact, number, contact.hours, now)


def _exclusion(project: ProjectFacts, contact: ContactFacts, number: NumberFacts) -> Excluded | None:
    if contact.ended:
        return Excluded(Reason(Rule.ENDED, contact.ended), final=True)
    if number.do_not_call:
        return Excluded(Reason(Rule.DO_NOT_CALL, number.do_not_call), final=True)
    if why := exhausted(project.policy, contact.attempts):
        return Excluded(Reason(Rule.ATTEMPTS, why), final=True)
    if project.state != "running":
        over = project.state in ("completed", "rejected")
        return Excluded(Reason(Rule.PROJECT_STATE, f"the project is {project.state}"), final=over)
    if project.fault:
        return Excluded(Reason(Rule.PROJECT_FAULT, project.fault), final=False)
    if number.in_progress:
        return Excluded(Reason(Rule.IN_PROGRESS, "a call with this number is in progress"), final=False)
    return None


def _next_call(
    project: ProjectFacts, contact: ContactFacts, number: NumberFacts, hours: AllowedHours, now: datetime
) -> CallDecision:
    due, reasons = _due(project.policy, contact, hours)
    if project.first_day is not None:
        begins = datetime.combine(project.first_day, time(), hours.zone)
        if due < begins:
            due = begins
            reasons.append(Reason(Rule.PROJECT_DAYS, f"the project begins on {project.first_day}"))
    recent = [tried for tried in number.unanswered if tried > now - UNANSWERED_WITHIN]
    if len(recent) >= MAX_UNANSWERED:
        free = recent[-MAX_UNANSWERED] + UNANSWERED_WITHIN
        if free > max(due, now):
            due = free
            words = f"the number had {len(recent)} unanswered tries within 24 h, and {MAX_UNANSWERED} are the limit"
            reasons.append(Reason(Rule.UNANSWERED_TRIES, words))
    at = _allowed_time(contact, hours, due, now)
    if project.last_day is not None:
        ends = datetime.combine(project.last_day + timedelta(days=1), time(), hours.zone)
        if now >= ends:
            return Excluded(Reason(Rule.PROJECT_DAYS, f"the project ended on {project.last_day}"), final=True)
        if at is None or at >= ends:
            words = f"no allowed time is left until the project ends on {project.last_day}"
            return Excluded(Reason(Rule.PROJECT_DAYS, words), final=False)
    if at is None:
        words = "no time is within both the project's hours and the contact's"
        return Excluded(Reason(Rule.CALLING_HOURS, words), final=False)
    missed = contact.wish if contact.wish is not None and not hours.contains(contact.wish) else None
    if at > max(due, now) or missed is not None:
        reasons.append(_why_moved(contact, hours, max(due, now)))
    return NextCall(at, tuple(reasons), missed)


def _due(policy: AttemptPolicy, contact: ContactFacts, hours: AllowedHours) -> tuple[datetime, list[Reason]]:
    """Return the time from which the next attempt is due, apart from hours and limits, and the rules it comes from."""
    last = contact.attempts[-1] if contact.attempts else None
    if contact.wish is not None:
        reasons = [Reason(Rule.APPOINTMENT, f"the customer asked for {_shown(contact.wish, hours)}")]
        if last is None or last.outcome is not AttemptOutcome.FAILED:
            return contact.wish, reasons
        again = last.ended_at + delay(policy, contact.attempts)
        if again <= contact.wish:
            return contact.wish, reasons
        return again, [*reasons, _after(policy, contact.attempts, hours)]
    if last is None:
        return contact.added_at, [Reason(Rule.FIRST_ATTEMPT, "the contact has not been called yet")]
    return last.ended_at + delay(policy, contact.attempts), [_after(policy, contact.attempts, hours)]


def _after(policy: AttemptPolicy, attempts: Sequence[SettledAttempt], hours: AllowedHours) -> Reason:
    last = attempts[-1]
    minutes = delay(policy, attempts) // timedelta(minutes=1)
    what = last.outcome.replace("_", " ")
    return Reason(Rule.DELAY, f"after “{what}” on {_shown(last.ended_at, hours)} the next attempt waits {minutes} min")


def _allowed_time(contact: ContactFacts, hours: AllowedHours, due: datetime, now: datetime) -> datetime | None:
    """Return the allowed time for an attempt that is due from `due` on."""
    if contact.wish is not None and due == contact.wish:
        return hours.nearest(due, now)
    since = max(due, now)
    if contact.wish is None and _spread(contact):
        tried = Counter(part_of_day(one.at, hours.zone) for one in contact.attempts if _felt(one))
        last_start = due + SPREAD_WITHIN
        best: tuple[int, datetime] | None = None
        for begins, ends in hours.periods(since):
            if begins >= last_start:
                break
            for start, _ in split_by_part(begins, ends):
                times = tried[part_of_day(start, hours.zone)]
                if start < last_start and (best is None or times < best[0]):
                    best = times, start
        if best is not None:
            return best[1]
    return hours.next_within(since)


def _spread(contact: ContactFacts) -> bool:
    return bool(contact.attempts) and contact.attempts[-1].outcome in ANOTHER_TIME_OF_DAY


def _felt(attempt: SettledAttempt) -> bool:
    """Return whether an attempt says something about its time of day."""
    return attempt.outcome is not AttemptOutcome.FAILED


def _why_moved(contact: ContactFacts, hours: AllowedHours, due: datetime) -> Reason:
    if contact.wish is None and _spread(contact) and hours.contains(due):
        return Reason(Rule.TIME_OF_DAY, "another time of day than the attempts before is tried")
    windows = ", ".join(map(str, hours.windows(due.astimezone(hours.zone).date()))) or "no calls"
    day = due.astimezone(hours.zone)
    return Reason(
        Rule.CALLING_HOURS, f"the hours on {day:%a %Y-%m-%d} are: {windows}; nobody is called outside {CEILING}"
    )


def _shown(moment: datetime, hours: AllowedHours) -> str:
    return f"{moment.astimezone(hours.zone):%Y-%m-%d %H:%M}"
