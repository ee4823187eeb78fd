"""The retry policy of callbacks: when a callback may be placed, and what follows from its outcome. Pure.

Must not know: who places calls, how bookings are stored, the current time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ivr.calendar import Calendar
from ivr.complaints.rules.model import Calling
from ivr.events import Value
from ivr.lifecycle import Disposition

VERIFY_FLOW: Final = "verify"
"""The flow of a verifying call."""
SOLVED_QUESTION: Final = "solved"
"""The question of that flow whether the problem is solved; answered yes or no."""

PUNCTUALITY_WINDOW: Final = timedelta(minutes=10)
"""How long after the time that the customer named the callback may still be placed outside the calling hours."""
FAULT_RETRY_DELAY: Final = timedelta(minutes=10)
"""Delay before the next attempt if a fault of the service or the network kept the phone from ringing."""
FAULT_CAUSES: Final = frozenset({"failed", "congestion", "protocol"})
"""The hangup causes of calls that did not ring."""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """The outcome of a call. `answer` is the answer to SOLVED_QUESTION, `cause` one of lifecycle.HANGUP_CAUSES."""

    at: datetime
    disposition: Disposition
    cause: str
    answered: bool
    answer: Value = None

    @property
    def counts(self) -> bool:
        """Whether the call counts as an attempt: not if a fault kept the phone from ringing."""
        return self.answered or self.cause not in FAULT_CAUSES


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


FollowUp = ProblemSolved | ProblemUnsolved | CustomerReached | Rebooked | RetryAt | HandedToPerson


def may_call(calling: Calling, calendar: Calendar, requested_at: datetime | None, now: datetime) -> bool:
    """Return whether the customer may be called now; `requested_at` is the time that they named, if any."""
    on_time = requested_at is not None and timedelta() <= now - requested_at < PUNCTUALITY_WINDOW
    return on_time or calling.hours.contains(calendar, now)


def follow_up(calling: Calling, calendar: Calendar, ended: EndedCall, earlier: int, *, verifying: bool) -> FollowUp:
    """Return what follows from a call, after `earlier` attempts that counted."""
    if verifying and ended.answer in ("yes", "no"):
        return ProblemSolved() if ended.answer == "yes" else ProblemUnsolved()
    if ended.disposition is Disposition.CALLBACK_BOOKED:
        return Rebooked()
    if ended.disposition in (Disposition.REFUSED, Disposition.CONSENT_DENIED):
        return HandedToPerson("the customer does not want to be asked")
    if ended.answered and not verifying and ended.disposition is not Disposition.FAILED:
        return CustomerReached()
    if not ended.counts:
        return RetryAt(calling.hours.next_within(calendar, ended.at + FAULT_RETRY_DELAY))
    if earlier >= len(calling.again_after):
        return HandedToPerson(f"after {earlier + 1} calls")
    return RetryAt(calling.hours.next_within(calendar, ended.at + calling.again_after[earlier]))
