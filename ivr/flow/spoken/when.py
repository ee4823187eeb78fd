"""Parser for spoken callback times. Must not know: calling hours, who calls.

Own code because libraries cover too few spoken forms: dateparser 1.5 understands 2 of the 11 Chinese forms that
callers use most (明天下午三点 gives None), and recognizers-text has had no release since 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from ivr.flow.spoken import when_en, when_zh
from ivr.flow.spoken.result import Parsed, ParsedNothing, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.text import CHINESE, ENGLISH, normalise
from ivr.flow.spoken.when_terms import (
    WHOLE_DAY,
    ClockTime,
    Day,
    PartOfDay,
    SpokenDate,
    SpokenDays,
    SpokenDelay,
    SpokenNow,
    SpokenWeek,
    SpokenWeekday,
    SpokenWeekend,
    scan,
)

MAX_AHEAD = timedelta(days=31)

_RULES = {CHINESE: when_zh.RULES, ENGLISH: when_en.RULES}
_WORDS = {CHINESE: when_zh.WORDS, ENGLISH: when_en.WORDS}


@dataclass(frozen=True, slots=True)
class SpokenTime:
    """A moment and its precision; `start` is in the time zone of the reference time `now`.

    A part of the day means its usual hour (上午 10, 中午 12, 下午 15, 晚上 19), a day 10 o'clock.
    """

    start: datetime
    precision: Literal["minute", "part_of_day", "day"]


def parse_when(text: str, language: str, now: datetime) -> Parsed[SpokenTime]:
    """Return the time said, relative to `now` (aware): ParsedValue, ParsedOutOfRange if it is in the past or more than
    31 days ahead, or ParsedNothing.

    A bare hour is read within 8 to 20 o'clock (三点 is 15:00). An unspecified day means the next occurrence: 下午两点
    is today, or tomorrow once it has passed; likewise for weekdays and days of the month. 下周三 and "next wednesday"
    are in the next calendar week. A part of the day that has begun means its next full hour.
    """
    terms = scan(normalise(text, language), _RULES[language])
    if not terms:
        return ParsedNothing()
    if terms == {SpokenNow()}:
        return ParsedValue(SpokenTime(now, "minute"))
    delays = [term for term in terms if isinstance(term, SpokenDelay)]
    days = [term for term in terms if isinstance(term, Day)]
    parts = [term for term in terms if isinstance(term, PartOfDay)]
    clocks = [term for term in terms if isinstance(term, ClockTime)]
    if SpokenNow() in terms or max(len(days), len(parts), len(clocks)) > 1 or (delays and len(terms) > 1):
        return ParsedNothing()
    whens = [_after_delay(delay, now) for delay in delays] or [
        when
        for day in _dates(next(iter(days), None), now.date())
        for when in _times(day, next(iter(parts), None), next(iter(clocks), None), now)
    ]
    ahead = [when for when in whens if when.start > now]
    if ahead and ahead[0].start - now <= MAX_AHEAD:
        return ParsedValue(ahead[0])
    return ParsedOutOfRange((ahead or whens)[0]) if whens else ParsedNothing()


def when_words(language: str) -> tuple[str, ...]:
    """Return the words that a sequence grammar needs for times; fixed expressions are one word: 三点, 下周一."""
    return _WORDS[language]


def _after_delay(after: SpokenDelay, now: datetime) -> SpokenTime:
    return SpokenTime(
        (now.astimezone(UTC) + after.delay).astimezone(now.tzinfo).replace(second=0, microsecond=0), "minute"
    )


def _dates(day: Day | None, today: date) -> Iterable[date]:
    """Return the possible days, most likely first."""
    monday = today - timedelta(days=today.weekday())
    match day:
        case None:
            return [today, today + timedelta(days=1)]
        case SpokenDays(days):
            return [today + timedelta(days=days)]
        case SpokenWeek(weeks):
            return [monday + timedelta(weeks=weeks)]
        case SpokenWeekday(weekday, weeks):
            this_week = monday + timedelta(days=weekday)
            if weeks is None:
                return [ahead for ahead in (this_week, this_week + timedelta(weeks=1)) if ahead >= today]
            return [this_week + timedelta(weeks=weeks)]
        case SpokenWeekend(weeks):
            saturday = monday + timedelta(days=5, weeks=weeks or 0)
            both = [saturday, saturday + timedelta(days=1)]
            return (
                both if weeks is not None else [one for one in (*both, saturday + timedelta(weeks=1)) if one >= today]
            )
        case SpokenDate():
            return _of_month(day, today)


def _of_month(day: SpokenDate, today: date) -> Iterator[date]:
    if day.month is not None:
        months = [(today.year, day.month), (today.year + 1, day.month)]
    else:
        offsets = (0, 1, 2) if day.months is None else (day.months,)
        months = [divmod(today.year * 12 + today.month - 1 + offset, 12) for offset in offsets]
        months = [(year, month + 1) for year, month in months]
    for year, month in months:
        try:
            yield date(year, month, day.day)
        except ValueError:
            continue


def _times(day: date, part: PartOfDay | None, clock: ClockTime | None, now: datetime) -> Iterator[SpokenTime]:
    """Yield the possible moments of a day, most likely first."""
    if clock:
        for hour in _hours(clock.hour, part):
            yield SpokenTime(_at(day, hour, clock.minute, now), "minute")
        return
    stretch = part or WHOLE_DAY
    hour = stretch.default
    if day == now.date() and now.hour + 1 < stretch.end:
        hour = max(hour, now.hour + 1)
    yield SpokenTime(_at(day, hour, 0, now), "part_of_day" if part else "day")


def _hours(hour: int, part: PartOfDay | None) -> list[int]:
    """Return the possible meanings of a spoken hour, in hours from midnight."""
    if hour > 12 or (hour == 0 and part is None):
        return [hour]
    stretch = part or WHOLE_DAY
    return [hour % 12 + half for half in (0, 12, 24) if stretch.first <= hour % 12 + half < stretch.last]


def _at(day: date, hour: int, minute: int, now: datetime) -> datetime:
    days, hour = divmod(hour, 24)
    return datetime.combine(day + timedelta(days=days), time(hour, minute), tzinfo=now.tzinfo)
