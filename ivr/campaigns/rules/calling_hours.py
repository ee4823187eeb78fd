"""Calling hours: the weekly windows of a project, narrowed for a contact, below a ceiling that nobody can widen. Pure.

Hours fail closed: what cannot be read is refused, and a day without a window is a day without calls. Must not know:
projects, contacts, the current time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator

from ivr.calendar import ZONE, Calendar

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
PartOfDay = Literal["morning", "afternoon", "evening"]

WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PARTS_OF_DAY: Final[tuple[tuple[PartOfDay, time], ...]] = (
    ("morning", time(0)),
    ("afternoon", time(12)),
    ("evening", time(18)),
)
"""The parts of a day and when each begins."""

HORIZON: Final = timedelta(days=400)
"""How far to look for the next time within the hours: more than a year, so that any one day of the year is found."""
LOOK_BACK: Final = timedelta(days=7)
"""How far before the time that a customer asked for the nearest allowed time may be."""
BEFORE_CLOSING: Final = timedelta(minutes=15)
"""How long before the end of a window a call begins that was asked for after its end."""

_WINDOW: Final = re.compile(r"(\d{1,2}):(\d{2})\s*[-–—~～至到]\s*(\d{1,2}):(\d{2})")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class TimeWindow:
    """A part of a day, from `opens` until before `closes`.

    Raises:
        ValueError: it does not end after it begins; a window cannot pass midnight.
    """

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError(f"{self} must end after it begins, on the same day")

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


CEILING: Final = TimeWindow(time(8), time(22))
"""No campaign calls outside this window, in the contact's own time."""


def parse_window(written: object) -> TimeWindow:
    """Return the window that a text such as `09:00-12:00` stands for.

    Raises:
        ValueError: the text is no window within CEILING.
    """
    if isinstance(written, TimeWindow):
        window = written
    else:
        match = _WINDOW.fullmatch(str(written).replace("：", ":").strip())
        if match is None or not all(int(hour) < 24 for hour in (match[1], match[3])):
            raise ValueError(f"“{written}” is not a window; write e.g. 09:00-12:00")
        if not all(int(minute) < 60 for minute in (match[2], match[4])):
            raise ValueError(f"“{written}” is not a window; minutes go from 00 to 59")
        window = TimeWindow(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])))
    if window.opens < CEILING.opens or window.closes > CEILING.closes:
        raise ValueError(f"{window} exceeds {CEILING}, outside which nobody is called")
    return window


Window = Annotated[TimeWindow, BeforeValidator(parse_window), PlainSerializer(str)]
Windows = tuple[Window, ...]


