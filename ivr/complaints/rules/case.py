"""The read model of a case. Must not know: tables, databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from ivr.complaints.rules.life import CaseState
from ivr.complaints.rules.model import Grade, Tier
from ivr.errors import HuifangError
from ivr.events import Value

ReaderRole = Literal["staff", "management"]
"""The role of a reader: only management sees confidential cases and what was said on their calls (R18)."""


class UnknownCase(HuifangError):
    """No case with this number exists, or the reader may not see it."""


@dataclass(frozen=True, slots=True)
class Case:
    """The current state of a case. `tier`, `line`, `owner`, `article`, `responsible` are None until it is routed.

    `responsible` is the line that received it first, `handler` the person it was assigned to, `article` the rule that
    routed it. `contact_due` and `reply_due` are None for a case without deadlines.
    """

    number: str
    kind: str
    reason: str
    details: Mapping[str, Value]
    call: str | None
    customer: str | None
    opened_at: datetime
    state: CaseState
    grade: Grade
    grade_reason: str
    grade_by: str
    confidential: bool
    responsible: str | None
    tier: Tier | None
    line: str | None
    owner: str | None
    article: str | None
    handler: str
    contact_due: datetime | None
    contacted_at: datetime | None
    reply_due: datetime | None
    replied_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseStep:
    """A step in the history of a case: when, who, what and why."""

    at: datetime
    who: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class VerifyingCall:
    """A callback that verifies the resolution with the customer; `state` is open, done or cancelled.

    `attempts` is the number of attempts so far, `next_at` the time of the next one. If it is None while the state is
    open, an attempt is in progress, or a person must make the call. `do_not_call_proposed`: the call was rejected as
    unwanted or as spam, and a person must decide.
    """

    at: datetime
    state: str
    attempts: int
    next_at: datetime | None
    do_not_call_proposed: bool = False


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its history, oldest first, and its verifying calls."""

    case: Case
    steps: tuple[CaseStep, ...]
    verifying_calls: tuple[VerifyingCall, ...]


@dataclass(frozen=True, slots=True)
class ReviewShares:
    """The progress of `total` bad reviews: how many were investigated, resolved, and verified by a callback (R11)."""

    total: int
    looked_into: int
    put_right: int
    called_back: int

    def percent(self, count: int) -> float:
        """Return a count as a percentage of all reviews; 100 if there are none."""
        return 100 * count / self.total if self.total else 100.0


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """The status of a case that may be announced to its customer; `open` until the customer has been told the result.

    `tier` and `roster` are those of the line that handles it (see ivr.events.CaseFound).
    """

    number: str
    kind: str
    open: bool
    opened_at: datetime
    tier: str = ""
    roster: str = ""


_FILES: Final = TypeAdapter(CaseFile)
_CASES: Final = TypeAdapter(Case)


def plain(case: Case | CaseFile) -> dict[str, Any]:
    """Return the case as JSON-compatible data; the case of a file is flattened into the top level."""
    if isinstance(case, Case):
        written: dict[str, Any] = _CASES.dump_python(case, mode="json")
        return written
    written = _FILES.dump_python(case, mode="json")
    return {**written.pop("case"), **written}
