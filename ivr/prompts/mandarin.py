"""Values in Mandarin (zh-CN). Pure. Must not know: catalogs, audio."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

NUMERALS: Final = "零一二三四五六七八九"
NEAR: Final = ("今天", "明天", "后天")
WEEKDAYS: Final = "一二三四五六日"
PARTS: Final = {"dawn": "凌晨", "morning": "上午", "noon": "中午", "afternoon": "下午", "evening": "晚上"}


def numeral(number: int) -> str:
    """Return a number from 0 to 99 in characters."""
    tens, ones = divmod(number, 10)
    if not tens:
        return NUMERALS[ones]
    return (NUMERALS[tens] if tens > 1 else "") + "十" + (NUMERALS[ones] if ones else "")


def counted(number: int) -> str:
    """Return a number from 0 to 99 as before a measure word: two is 两."""
    return "两" if number == 2 else numeral(number)


def part_of_day(hour: int) -> str:
    """Return the fragment for the part of the day that contains `hour` (0 to 23)."""
    if hour < 6:
        return "part-dawn"
    if hour < 12:
        return "part-morning"
    return "part-afternoon" if hour < 18 else "part-evening"


def _minute(minute: int) -> tuple[str, ...]:
    tens, ones = divmod(minute, 10)
    if tens and ones:
        return (f"tens-{10 * tens}", f"ones-{ones}")
    return (f"minute-{minute}",) if minute else ()


class Mandarin:
    """Mandarin implementation of spoken.Tongue."""

    separator = ""
    pause = "，"

    def fragments(self, kind: str) -> dict[str, str]:
        match kind:
            case "score":
                return {f"score-{score}": f"{counted(score)}分" for score in range(11)}
            case "number":
                return (
                    {f"number-{number}": numeral(number) for number in range(100)}
                    | {f"after-{number}": f"零{numeral(number)}" for number in range(1, 10)}
                    | {f"after-{number}": f"一{numeral(number)}" for number in range(10, 20)}
                    | {f"hundred-{hundreds}": f"{NUMERALS[hundreds]}百" for hundreds in range(1, 10)}
                    | {f"thousand-{thousands}": f"{counted(thousands)}千" for thousands in range(1, 10)}
                    | {"zero": "零"}
                )
            case "digits":
                return {f"digit-{digit}": "幺" if digit == 1 else NUMERALS[digit] for digit in range(10)}
            case "phone":
                return self.fragments("digits") | {"extension": "转分机"}
            case "date":
                return {f"month-{month}": f"{numeral(month)}月" for month in range(1, 13)} | {
                    f"day-{day}": f"{numeral(day)}号" for day in range(1, 32)
                }
            case "time":
                return (
                    {f"part-{part}": words for part, words in PARTS.items()}
                    | {f"hour-{hour}": f"{counted(hour)}点" for hour in range(13)}
                    | {f"minute-{minute}": f"零{numeral(minute)}分" for minute in range(1, 10)}
                    | {f"minute-{minute}": f"{numeral(minute)}分" for minute in (10, 20, 40, 50)}
                    | {"minute-30": "半"}
                    | {f"tens-{tens}": numeral(tens) for tens in range(10, 60, 10)}
                    | {f"ones-{ones}": f"{numeral(ones)}分" for ones in range(1, 10)}
                )
            case _:
                return (
                    self.fragments("date")
                    | self.fragments("time")
                    | {f"near-{days}": words for days, words in enumerate(NEAR)}
                    | {f"weekday-{day}": f"星期{name}" for day, name in enumerate(WEEKDAYS, start=1)}
                )

    def number(self, number: int) -> tuple[str, ...]:
        if number < 100:
            return (f"number-{number}",)
        thousands, below = divmod(number, 1000)
        hundreds, rest = divmod(below, 100)
        said = [f"thousand-{thousands}"] if thousands else []
        if hundreds:
            said.append(f"hundred-{hundreds}")
        elif rest >= 10:
            said.append("zero")
        if rest:
            said.append(f"after-{rest}" if rest < 20 else f"number-{rest}")
        return tuple(said)

    def date(self, day: date) -> tuple[str, ...]:
        return (f"month-{day.month}", f"day-{day.day}")

    def time(self, at: datetime) -> tuple[str, ...]:
        hour = at.hour - 12 if at.hour > 12 else at.hour
        part = "part-noon" if at.hour == 12 else part_of_day(at.hour)
        return (part, f"hour-{hour}", *_minute(at.minute))

    def when(self, at: datetime, days_away: int, *, by_part: bool, whole_day: bool) -> tuple[tuple[str, ...], ...]:
        near = 0 <= days_away < len(NEAR)
        day = (f"near-{days_away}",) if near else (*self.date(at), f"weekday-{at.isoweekday()}")
        if whole_day:
            return (day,)
        time = (part_of_day(at.hour),) if by_part else self.time(at)
        return (day + time,) if near else (day, time)
