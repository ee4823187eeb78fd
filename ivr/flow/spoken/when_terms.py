"""The terms of a spoken time, and the scanner that finds them. Must not know: any language, the current time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SpokenNow:
    """Immediately."""


@dataclass(frozen=True, slots=True)
class SpokenDelay:
    """An interval from now."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class SpokenDays:
    """A day counted from today (0)."""

    days: int


@dataclass(frozen=True, slots=True)
class SpokenWeekday:
    """A day of the week (Monday is 0), `weeks` after this week; None: the next occurrence."""

    weekday: int
    weeks: int | None


@dataclass(frozen=True, slots=True)
class SpokenWeekend:
    """Saturday or Sunday, `weeks` after this week; None: the next occurrence."""

    weeks: int | None


@dataclass(frozen=True, slots=True)
class SpokenWeek:
    """Any day of the week `weeks` after this one."""

    weeks: int


@dataclass(frozen=True, slots=True)
class SpokenDate:
    """A day of a month: of `month`, or `months` after this month; both None: the next occurrence."""

    day: int
    month: int | None = None
    months: int | None = None


Day = SpokenDays | SpokenWeekday | SpokenWeekend | SpokenWeek | SpokenDate


@dataclass(frozen=True, slots=True)
class PartOfDay:
    """A part of the day, in hours from midnight (above 24: the following night).

    Without an hour it means `default` or, if that has passed today, the next full hour before `end`. With an hour, that
    hour lies from `first` up to, not including, `last`.
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
"""A day without a time; also the range in which a bare hour is read (三点 is 15:00): 8 to 20 o'clock."""


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A clock time; for hours up to 12, morning or afternoon is undetermined."""

    hour: int
    minute: int = 0


Term = SpokenNow | SpokenDelay | Day | PartOfDay | ClockTime
TermRule = tuple[re.Pattern[str], Callable[[re.Match[str]], Sequence[Term] | None]]
"""A pattern and its meaning: terms (none for a filler), or None for an impossible time (25 o'clock)."""

SOON = SpokenDelay(timedelta(minutes=30))
"""“过一会儿”, "later"."""


def scan(text: str, rules: Sequence[TermRule]) -> set[Term] | None:
    """Return the terms that make up the whole text, longest match first; None if any of it matches no rule."""
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
