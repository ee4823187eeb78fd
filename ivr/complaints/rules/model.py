"""The schema of lines.yaml: who answers and handles complaints. Must not know: files, cases, the current time."""

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
"""The owner of cases that only management handles; it has no line."""

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
        raise ValueError(f"“{written}” is not a duration; write e.g. 30 min, 2 h or 4 d")
    return int(match[1]) * _UNITS[match[2]]


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class LinesPart(BaseModel):
    """The base of all models of the file: immutable, unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OfficeHours(LinesPart):
    """The hours of a line or of outbound calls, in Chinese time: from `opens` until before `closes`."""

    days: Literal["every_day", "working_days"] = "every_day"
    opens: time
    closes: time

    def contains(self, calendar: Calendar, moment: datetime) -> bool:
        """Return whether a time is within the hours."""
        here = moment.astimezone(ZONE)
        worked = self.days == "every_day" or calendar.is_workday(here.date())
        return worked and self.opens <= here.time() < self.closes

    def next_within(self, calendar: Calendar, moment: datetime) -> datetime:
        """Return the earliest time within the hours that is not before `moment`, in Chinese time."""
        here = moment.astimezone(ZONE)
        day = here.date() if here.time() < self.closes else here.date() + _DAY
        while self.days == "working_days" and not calendar.is_workday(day):
            day += _DAY
        return max(here, datetime.combine(day, self.opens, ZONE))


class ComplaintLine(LinesPart):
    """A telephone line for complaints, owned by a department or a branch; without `hours` it is always open."""

    title: Title
    tier: LineTier
    number: DisplayNumber
    department: LineName | None = None
    branch: LineName | None = None
    roster: LineName
    hours: OfficeHours | None = None
    overflow: LineName | None = Field(
        None, description="The line that takes over outside the hours, or when all agents are busy."
    )

    @property
    def owner(self) -> str:
        """The department or branch that owns the line."""
        return self.branch or self.department or ""


class Department(LinesPart):
    """A department of the head office."""

    title: Title


class Branch(LinesPart):
    """A first-level branch, or an outlet `of` a first-level branch."""

    title: Title
    of: LineName | None = None


class Business(LinesPart):
    """A business area that complaints may concern, and the head-office department responsible for it."""

    title: Title
    department: LineName


class RuleCondition(LinesPart):
    """The condition of a rule; omitted fields match anything. `about` is the tier of the line complained about."""

    kind: tuple[Kind, ...] = ()
    grade: Grade | None = None
    called: tuple[LineTier, ...] = ()
    about: tuple[LineTier, ...] = ()
    branch: bool | None = None
    business: bool | None = None


class RoutingRule(LinesPart):
    """A routing rule; the first one that matches applies.

    `to` is `called` (the line that received the complaint), `branch`, `business` (its department), `supervision`,
    `management`, or a department.
    """

    article: Article
    when: RuleCondition = RuleCondition()
    to: LineName


class ContactClock(LinesPart):
    """The time allowed for the first contact with the customer; `warn` lists how long before the deadline to warn."""

    within: Duration
    warn: tuple[Duration, ...] = ()


class ReplyClock(LinesPart):
    """The time allowed for the reply, in Chinese working days; `warn` lists how long before the deadline to warn."""

    working_days: Annotated[int, Field(ge=1, le=60)]
    warn: tuple[Duration, ...] = ()


class VerifyClock(LinesPart):
    """The delay of the verifying call after the case was resolved; it is placed within the hours of Calling."""

    after: Duration


class SlaClocks(LinesPart):
    """The SLA clocks of complaints."""

    contact: ContactClock
    reply: ReplyClock
    verify: VerifyClock


class Calling(LinesPart):
    """Outbound calls that the service places automatically: the hours, and the delays between attempts."""

    hours: OfficeHours
    again_after: tuple[Duration, ...] = Field(max_length=9, description="The delay before each further attempt.")


class Lines(LinesPart):
    """The whole file."""

    version: Literal[1]
    organisation: Title
    departments: dict[LineName, Department]
    branches: dict[LineName, Branch] = {}
    businesses: dict[LineName, Business] = {}
    lines: dict[LineName, ComplaintLine]
    default_line: LineName = Field(description="The line for complaints that no line received.")
    rules: tuple[RoutingRule, ...]
    clocks: SlaClocks
    calling: Calling
    cues: dict[Concern, tuple[Title, ...]] = Field(description="Cue words of callers, by the concern they indicate.")
