"""When a promised call is made, and what follows from how it went. Pure.

Must not know: who calls, how bookings are kept, the present time.
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
"""Its question: whether the problem is solved; yes or no."""

PUNCTUALITY_WINDOW: Final = timedelta(minutes=10)
"""A call at a time that the customer has named is made until so long after it, whatever the hours."""
FAULT_RETRY_DELAY: Final = timedelta(minutes=10)
"""After a fault of ours, or of the network, that kept a phone from ringing."""
FAULT_CAUSES: Final = frozenset({"failed", "congestion", "protocol"})
"""The causes of calls that nobody has heard ring."""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """How a call went. `answer` is the one to SOLVED; `cause` one of lifecycle.HANGUP_CAUSES."""

    at: datetime
    disposition: Disposition
    cause: str
    answered: bool
    answer: Value = None

    @property
    def counts(self) -> bool:
        """Whether it is one of the few attempts: not where a fault kept the phone from ringing."""
        return self.answered or self.cause not in FAULT_CAUSES


@dataclass(frozen=True, slots=True)
class ProblemSolved:
    """The customer says that the problem is solved."""


@dataclass(frozen=True, slots=True)
class ProblemUnsolved:
    """The customer says that it is not."""


@dataclass(frozen=True, slots=True)
class CustomerReached:
    """The promise of a call was kept."""


@dataclass(frozen=True, slots=True)
class Rebooked:
    """The customer has asked for another time, which is a booking of its own."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Nobody was reached; the next attempt is at `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HandedToPerson:
    """The service calls no more, and a person must."""

    why: str


FollowUp = ProblemSolved | ProblemUnsolved | CustomerReached | Rebooked | RetryAt | HandedToPerson


def may_call(calling: Calling, calendar: Calendar, requested_at: datetime | None, now: datetime) -> bool:
    """Whether the customer may be called now; `wished` is the time that they named, if they did."""
    on_time = requested_at is not None and timedelta() <= now - requested_at < PUNCTUALITY_WINDOW
    return on_time or calling.hours.contains(calendar, now)


def follow_up(calling: Calling, calendar: Calendar, ended: EndedCall, earlier: int, *, verifying: bool) -> FollowUp:
    """What follows from a call, after `earlier` attempts that counted."""
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
