"""The shape of lines.yaml: who answers and handles complaints. Must not know: files, cases, the present time."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from ivr.calendar import ZONE, Calendar

Tier = Literal["hotline", "assistance", "supervision", "management"]
LineTier = Literal["hotline", "assistance", "supervision"]
Kind = Literal["complaint", "bad_review", "call_wanted", "discipline", "fraud"]
Grade = Literal["general", "serious"]
Concern = Literal["media", "staff_safety", "important_customer", "money", "threat", "may_worsen", "misconduct"]

TIERS: Final[tuple[Tier, ...]] = ("hotline", "assistance", "supervision", "management")
"""From the lowest to the highest."""

MANAGEMENT: Final = "management"
"""The owner of what only management handles; it has no line."""

LineName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Title = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
DisplayNumber = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{1,20}$")]
Article = Annotated[str, StringConstraints(pattern=r"^R[0-9]+$")]

_DAY = timedelta(days=1)
_DURATION = re.compile(r"(\d+) ?(min|h|d)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def _duration(written: object) -> timedelta:
    if isinstance(written, timedelta):
        return written
    match = _DURATION.fullmatch(str(written))
    if match is None or not int(match[1]):
        raise ValueError(f"“{written}” is no duration; say 30 min, 2 h or 4 d")
    return int(match[1]) * _UNITS[match[2]]


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class LinesPart(BaseModel):
    """Base of everything in the file: read-only, and a key that is not known is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OfficeHours(LinesPart):
    """When a line is answered, or customers may be called, in Chinese time: from `opens` until before `closes`."""

    days: Literal["every_day", "working_days"] = "every_day"
    opens: time
    closes: time

    def contains(self, calendar: Calendar, moment: datetime) -> bool:
        """Whether this moment is within the hours."""
        here = moment.astimezone(ZONE)
        worked = self.days == "every_day" or calendar.is_workday(here.date())
        return worked and self.opens <= here.time() < self.closes

    def next_within(self, calendar: Calendar, moment: datetime) -> datetime:
        """The first moment within the hours that is not before this one, in Chinese time."""
        here = moment.astimezone(ZONE)
        day = here.date() if here.time() < self.closes else here.date() + _DAY
        while self.days == "working_days" and not calendar.is_workday(day):
            day += _DAY
        return max(here, datetime.combine(day, self.opens, ZONE))


class ComplaintLine(LinesPart):
    """A telephone line that takes complaints, owned by a department or a branch; without hours it never closes."""

    title: Title
    tier: LineTier
    number: DisplayNumber
    department: LineName | None = None
    branch: LineName | None = None
    roster: LineName
    hours: OfficeHours | None = None
    overflow: LineName | None = Field(
        None, description="The line that takes over outside the hours, or when all are busy."
    )

    @property
    def owner(self) -> str:
        """The department or the branch."""
        return self.branch or self.department or ""


class Department(LinesPart):
    """A department of the head office."""

    title: Title


class Branch(LinesPart):
    """A first-level branch, or an outlet `of` one."""

    title: Title
    of: LineName | None = None


class Business(LinesPart):
    """What a complaint may be about, and the head-office department that answers for it."""

    title: Title
    department: LineName


class RuleCondition(LinesPart):
    """What must hold for a rule; what is left out is not asked. `about` is the tier of the line complained about."""

    kind: tuple[Kind, ...] = ()
    grade: Grade | None = None
    called: tuple[LineTier, ...] = ()
    about: tuple[LineTier, ...] = ()
    branch: bool | None = None
    business: bool | None = None


class RoutingRule(LinesPart):
    """Where a complaint goes; the first rule that holds counts.

    `to` is `called` (the line that took it), `branch`, `business` (its department), `supervision`, `management`, or a
    department.
    """

    article: Article
    when: RuleCondition = RuleCondition()
    to: LineName


class ContactClock(LinesPart):
    """The time to the first contact with the customer, and how long before its end to warn."""

    within: Duration
    warn: tuple[Duration, ...] = ()


class ReplyClock(LinesPart):
    """The time to the reply, in Chinese working days, and how long before its end to warn."""

    working_days: Annotated[int, Field(ge=1, le=60)]
    warn: tuple[Duration, ...] = ()


class VerifyClock(LinesPart):
    """The verifying call comes so long after the case was resolved, within the hours of Calling."""

    after: Duration


class SlaClocks(LinesPart):
    """How soon what must be done."""

    contact: ContactClock
    reply: ReplyClock
    verify: VerifyClock


class Calling(LinesPart):
    """Calls that the service makes by itself: when, and after how long again where nobody was reached."""

    hours: OfficeHours
    again_after: tuple[Duration, ...] = Field(max_length=9, description="One wait for each further attempt.")


class Lines(LinesPart):
    """The whole file."""

    version: Literal[1]
    organisation: Title
    departments: dict[LineName, Department]
    branches: dict[LineName, Branch] = {}
    businesses: dict[LineName, Business] = {}
    lines: dict[LineName, ComplaintLine]
    default_line: LineName = Field(description="What is not received on a line counts as received here.")
    rules: tuple[RoutingRule, ...]
    clocks: SlaClocks
    calling: Calling
    cues: dict[Concern, tuple[Title, ...]] = Field(description="Words of callers, by the concern that they show.")
