"""The attempt policy of a project: what an attempt came to, how many follow, and how soon. Pure.

It extends the attempt table of callbacks, which says whether an attempt counts. Must not know: calling hours, projects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from ivr.callbacks.attempt_table import RetryKind
from ivr.callbacks.ended_call import EndedCall
from ivr.callbacks.retry_policy import BACKOFF
from ivr.complaints.rules.model import Duration
from ivr.lifecycle import Disposition

MAX_UNANSWERED: Final = 6
"""Maximum number of unanswered tries at one number within UNANSWERED_WITHIN, of all projects together."""
UNANSWERED_WITHIN: Final = timedelta(hours=24)
"""Any 24 hours, so that the limit holds for the day of every time zone."""
MAX_APPOINTMENTS: Final = 3
"""How many times of their own choice a project keeps for one contact."""


class AttemptOutcome(StrEnum):
    """What an attempt at a contact came to."""

    REACHED = "reached"
    REFUSED = "refused"
    APPOINTMENT = "appointment"
    """The customer asked to be called at another time."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    MACHINE = "machine"
    EMPTY_NUMBER = "empty_number"
    """Nobody has the number (空号)."""
    FAILED = "failed"
    """A fault of the service or of the network."""


FINAL_OUTCOMES: Final = (AttemptOutcome.REACHED, AttemptOutcome.REFUSED, AttemptOutcome.EMPTY_NUMBER)
"""The outcomes after which a contact is not called again in the project."""
WHY_FINAL: Final = {
    AttemptOutcome.REACHED: "the customer was reached",
    AttemptOutcome.REFUSED: "the customer does not want to be asked",
    AttemptOutcome.EMPTY_NUMBER: "nobody has the number (空号)",
}
"""Why each final outcome ends a contact, in plain words."""
ANOTHER_TIME_OF_DAY: Final = (AttemptOutcome.NO_ANSWER, AttemptOutcome.UNREACHABLE, AttemptOutcome.MACHINE)
"""The outcomes after which the next attempt is made at another time of day; a busy phone has somebody near it now."""
_OUTCOME_OF_CAUSE: Final = {
    "busy": AttemptOutcome.BUSY,
    "no_answer": AttemptOutcome.NO_ANSWER,
    "normal": AttemptOutcome.NO_ANSWER,
    "rejected": AttemptOutcome.NO_ANSWER,
    "unallocated": AttemptOutcome.EMPTY_NUMBER,
    "unreachable": AttemptOutcome.UNREACHABLE,
}
_OUTCOME_OF_DISPOSITION: Final = {
    Disposition.CALLBACK_BOOKED: AttemptOutcome.APPOINTMENT,
    Disposition.CONSENT_DENIED: AttemptOutcome.REFUSED,
    Disposition.FAILED: AttemptOutcome.FAILED,
    Disposition.MACHINE: AttemptOutcome.MACHINE,
    Disposition.NO_ANSWER: AttemptOutcome.NO_ANSWER,
    Disposition.REFUSED: AttemptOutcome.REFUSED,
}


def _in_words(duration: timedelta) -> str:
    minutes = duration // timedelta(minutes=1)
    for unit, length in (("d", 24 * 60), ("h", 60)):
        if minutes % length == 0:
            return f"{minutes // length} {unit}"
    return f"{minutes} min"


Delay = Annotated[Duration, Field(le=timedelta(days=60)), PlainSerializer(_in_words)]


class OutcomeLimit(BaseModel):
    """After an outcome: the delay of the next attempt, and how many attempts may have this outcome."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Delay
    at_most: Annotated[int, Field(ge=1, le=9)]


class AttemptPolicy(BaseModel):
    """How often a project tries to reach a contact.

    `max_attempts` limits all attempts that count, whatever they come to: those on which the phone rang or somebody
    answered. An attempt with an appointment does not count. The limits by outcome also hold for attempts that do not
    count, and never add to `max_attempts`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_attempts: Annotated[int, Field(ge=1, le=9)] = 3
    busy: OutcomeLimit = OutcomeLimit(after=timedelta(minutes=30), at_most=3)
    no_answer: OutcomeLimit = OutcomeLimit(after=timedelta(hours=3), at_most=3)
    unreachable: OutcomeLimit = OutcomeLimit(after=timedelta(hours=5), at_most=3)
    machine: OutcomeLimit = OutcomeLimit(after=timedelta(hours=5), at_most=2)

    def limit(self, outcome: AttemptOutcome) -> OutcomeLimit | None:
        """Return the limit for an outcome; None if it has none of its own."""
        limit: OutcomeLimit | None = getattr(self, outcome, None)
        return limit


@dataclass(frozen=True, slots=True)
class SettledAttempt:
    """A past attempt at a contact: when it began and ended, what it came to, and whether it counts."""

    at: datetime
    ended_at: datetime
    outcome: AttemptOutcome
    counted: bool


def outcome_of(ended: EndedCall) -> AttemptOutcome:
    """Return what a call to a contact came to."""
    if ended.verdict.retry is RetryKind.NEVER:
        return AttemptOutcome.REFUSED
    if ended.cut_off:
        return AttemptOutcome.NO_ANSWER
    if ended.disposition in _OUTCOME_OF_DISPOSITION and (ended.answered_at or ended.disposition is Disposition.MACHINE):
        return _OUTCOME_OF_DISPOSITION[ended.disposition]
    if ended.answered_at:
        return AttemptOutcome.REACHED
    return _OUTCOME_OF_CAUSE.get(ended.cause, AttemptOutcome.NO_ANSWER if ended.rang else AttemptOutcome.FAILED)


def counts(ended: EndedCall) -> bool:
    """Return whether a call counts towards `max_attempts`."""
    return ended.verdict.counted and outcome_of(ended) is not AttemptOutcome.APPOINTMENT


def exhausted(policy: AttemptPolicy, attempts: Sequence[SettledAttempt]) -> str:
    """Return why no further attempt may follow, in plain words; empty if one may.

    Faults of the service or the network never end a contact.
    """
    if not attempts:
        return ""
    outcomes = Counter(attempt.outcome for attempt in attempts)
    for outcome in FINAL_OUTCOMES:
        if outcomes[outcome]:
            return WHY_FINAL[outcome]
    counted = sum(attempt.counted for attempt in attempts)
    if counted >= policy.max_attempts:
        return f"{counted} attempts were made, of at most {policy.max_attempts}"
    for outcome, number in outcomes.items():
        limit = policy.limit(outcome)
        if limit is not None and number >= limit.at_most:
            return f"{number} attempts found: {outcome.replace('_', ' ')}, of at most {limit.at_most}"
    if outcomes[AttemptOutcome.APPOINTMENT] > MAX_APPOINTMENTS:
        return f"the customer asked for another time on {MAX_APPOINTMENTS + 1} calls"
    return ""


def delay(policy: AttemptPolicy, attempts: Sequence[SettledAttempt]) -> timedelta:
    """Return the delay of the next attempt after the last of `attempts`, in order; there must be one."""
    last = attempts[-1]
    limit = policy.limit(last.outcome)
    if limit is not None:
        return limit.after
    failures = 0
    for attempt in reversed(attempts):
        if attempt.outcome is not AttemptOutcome.FAILED:
            break
        failures += 1
    return BACKOFF[min(max(failures, 1), len(BACKOFF)) - 1]
