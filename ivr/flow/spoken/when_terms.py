"""The parts a spoken time is made of, and how they are found. Must not know: any language, what time it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SpokenNow:
    """At once."""


@dataclass(frozen=True, slots=True)
class SpokenDelay:
    """So long from now."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class SpokenDays:
    """A day counted from today (0)."""

    days: int


@dataclass(frozen=True, slots=True)
class SpokenWeekday:
    """A day of the week, Monday is 0, `weeks` after this week; None: the next one there is."""

    weekday: int
    weeks: int | None


@dataclass(frozen=True, slots=True)
class SpokenWeekend:
    """Saturday or Sunday, `weeks` after this week; None: the next one there is."""

    weeks: int | None


@dataclass(frozen=True, slots=True)
class SpokenWeek:
    """Any day of the week that is `weeks` after this one."""

    weeks: int


@dataclass(frozen=True, slots=True)
class SpokenDate:
    """A day of a month: of `month`, or `months` after this month; both None: the next one there is."""

    day: int
    month: int | None = None
    months: int | None = None


Day = SpokenDays | SpokenWeekday | SpokenWeekend | SpokenWeek | SpokenDate


@dataclass(frozen=True, slots=True)
class PartOfDay:
    """A stretch of the day, in hours from midnight (past 24: the night after).

    `default` stands for it; said with an hour, the hour is the one from `first` up to `last`; without one it can still
    be meant until `end`.
    """

    default: int
    first: int
    last: int
    end: int


BEFORE_DAWN = PartOfDay(5, first=0, last=6, end=6)
EARLY = PartOfDay(9, first=4, last=12, end=11)
MORNING = PartOfDay(10, first=6, last=13, end=12)
NOON = PartOfDay(12, first=10, last=15, end=14)
AFTERNOON = PartOfDay(15, first=12, last=22, end=18)
DUSK = PartOfDay(18, first=16, last=20, end=20)
EVENING = PartOfDay(19, first=16, last=29, end=21)
AM = PartOfDay(10, first=0, last=12, end=12)
PM = PartOfDay(15, first=12, last=24, end=18)
WHOLE_DAY = PartOfDay(10, first=8, last=21, end=20)
"""A day without a time; also how a bare hour is read (三点 is 15:00): within 8 to 20 o'clock."""


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time on the clock; up to 12 the half of the day is open."""

    hour: int
    minute: int = 0


Term = SpokenNow | SpokenDelay | Day | PartOfDay | ClockTime
TermRule = tuple[re.Pattern[str], Callable[[re.Match[str]], Sequence[Term] | None]]
"""What to look for and what it means: terms (none for a mere filler), or None for what can't be (25 o'clock)."""

SOON = SpokenDelay(timedelta(minutes=30))
"""“过一会儿”, "later"."""


def scan(text: str, rules: Sequence[TermRule]) -> set[Term] | None:
    """The terms that the whole text is made of, the longest match first; None when some of it is none."""
    terms: set[Term] = set()
    at = 0
    while at < len(text):
        found = [(match, meaning) for pattern, meaning in rules if (match := pattern.match(text, at))]
        match, meaning = max(found, key=lambda one: one[0].end(), default=(None, None))
        if not match or not meaning or match.end() == at or (said := meaning(match)) is None:
            return None
        terms.update(said)
        at = match.end()
    return terms
