"""The attempt table: what an unanswered call means for its attempt, by hangup cause and whether the phone rang. Pure.

Must not know: networks' own codes, calling hours, how many attempts preceded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RetryKind(StrEnum):
    """When the customer is called again."""

    WAIT = "wait"
    """After the next wait of lines.yaml, or of the project."""
    BACKOFF = "backoff"
    """After a delay that grows with each such attempt."""
    NEVER = "never"
    """Not again: do-not-call is proposed."""


@dataclass(frozen=True, slots=True)
class AttemptVerdict:
    """Whether a call counts towards the maximum number of attempts, and when the customer is called again."""

    counted: bool
    retry: RetryKind


REACHED_THE_PHONE: Final = AttemptVerdict(True, RetryKind.WAIT)
"""The verdict on a call that rang or was answered."""
NOT_RUNG: Final = AttemptVerdict(False, RetryKind.BACKOFF)

ATTEMPT_TABLE: Final[Mapping[str, tuple[AttemptVerdict, AttemptVerdict]]] = MappingProxyType(
    {
        # cause            the phone rang                                it did not ring
        "normal":         (REACHED_THE_PHONE,                            NOT_RUNG),
        "busy":           (REACHED_THE_PHONE,                            NOT_RUNG),
        "no_answer":      (REACHED_THE_PHONE,                            NOT_RUNG),
        "rejected":       (REACHED_THE_PHONE,                            NOT_RUNG),
        "unwanted":       (AttemptVerdict(True, RetryKind.NEVER),        AttemptVerdict(False, RetryKind.NEVER)),
        "spam":           (AttemptVerdict(True, RetryKind.NEVER),        AttemptVerdict(False, RetryKind.NEVER)),
        "unallocated":    (REACHED_THE_PHONE,                            NOT_RUNG),
        "unreachable":    (REACHED_THE_PHONE,                            NOT_RUNG),
        "congestion":     (REACHED_THE_PHONE,                            NOT_RUNG),
        "media_lost":     (REACHED_THE_PHONE,                            NOT_RUNG),
        "protocol":       (REACHED_THE_PHONE,                            NOT_RUNG),
        "time_limit":     (REACHED_THE_PHONE,                            NOT_RUNG),
        "failed":         (REACHED_THE_PHONE,                            NOT_RUNG),
    }
)  # fmt: skip
"""One of lifecycle.HANGUP_CAUSES → the verdicts if the phone rang, and if it did not."""


def attempt_verdict(cause: str, *, rang: bool) -> AttemptVerdict:
    """Return the verdict on an unanswered call."""
    if_rang, if_silent = ATTEMPT_TABLE[cause]
    return if_rang if rang else if_silent
