"""Values in American English (en-US). Pure. Must not know: catalogs, audio."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

SMALL: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS: Final = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"} | {
    "nine": "ninth",
    "twelve": "twelfth",
    "twenty": "twentieth",
    "thirty": "thirtieth",
}
NEAR: Final = ("today", "tomorrow", "the day after tomorrow")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PARTS: Final = {
    "morning": "in the morning",
    "afternoon": "in the afternoon",
    "evening": "in the evening",
    "noon": "noon",
    "midnight": "midnight",
}


def cardinal(number: int) -> str:
    """Return a number from 0 to 99 in words."""
    if number < 20:
        return SMALL[number]
    tens, ones = divmod(number, 10)
    return TENS[tens - 2] + (f"-{SMALL[ones]}" if ones else "")


def ordinal(number: int) -> str:
    """Return an ordinal from 1 to 99 in words."""
    first, hyphen, last = cardinal(number).rpartition("-")
    return first + hyphen + ORDINALS.get(last, f"{last}th")


def part_of_day(hour: int) -> str:
    """Return the fragment for the part of the day that contains `hour` (0 to 23)."""
    if hour < 12:
        return "part-morning"
    return "part-afternoon" if hour < 18 else "part-evening"


def _minute(minute: int) -> tuple[str, ...]:
    tens, ones = divmod(minute, 10)
    if tens > 1 and ones:
        return (f"minute-{10 * tens}", f"ones-{ones}")
    return (f"minute-{minute}",) if minute else ()


class English:
    """English implementation of spoken.Tongue."""

    separator = " "
    pause = ", "

    def fragments(self, kind: str) -> dict[str, str]:
        match kind:
            case "score":
                return {f"score-{score}": cardinal(score) for score in range(11)}
            case "number":
                return (
                    {f"number-{number}": cardinal(number) for number in range(100)}
                    | {f"hundred-{hundreds}": f"{cardinal(hundreds)} hundred" for hundreds in range(1, 10)}
                    | {f"thousand-{thousands}": f"{cardinal(thousands)} thousand" for thousands in range(1, 10)}
                )
            case "digits":
                return {f"digit-{digit}": cardinal(digit) for digit in range(10)}
            case "phone":
                return self.fragments("digits") | {"extension": "extension"}
            case "date":
                return {f"month-{month}": name for month, name in enumerate(MONTHS, start=1)} | {
                    f"day-{day}": ordinal(day) for day in range(1, 32)
                }
            case "time":
                return (
                    {f"part-{part}": words for part, words in PARTS.items()}
                    | {f"hour-{hour}": cardinal(hour) for hour in range(1, 13)}
                    | {f"minute-{minute}": f"oh {cardinal(minute)}" for minute in range(1, 10)}
                    | {f"minute-{minute}": cardinal(minute) for minute in (*range(10, 20), 20, 30, 40, 50)}
                    | {f"ones-{ones}": cardinal(ones) for ones in range(1, 10)}
                )
            case _:
                return (
                    self.fragments("date")
                    | self.fragments("time")
                    | {f"near-{days}": words for days, words in enumerate(NEAR)}
                    | {f"weekday-{day}": f"on {name}" for day, name in enumerate(WEEKDAYS, start=1)}
                    | {"at": "at"}
                )

    def number(self, number: int) -> tuple[str, ...]:
        if number < 100:
            return (f"number-{number}",)
        thousands, below = divmod(number, 1000)
        hundreds, rest = divmod(below, 100)
        parts = ((thousands, f"thousand-{thousands}"), (hundreds, f"hundred-{hundreds}"), (rest, f"number-{rest}"))
        return tuple(name for count, name in parts if count)

    def date(self, day: date) -> tuple[str, ...]:
        return (f"month-{day.month}", f"day-{day.day}")

    def time(self, at: datetime) -> tuple[str, ...]:
        if at.minute == 0 and at.hour % 12 == 0:
            return ("part-noon",) if at.hour else ("part-midnight",)
        hour = at.hour % 12 or 12
        return (f"hour-{hour}", *_minute(at.minute), part_of_day(at.hour))

    def when(self, at: datetime, days_away: int, *, by_part: bool, whole_day: bool) -> tuple[tuple[str, ...], ...]:
        near = 0 <= days_away < len(NEAR)
        day = ((f"near-{days_away}",),) if near else ((f"weekday-{at.isoweekday()}",), self.date(at))
        if whole_day:
            return day
        time = (part_of_day(at.hour),) if by_part else ("at", *self.time(at))
        return (*day[:-1], day[-1] + time) if near else (*day, time)