class CallingHours(BaseModel):
    """The weekly windows of a project, in the contact's own time.

    A public holiday has the windows `holidays`; another day those of its weekday, if given, else those of
    `working_days` if it is a Chinese working day. A make-up workday on a Saturday is a working day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    working_days: Windows = (TimeWindow(time(9), time(12)), TimeWindow(time(14), time(20)))
    mon: Windows | None = None
    tue: Windows | None = None
    wed: Windows | None = None
    thu: Windows | None = None
    fri: Windows | None = None
    sat: Windows | None = None
    sun: Windows | None = None
    holidays: Windows = ()

    @model_validator(mode="after")
    def _some_window(self) -> Self:
        if not self.all_windows():
            raise ValueError("without any window nobody can be called")
        return self

    def all_windows(self) -> Windows:
        """Return the windows of all kinds of days."""
        own = (self._weekday(name) or () for name in WEEKDAYS)
        return tuple(window for windows in (self.working_days, self.holidays, *own) for window in windows)

    def windows(self, calendar: Calendar, day: date) -> Windows:
        """Return the windows of a day, in no particular order; they may overlap."""
        if calendar.is_holiday(day):
            return self.holidays
        own = self._weekday(WEEKDAYS[day.weekday()])
        if own is not None:
            return own
        return self.working_days if calendar.is_workday(day) else ()

    def _weekday(self, name: Weekday) -> Windows | None:
        windows: Windows | None = getattr(self, name)
        return windows


@dataclass(frozen=True, slots=True)
class AllowedHours:
    """When one contact may be called: the project's hours within CEILING, in the contact's time zone.

    `only` are the windows that the contact narrows them to; None: not narrowed. All times returned are in `zone`.
    """

    hours: CallingHours
    calendar: Calendar
    zone: tzinfo = ZONE
    only: Windows | None = None

    def windows(self, day: date) -> list[TimeWindow]:
        """Return the windows of a day, in order, none touching another."""
        allowed: list[TimeWindow] = [CEILING]
        for narrowing in (self.hours.windows(self.calendar, day), self.only):
            if narrowing is not None:
                allowed = _union(_intersection(allowed, narrowing))
        return allowed

    def contains(self, moment: datetime) -> bool:
        """Return whether the contact may be called at a time."""
        here = moment.astimezone(self.zone)
        return any(window.opens <= here.time() < window.closes for window in self.windows(here.date()))

    def periods(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the beginning and the end of each allowed period from `since` on, in order, up to HORIZON."""
        day = since.astimezone(self.zone).date()
        last = day + HORIZON if self._ever() else day
        while day <= last:
            for window in self.windows(day):
                opens, closes = (
                    datetime.combine(day, clock, self.zone).astimezone(UTC).astimezone(self.zone)
                    for clock in (window.opens, window.closes)
                )
                begins = max(opens, since.astimezone(self.zone), key=_instant)
                if _instant(begins) < _instant(closes):
                    yield begins, closes
            day += _DAY

    def _ever(self) -> bool:
        """Return whether any window of the project overlaps with one of the contact's."""
        return self.only is None or bool(_intersection(self.hours.all_windows(), self.only))

    def next_within(self, moment: datetime) -> datetime | None:
        """Return the earliest allowed time that is not before `moment`; None if there is none up to HORIZON."""
        return next((begins for begins, _ in self.periods(moment)), None)

    def nearest(self, wish: datetime, now: datetime) -> datetime | None:
        """Return the allowed time nearest to the time that a customer asked for, not before `now`; None if none is.

        An earlier one is at most LOOK_BACK earlier, and so long before its window closes that the call fits in.
        """
        later = self.next_within(max(wish, now))
        if wish <= now or (later is not None and later == wish):
            return later
        earlier = self._last_period(max(now, wish - LOOK_BACK), wish)
        if earlier is None:
            return later
        begins, closes = earlier
        if later is not None and _instant(later) - _instant(wish) <= _instant(wish) - _instant(closes):
            return later
        return max(begins, closes - BEFORE_CLOSING, key=_instant)

    def _last_period(self, since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
        """Return the last allowed period after `since` that is over at `until`."""
        last = None
        for begins, closes in self.periods(since):
            if closes > until:
                break
            last = begins, closes
        return last


def part_of_day(moment: datetime, zone: tzinfo) -> PartOfDay:
    """Return the part of the day that a time lies in."""
    clock = moment.astimezone(zone).time()
    return [part for part, begins in PARTS_OF_DAY if begins <= clock][-1]


def split_by_part(begins: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Split a period of one day where a part of the day begins."""
    for _, clock in PARTS_OF_DAY:
        border = datetime.combine(begins.date(), clock, begins.tzinfo)
        if begins < border < ends:
            yield begins, border
            begins = border
    yield begins, ends


def _instant(moment: datetime) -> datetime:
    """Return a time in UTC: times in one zone are compared by the clock on the wall, which may go back."""
    return moment.astimezone(UTC)


def _intersection(windows: Iterable[TimeWindow], others: Sequence[TimeWindow]) -> list[TimeWindow]:
    return [
        TimeWindow(max(one.opens, other.opens), min(one.closes, other.closes))
        for one in windows
        for other in others
        if max(one.opens, other.opens) < min(one.closes, other.closes)
    ]


def _union(windows: Iterable[TimeWindow]) -> list[TimeWindow]:
    united: list[TimeWindow] = []
    for window in sorted(windows):
        if united and window.opens <= united[-1].closes:
            united[-1] = TimeWindow(united[-1].opens, max(united[-1].closes, window.closes))
        else:
            united.append(window)
    return united
