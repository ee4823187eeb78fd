"""English grammar rules for times. Must not know: the current time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from ivr.flow.spoken.carriers import leading, trailing
from ivr.flow.spoken.numbers import EN_TEENS, EN_TENS, EN_UNITS, parse_number, say_number
from ivr.flow.spoken.text import ENGLISH, join
from ivr.flow.spoken.when_terms import (
    AFTERNOON,
    AM,
    EVENING,
    MORNING,
    NOON,
    PM,
    SOON,
    ClockTime,
    SpokenDate,
    SpokenDays,
    SpokenDelay,
    SpokenNow,
    SpokenWeek,
    SpokenWeekday,
    SpokenWeekend,
    Term,
    TermRule,
)

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_FIRST_TWELVE = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
_ORDINALS = {word: day for day, word in enumerate((*_FIRST_TWELVE, *(f"{word}th" for word in EN_TEENS[3:])), 1)}
_ORDINALS |= {"twentieth": 20, "thirtieth": 30, "thirty first": 31}
_ORDINALS |= {f"twenty {word}": 20 + day for day, word in enumerate(_FIRST_TWELVE[:9], 1)}

_TERMS: dict[str, list[Term]] = {
    "now|right now|right away|immediately|straight away|at once": [SpokenNow()],
    "later|later on|in a while|in a little while|in a bit|in a few minutes": [SOON],
    "today": [SpokenDays(0)],
    "tomorrow": [SpokenDays(1)],
    "the day after tomorrow|day after tomorrow": [SpokenDays(2)],
    "yesterday": [SpokenDays(-1)],
    "this morning": [SpokenDays(0), MORNING],
    "this afternoon": [SpokenDays(0), AFTERNOON],
    "this evening|tonight": [SpokenDays(0), EVENING],
    "weekend|the weekend|this weekend": [SpokenWeekend(None)],
    "next weekend": [SpokenWeekend(1)],
    "next week": [SpokenWeek(1)],
    "morning|in the morning": [MORNING],
    "noon|midday|lunchtime": [NOON],
    "afternoon|in the afternoon": [AFTERNOON],
    "evening|in the evening|night|at night": [EVENING],
    "am|a m": [AM],
    "pm|p m": [PM],
}
_FILLERS = (
    "at|on|by|around|about|after|the|in|call me|call me back|call back|call|try|how about|would be good|would be fine"
    "|is good|is fine|works|good|fine|okay|ok"
)

_UNIT = f"(?:{'|'.join(EN_UNITS[1:])})"
_N = f"(?:(?:{'|'.join(EN_TENS)})(?: {_UNIT})?|{'|'.join(EN_TEENS)}|{_UNIT}|[0-9]{{1,4}})"
_HOUR = f"(?:{'|'.join(EN_UNITS[1:] + EN_TEENS[:3])}|[0-9]{{1,2}})"
_MINUTE = f"(?:(?:{'|'.join(EN_TENS[:4])})(?: {_UNIT})?|{'|'.join(EN_TEENS)}|[0-5][0-9])"
_END = "(?= |$)"


def _count(words: str) -> int | None:
    return 1 if words in {"a", "an"} else parse_number(words, ENGLISH)


def _hours(match: re.Match[str]) -> Sequence[Term] | None:
    hours = 0 if match["only"] else _count(match["hours"])
    half = match["half"] or match["more"] or match["only"]
    return None if hours is None else [SpokenDelay(timedelta(hours=hours, minutes=30 if half else 0))]


def _minutes(match: re.Match[str]) -> Sequence[Term] | None:
    minutes = 15 if match["quarter"] else _count(match["count"])
    return None if minutes is None else [SpokenDelay(timedelta(minutes=minutes))]


def _days(match: re.Match[str]) -> Sequence[Term] | None:
    count = _count(match["count"])
    return None if count is None else [SpokenDays(count * {"day": 1, "week": 7}[match["unit"]])]


def _date(match: re.Match[str]) -> Sequence[Term] | None:
    words = match["day"]
    day = _ORDINALS.get(words) or parse_number(re.sub(" (?:st|nd|rd|th)$", "", words), ENGLISH)
    month = _MONTHS.index(match["month"]) + 1 if match["month"] else None
    return None if day is None else [SpokenDate(day, month)]


def _clock(match: re.Match[str]) -> Sequence[Term] | None:
    hour = parse_number(match["hour"], ENGLISH)
    minute = parse_number(match["minute"] or match["odd"] or "0", ENGLISH)
    return None if hour is None or hour > 24 or minute is None else [ClockTime(hour, minute)]


def _relative(match: re.Match[str]) -> Sequence[Term] | None:
    hour = parse_number(match["hour"], ENGLISH)
    minute = {"half": 30, "quarter": 15, "a quarter": 15}.get(match["minute"]) or parse_number(match["minute"], ENGLISH)
    if hour is None or minute is None or not 0 < hour <= 12 or minute >= 60:
        return None
    return [ClockTime(hour, minute)] if match["side"] == "past" else [ClockTime(hour - 1 or 12, 60 - minute)]


def _digital(match: re.Match[str]) -> Sequence[Term] | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    return [ClockTime(hour, minute)] if hour <= 24 and minute < 60 else None


def _weekday(match: re.Match[str]) -> Sequence[Term] | None:
    return [SpokenWeekday(_WEEKDAYS.index(match["day"]), 1 if match["which"] == "next" else None)]


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(f" ?(?:{pattern}){_END}")


def _listed(listing: str, terms: list[Term]) -> TermRule:
    return _rule("|".join(sorted(listing.split("|"), key=len, reverse=True))), lambda match: terms


_DAY = "|".join([*sorted(_ORDINALS, key=len, reverse=True), "[0-9]{1,2} (?:st|nd|rd|th)"])
_ALL_FILLERS = "|".join([_FILLERS, *(join(words, ENGLISH) for words in leading(ENGLISH) | trailing(ENGLISH))])
RULES: list[TermRule] = [
    *(_listed(listing, terms) for listing, terms in _TERMS.items()),
    (
        _rule(
            rf"(?:in )?(?:(?P<hours>an?|{_N})(?P<half> and a half)? hours?(?P<more> and a half)?"
            "|(?P<only>half an?|a half) hour)(?: from now| later)?"
        ),
        _hours,
    ),
    (
        _rule(rf"(?:in )?(?:(?P<count>a|{_N}) minutes?|(?P<quarter>(?:a )?quarter of an hour))(?: from now| later)?"),
        _minutes,
    ),
    (_rule(rf"(?:in )?(?P<count>a|{_N}) (?P<unit>day|week)s?(?: from now| from today| later)?"), _days),
    (_rule(rf"(?:on )?(?:(?P<which>this|next|coming|this coming) )?(?P<day>{'|'.join(_WEEKDAYS)})"), _weekday),
    (_rule(rf"(?:on )?(?:the )?(?P<day>{_DAY})(?: (?:of )?(?P<month>{'|'.join(_MONTHS)}))?"), _date),
    (_rule(rf"(?:on )?(?P<month>{'|'.join(_MONTHS)}) (?:the )?(?P<day>{_DAY}|{_N})"), _date),
    (
        _rule(rf"(?:at )?(?P<hour>{_HOUR})(?: o'clock)?(?: (?:(?P<minute>{_MINUTE})|(?:oh|o) (?P<odd>{_UNIT})))?"),
        _clock,
    ),
    (_rule(rf"(?P<minute>half|(?:a )?quarter|{_N})(?: minutes)? (?P<side>past|to) (?P<hour>{_HOUR})"), _relative),
    (_rule(r"(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})"), _digital),
    _listed(_ALL_FILLERS, []),
]

WORDS: tuple[str, ...] = (
    *("now", "right now", "today", "tonight", "tomorrow", "the day after tomorrow", "this", "next", "week", "weekend"),
    *_WEEKDAYS,
    *("morning", "afternoon", "evening", "noon", "in the morning", "in the afternoon", "in the evening"),
    *("at", "on", "in", "the", "am", "pm", "o'clock", "half past", "quarter past", "quarter to"),
    *("an hour", "hour", "hours", "half an hour", "minutes", "days", "and a half", "from now", "later"),
    *(say_number(number, ENGLISH) for number in range(1, 13)),
    *("fifteen", "twenty", "thirty", "forty", "fifty", "oh", "please"),
    *_ORDINALS,
    *_MONTHS,
)
"""The words of a sequence grammar; each entry is one unit."""
