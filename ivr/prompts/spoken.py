"""Spoken values: maps a typed value to the names of the recorded fragments that say it.

Pure. Must not know: catalogs, audio, clocks (the current time is a parameter).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Protocol

from ivr.errors import HuifangError
from ivr.events import Value
from ivr.phone_number import canonical_number, national_format
from ivr.prompts.english import English
from ivr.prompts.mandarin import Mandarin

Group = tuple[str, ...]
"""Fragments spoken without a pause."""

EXTENSION: Final = ";ext="
"""Separates a telephone number from its extension (RFC 3966)."""
MAX_SCORE: Final = 10
MAX_NUMBER: Final = 9999
KINDS: Final[Mapping[str, str]] = {
    "score": f"a whole number from 0 to {MAX_SCORE}",
    "number": f"a whole number from 0 to {MAX_NUMBER}",
    "digits": "digits, spaces and hyphens",
    "date": "an ISO 8601 date",
    "time": "an ISO 8601 time",
    "phone": "a telephone number",
    "recording": "the caller's own words",
    "when": "an ISO 8601 date, or a date and time with zone, or an interval of two",
}
"""Value types, each with its valid values."""


class Unspeakable(HuifangError):
    """The prompt or value cannot be spoken."""


class Tongue(Protocol):
    """A language's rules for speaking values. In text, `separator` joins fragments and `pause` joins groups."""

    separator: str
    pause: str

    def fragments(self, kind: str) -> dict[str, str]:
        """Return every fragment that values of this type can need, with its words."""

    def number(self, number: int) -> Group:
        """Return the fragments of a number from 0 to MAX_NUMBER."""

    def date(self, day: date) -> Group:
        """Return the fragments of the month and day."""

    def time(self, at: datetime) -> Group:
        """Return the fragments of the hour and minute with the part of the day."""

    def when(self, at: datetime, days_away: int, *, by_part: bool, whole_day: bool) -> tuple[Group, ...]:
        """Return the fragments of a day (relative to today if near), then of the time or part of the day, if any."""


TONGUES: Final[Mapping[str, Tongue]] = {"zh-CN": Mandarin(), "en-US": English()}
"""Supported languages, by BCP 47 tag."""


def fragments(kind: str, language: str) -> dict[str, str]:
    """Return every fragment that values of type `kind` can need in `language`: name → words."""
    if kind == "recording":
        return {}
    return TONGUES[language].fragments(kind)


def speak(kind: str, value: Value, language: str, now: datetime) -> tuple[Group, ...]:
    """Return the fragments that say `value`, in groups separated by a short pause.

    `score` is 0 to 10, `number` 0 to 9999 (integers or their digits). `digits` is a string, grouped by its spaces and
    hyphens or else like a telephone number. `phone` is spoken as dialled in China, with its extension (`;ext=12`).
    `date` and `time` are ISO 8601. `when` is an ISO 8601 date, a date and time with zone, or an interval of two of
    them (`start/end`), spoken as the part of the day that contains `start`; `now`, converted to that zone, determines
    today.

    Raises:
        Unspeakable: `value` is not of that type. The message omits it, because it can be a caller's number.
    """
    tongue = TONGUES[language]
    try:
        match kind:
            case "score":
                return ((f"score-{_integer(value, MAX_SCORE)}",),)
            case "number":
                return (tongue.number(_integer(value, MAX_NUMBER)),)
            case "digits":
                return _digits(str(value))
            case "phone":
                return _phone(str(value))
            case "date":
                return (tongue.date(datetime.fromisoformat(str(value)).date()),)
            case "time":
                return (tongue.time(datetime.fromisoformat(_with_date(str(value)))),)
            case "when":
                return _when(str(value), tongue, now)
    except ValueError:
        raise Unspeakable(f"a value of type {kind} must be {KINDS[kind]}") from None
    raise Unspeakable(f"unknown type {kind!r}; use one of {', '.join(KINDS)}")


def digit_groups(number: str) -> list[str]:
    """Return the digits of a number in spoken groups: split at spaces and hyphens if it has any, else 3-4-4, 3-3-4, ….

    Raises:
        ValueError: the number is empty or contains other characters.
    """
    written = re.split(r"[\s-]+", number.strip().removeprefix("+"))
    if not all(group.isascii() and group.isdigit() for group in written):
        raise ValueError("only digits, spaces and hyphens")
    if len(written) > 1:
        return written
    sizes = {7: (3, 4), 8: (4, 4), 10: (3, 3, 4), 11: (3, 4, 4)}.get(len(number), ())
    if not sizes:
        return [number[start : start + 4] for start in range(0, len(number), 4)]
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    return [number[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _digits(number: str) -> tuple[Group, ...]:
    return tuple(tuple(f"digit-{digit}" for digit in group) for group in digit_groups(number))


def _phone(value: str) -> tuple[Group, ...]:
    number, has_extension, extension = canonical_number(value).partition(EXTENSION)
    groups = _digits(national_format(number))
    if not has_extension:
        return groups
    first, *others = _digits(extension)
    return (*groups, ("extension", *first), *others)


def _integer(value: Value, largest: int) -> int:
    if isinstance(value, bool) or value is None:
        raise ValueError("no number")
    number = int(value)
    if not 0 <= number <= largest:
        raise ValueError(f"not within 0 to {largest}")
    return number


def _with_date(time: str) -> str:
    return time if "T" in time else f"2000-01-01T{time}"


def _when(value: str, tongue: Tongue, now: datetime) -> tuple[Group, ...]:
    start, _, end = value.partition("/")
    at = datetime.fromisoformat(start)
    whole_day = "T" not in start
    if end:
        datetime.fromisoformat(end)
    if at.tzinfo is None and not whole_day:
        raise ValueError("no time zone")
    today = now.astimezone(at.tzinfo).date() if at.tzinfo else now.date()
    return tongue.when(at, (at.date() - today).days, by_part=bool(end), whole_day=whole_day)
