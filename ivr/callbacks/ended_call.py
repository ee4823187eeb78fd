"""How a call that the service placed has ended, as the rules of callbacks and campaigns see it. Pure.

Must not know: why the call was placed, how calls are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ivr.callbacks.attempt_table import REACHED_THE_PHONE, AttemptVerdict, attempt_verdict
from ivr.events import Value
from ivr.lifecycle import Disposition

CUT_OFF_WITHIN: Final = timedelta(seconds=10)
"""A call that ends this soon after its answer, with no question answered, was cut off.

The longest opening of the shipped flows takes 8.7 s.
"""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """The outcome of a call. `cause` is one of lifecycle.HANGUP_CAUSES, `answer` the answer to
    retry_policy.SOLVED_QUESTION, of a verifying call.

    `rang` is whether the phone rang, `answered_at` None for a call that nobody answered, or only a machine;
    `responsive` is whether the customer answered any question.
    """

    at: datetime
    disposition: Disposition
    cause: str
    rang: bool = False
    answered_at: datetime | None = None
    responsive: bool = False
    answer: Value = None

    @property
    def verdict(self) -> AttemptVerdict:
        """Whether the call counts as an attempt, and when the next one follows if the customer was not reached."""
        if self.answered_at or self.disposition is Disposition.MACHINE:
            return REACHED_THE_PHONE
        return attempt_verdict(self.cause, rang=self.rang)

    @property
    def cut_off(self) -> bool:
        """Whether the call ended before the customer could say anything."""
        return (
            self.answered_at is not None
            and not self.responsive
            and self.disposition is not Disposition.COMPLETED
            and self.at - self.answered_at < CUT_OFF_WITHIN
        )
