"""The retry policy of callbacks: when a callback may be placed, and what follows from its outcome. Pure.

Must not know: who places calls, how bookings are stored, the current time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ivr.calendar import Calendar
from ivr.callbacks.attempt_table import RetryKind
from ivr.callbacks.ended_call import EndedCall
from ivr.complaints.rules.model import Calling
from ivr.lifecycle import Disposition

VERIFY_FLOW: Final = "verify"
"""The flow of a verifying call."""
SOLVED_QUESTION: Final = "solved"
"""The question of that flow whether the problem is solved; answered yes or no."""

PUNCTUALITY_WINDOW: Final = timedelta(minutes=10)
"""How long after the time that the customer named the callback may still be placed outside the calling hours."""
BACKOFF: Final = tuple(timedelta(minutes=minutes) for minutes in (10, 40, 160, 480))
"""Delay after each attempt of a callback that does not count, four times the last one, up to 8 h.

After one more such attempt a person must call. Within the shipped hours, these are four attempts a day at most.
"""


@dataclass(frozen=True, slots=True)
class ProblemSolved:
    """The customer says that the problem is solved."""


@dataclass(frozen=True, slots=True)
class ProblemUnsolved:
    """The customer says that the problem is not solved."""


@dataclass(frozen=True, slots=True)
class CustomerReached:
    """The customer was reached; the callback is done."""


@dataclass(frozen=True, slots=True)
class Rebooked:
    """The customer asked for another time, which is a new booking."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The customer was not reached; the next attempt is at `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HandedToPerson:
    """The service makes no further attempt; a person must follow up."""

    why: str


@dataclass(frozen=True, slots=True)
class DoNotCallProposed:
    """The call was rejected as unwanted or as spam: the service stops; a person must confirm that it never calls."""

    why: str


FollowUp = ProblemSolved | ProblemUnsolved | CustomerReached | Rebooked | RetryAt | HandedToPerson | DoNotCallProposed

_REJECTED_AS: Final = {
    "unwanted": "the customer rejects the call as unwanted",
    "spam": "the network rejects it as spam",
}


def may_call(calling: Calling, calendar: Calendar, requested_at: datetime | None, now: datetime) -> bool:
    """Return whether the customer may be called now; `requested_at` is the time that they named, if any."""
    on_time = requested_at is not None and timedelta() <= now - requested_at < PUNCTUALITY_WINDOW
    return on_time or calling.hours.contains(calendar, now)


def follow_up(
    calling: Calling, calendar: Calendar, ended: EndedCall, counted: int, uncounted: int, *, verifying: bool
) -> FollowUp:
    """Return what follows from a call, after `counted` attempts that counted and `uncounted` that did not."""
    if verifying and ended.answer in ("yes", "no"):
        return ProblemSolved() if ended.answer == "yes" else ProblemUnsolved()
    if ended.disposition is Disposition.CALLBACK_BOOKED:
        return Rebooked()
    if ended.verdict.retry is RetryKind.NEVER:
        return DoNotCallProposed(_REJECTED_AS[ended.cause])
    if ended.disposition in (Disposition.REFUSED, Disposition.CONSENT_DENIED):
        return HandedToPerson("the customer does not want to be asked")
    if ended.answered_at and not verifying and not ended.cut_off and ended.disposition is not Disposition.FAILED:
        return CustomerReached()
    if ended.verdict.retry is RetryKind.BACKOFF:
        delays, earlier, what = BACKOFF, uncounted, "attempts without ringing"
    else:
        delays, earlier, what = calling.again_after, counted, "calls"
    if earlier >= len(delays):
        return HandedToPerson(f"after {earlier + 1} {what}")
    return RetryAt(calling.hours.next_within(calendar, ended.at + delays[earlier]))
