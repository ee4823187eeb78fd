"""Chinese working days and festivals: the yearly notice of the State Council, with an operator's overrides. Pure.

Days are Chinese days, whatever zone a moment is given in. Must not know: files, the present time, what is due when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from chinese_calendar import Holiday, get_holiday_detail
from pydantic import BaseModel, ConfigDict, model_validator

from ivr import document

Festival = Literal["new_year", "spring_festival", "labour_day", "mid_autumn", "national_day"]
DayOff = Literal[
    "new_year", "spring_festival", "labour_day", "mid_autumn", "national_day", "tomb_sweeping", "dragon_boat", "other"
]

ZONE: Final = ZoneInfo("Asia/Shanghai")

FESTIVALS: Final[dict[str, Festival]] = {
    Holiday.new_years_day.value: "new_year",
    Holiday.spring_festival.value: "spring_festival",
    Holiday.labour_day.value: "labour_day",
    Holiday.mid_autumn_festival.value: "mid_autumn",
    Holiday.national_day.value: "national_day",
}
"""The festivals that callers are greeted with (R3), by the names of the library."""

_GREETED: Final[dict[str, Festival]] = {festival: festival for festival in FESTIVALS.values()}
HORIZON: Final = timedelta(days=60)
"""Deadlines, and plans for the next month, reach so far at most."""

_DAY: Final = timedelta(days=1)


class Overrides(BaseModel):
    """The shape of calendar.yaml: days off with what they are for, and days worked although they seem free."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days_off: dict[date, DayOff] = {}
    workdays: frozenset[date] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _empty_file(cls, data: object) -> object:
        return {} if data is None else data

    @model_validator(mode="after")
    def _reject_overlap(self) -> Overrides:
        for day in sorted(self.workdays & self.days_off.keys()):
            raise ValueError(f"{day} cannot be a day off and a workday")
        return self


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked, and which are festivals.

    An override outranks the notice. In a year without a notice Monday to Friday are worked and no festival is known
    but those of the overrides; `has_notice` tells.
    """

    days_off: Mapping[date, DayOff] = field(default_factory=dict)
    workdays: frozenset[date] = frozenset()

    def has_notice(self, year: int) -> bool:
        """Whether the notice for the year is known, with its moved days and make-up workdays."""
        return _notice(date(year, 1, 1)) is not None

    def unknown_year(self, today: date) -> int | None:
        """The year that deadlines of these days reach into and that has no notice yet; None when there is none."""
        year = (today + HORIZON).year
        return None if self.has_notice(year) else year

    def is_workday(self, day: date) -> bool:
        """Whether people work on this day."""
        if day in self.workdays:
            return True
        if day in self.days_off:
            return False
        notice = _notice(day)
        return day.weekday() < 5 if notice is None else not notice[0]

    def festival(self, day: date) -> Festival | None:
        """The festival that this day off is given for; None on any other day, make-up workdays among them."""
        if day in self.days_off:
            return _GREETED.get(self.days_off[day])
        notice = _notice(day)
        if day in self.workdays or notice is None or not notice[0]:
            return None
        return FESTIVALS.get(notice[1])

    def add_working_days(self, moment: datetime, days: int) -> datetime:
        """The moment after `days` whole working days, in Chinese time.

        From a working day it is the same time of day later; time off counts for nothing, so that a Saturday is like the
        first moment of the Monday after it.

        Raises:
            ValueError: the moment has no zone, or `days` is negative.
        """
        if moment.tzinfo is None or days < 0:
            raise ValueError(f"{moment} needs a zone, and {days} must not be negative")
        local = moment.astimezone(ZONE)
        if not self.is_workday(local.date()):
            local = datetime.combine(self._next_workday(local.date()), time(), ZONE)
        day = local.date()
        for _ in range(days):
            day = self._next_workday(day)
        return datetime.combine(day, local.time(), ZONE)

    def _next_workday(self, day: date) -> date:
        day += _DAY
        while not self.is_workday(day):
            day += _DAY
        return day


def parse(source: str, file: str) -> Calendar:
    """Read the text of a file of overrides; an empty one has none.

    Raises:
        FaultyFile: it is no YAML, or says something that the calendar does not understand.
    """
    overrides = document.parse(Overrides, source, file)
    return Calendar(overrides.days_off, overrides.workdays)


def _notice(day: date) -> tuple[bool, str] | None:
    """Whether the day is off, and for what ("" where for nothing in particular); None where no notice is known."""
    try:
        off, name = get_holiday_detail(day)
    except NotImplementedError:
        return None
    return off, name or ""
