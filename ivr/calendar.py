"""Chinese working days and festivals: the State Council's annual notice plus the operator's overrides. Pure.

Days are calendar days in China, regardless of a moment's time zone. Must not know: files, the current time, deadlines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
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
"""Festivals with a greeting for callers (R3), by their names in `chinese_calendar`."""

_GREETED: Final[dict[str, Festival]] = {festival: festival for festival in FESTIVALS.values()}
HORIZON: Final = timedelta(days=60)
"""Furthest that deadlines, and rosters planned for the next month, reach into the future."""

_DAY: Final = timedelta(days=1)


class Overrides(BaseModel):
    """Schema of calendar.yaml: extra days off with their festival, and workdays on dates that would be free."""

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
            raise ValueError(f"{day} is both a day off and a workday; remove one entry")
        return self


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days and festivals.

    Overrides take precedence over the notice. In a year without a notice (see `has_notice`), Monday to Friday are
    workdays and only the festivals of the overrides are known.
    """

    days_off: Mapping[date, DayOff] = field(default_factory=dict)
    workdays: frozenset[date] = frozenset()

    def has_notice(self, year: int) -> bool:
        """Return whether the notice of the year, with its moved holidays and make-up workdays, is known."""
        return _notice(date(year, 1, 1)) is not None

    def unknown_year(self, today: date) -> int | None:
        """Return the year within deadline range of `today` that has no notice yet; None if all have one."""
        year = (today + HORIZON).year
        return None if self.has_notice(year) else year

    def is_workday(self, day: date) -> bool:
        """Return whether the day is a workday."""
        if day in self.workdays:
            return True
        if day in self.days_off:
            return False
        notice = _notice(day)
        return day.weekday() < 5 if notice is None else not notice[0]

    def is_holiday(self, day: date) -> bool:
        """Return whether the day is a public holiday, or may be one because its year has no notice.

        An ordinary weekend is no holiday. In a year without a notice, only the workdays of the overrides are not.
        """
        if day in self.workdays:
            return False
        notice = _notice(day)
        return day in self.days_off or notice is None or (notice[0] and bool(notice[1]))

    def festival(self, day: date) -> Festival | None:
        """Return the festival of a day off; None for any other day, including make-up workdays."""
        if day in self.days_off:
            return _GREETED.get(self.days_off[day])
        notice = _notice(day)
        if day in self.workdays or notice is None or not notice[0]:
            return None
        return FESTIVALS.get(notice[1])

    def add_working_days(self, moment: datetime, days: int) -> datetime:
        """Return the moment `days` whole working days later, in China time.

        The time of day is kept. Days off do not count: a moment on a Saturday is treated as 00:00 on the next workday.

        Raises:
            ValueError: the moment has no time zone, or `days` is negative.
        """
        if moment.tzinfo is None or days < 0:
            raise ValueError(f"{moment} needs a time zone, and {days} days must not be negative")
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
    """Parse the text of an overrides file; an empty file has no overrides.

    Raises:
        FaultyFile: the text is not YAML or does not match the schema.
    """
    overrides = document.parse(Overrides, source, file)
    return Calendar(overrides.days_off, overrides.workdays)


@lru_cache(maxsize=4096)
def _notice(day: date) -> tuple[bool, str] | None:
    """Return whether the day is off and its festival ("" if none); None if the year's notice is unknown."""
    try:
        off, name = get_holiday_detail(day)
    except NotImplementedError:
        return None
    return off, name or ""
