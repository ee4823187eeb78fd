"""What is read of a case. Must not know: tables, databases."""

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
"""Who reads: only management sees confidential cases, and what was said on their calls (R18)."""


class UnknownCase(HuifangError):
    """There is no case with this number, or none that the reader may see."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is now. `tier`, `line`, `owner`, `article`, `responsible` are None until it is routed.

    `responsible` is the line that received it first, `handler` the person it was assigned to, `article` the rule that
    led it where it is. Times due are None where no clock runs.
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
    """What was done, by whom and why."""

    at: datetime
    who: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class VerifyingCall:
    """A call to the customer that verifies what was done; `state` is open, done or cancelled.

    `attempts` were made so far; `next_at` is the next one. An open one that has none is being made, or a person must
    make it.
    """

    at: datetime
    state: str
    attempts: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its history, oldest first, and its verifying calls."""

    case: Case
    steps: tuple[CaseStep, ...]
    verifying_calls: tuple[VerifyingCall, ...]


@dataclass(frozen=True, slots=True)
class ReviewShares:
    """Of `total` bad reviews: how many were looked into, put right, and verified by a call back (R11)."""

    total: int
    looked_into: int
    put_right: int
    called_back: int

    def percent(self, count: int) -> float:
        """A count's share; of no reviews at all everything is done."""
        return 100 * count / self.total if self.total else 100.0


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """A case as its customer may be told of it; `open` until the result has been told.

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
    """The case in JSON's terms; a file has its case's fields on top."""
    if isinstance(case, Case):
        written: dict[str, Any] = _CASES.dump_python(case, mode="json")
        return written
    written = _FILES.dump_python(case, mode="json")
    return {**written.pop("case"), **written}
