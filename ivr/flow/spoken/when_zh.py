"""Chinese grammar rules for times. Must not know: the current time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from ivr.flow.spoken.carriers import leading, trailing
from ivr.flow.spoken.numbers import parse_number, say_number
from ivr.flow.spoken.text import CHINESE, join
from ivr.flow.spoken.when_terms import (
    AFTERNOON,
    BEFORE_DAWN,
    DUSK,
    EARLY,
    EVENING,
    MORNING,
    NOON,
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

_TERMS: dict[str, list[Term]] = {
    "现在 马上 立刻 立即 这会儿 这就": [SpokenNow()],
    "一会儿 过一会儿 等一会儿 待会儿 过会儿 等会儿 一会 过一会 待会 晚点 晚一点 稍后": [SOON],
    "今天 今日 今儿": [SpokenDays(0)],
    "明天 明日 明儿": [SpokenDays(1)],
    "后天": [SpokenDays(2)],
    "大后天": [SpokenDays(3)],
    "昨天": [SpokenDays(-1)],
    "前天": [SpokenDays(-2)],
    "今早": [SpokenDays(0), EARLY],
    "今晚": [SpokenDays(0), EVENING],
    "明早": [SpokenDays(1), EARLY],
    "明晚": [SpokenDays(1), EVENING],
    "凌晨": [BEFORE_DAWN],
    "早上 早晨 清早 一早 一大早": [EARLY],
    "上午": [MORNING],
    "中午 午间": [NOON],
    "下午 午后": [AFTERNOON],
    "傍晚": [DUSK],
    "晚上 晚间 夜里": [EVENING],
}
_FILLERS = (
    "在 再 打 打来 打过来 打给我 给我打 电话 打电话 来电话 联系 联系我 给我 可以 行 好 好的 有空 方便 有时间 时候 "
    "以后 之后 过后 后"
)
_WEEKS = {"这": 0, "这个": 0, "本": 0, "下": 1, "下个": 1, "下下": 2, "下下个": 2}
_WEEKDAYS = {
    mark: index for index, marks in enumerate(("一1", "二2", "三3", "四4", "五5", "六6", "日天")) for mark in marks
}

_N = "(?:[零〇一二两三四五六七八九十百]+|[0-9]{1,4})"
_TENS = "[二三四五]?十[一二三四五六七八九]?|[1-5][0-9]"
_AFTER = "(?:以后|之后|过后|后)"
_WHICH = "(?P<which>下下个?|下个?|这个?|本)"
_WEEK = "(?:星期|周|礼拜)"


def _hours(match: re.Match[str]) -> Sequence[Term] | None:
    hours = 0 if match["only"] else parse_number(match["hours"], CHINESE)
    return (
        None
        if hours is None
        else [SpokenDelay(timedelta(hours=hours, minutes=30 if match["half"] or match["only"] else 0))]
    )


def _minutes(match: re.Match[str]) -> Sequence[Term] | None:
    count = parse_number(match["count"], CHINESE)
    return None if count is None else [SpokenDelay(timedelta(minutes=count * (15 if match["unit"] == "刻钟" else 1)))]


def _days(match: re.Match[str]) -> Sequence[Term] | None:
    count = parse_number(match["count"], CHINESE)
    return None if count is None else [SpokenDays(count * {"天": 1, "月": 30}.get(match["unit"], 7))]


def _date(match: re.Match[str]) -> Sequence[Term] | None:
    day = parse_number(match["day"], CHINESE)
    month = parse_number(match["month"], CHINESE) if match["month"] else None
    if day is None or (match["month"] and month is None):
        return None
    return [SpokenDate(day, month, 1 if match["next"] else 0 if match["this"] else None)]


def _clock(match: re.Match[str]) -> Sequence[Term] | None:
    hour = parse_number(match["hour"], CHINESE)
    if hour is None or hour > 24:
        return None
    if match["quarters"]:
        return [ClockTime(hour, 45 if match["quarters"] == "三" else 15)]
    words = match["minute"] or match["odd"] or match["single"]
    minute = parse_number(words, CHINESE) if words else 30 if match["half"] else 0
    return None if minute is None else [ClockTime(hour, minute)]


def _digital(match: re.Match[str]) -> Sequence[Term] | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    return [ClockTime(hour, minute)] if hour <= 24 and minute < 60 else None


def _listed(listing: str, terms: list[Term]) -> TermRule:
    longest_first = sorted(listing.split(), key=len, reverse=True)
    return re.compile("|".join(longest_first)), lambda match: terms


_ALL_FILLERS = " ".join([_FILLERS, *(join(words, CHINESE) for words in leading(CHINESE) | trailing(CHINESE))])
RULES: list[TermRule] = [
    *(_listed(listing, terms) for listing, terms in _TERMS.items()),
    (
        re.compile(rf"(?:再?过)?(?:(?P<hours>{_N})个?(?P<half>半)?|(?P<only>半)个?)(?:小时|钟头){_AFTER}?"),
        _hours,
    ),
    (re.compile(rf"(?:再?过)?(?P<count>{_N})个?(?P<unit>分钟|刻钟){_AFTER}?"), _minutes),
    (re.compile(rf"(?:再?过)?(?P<count>{_N})个?(?P<unit>天|星期|周|礼拜|月){_AFTER}"), _days),
    (re.compile(rf"再?过(?P<count>{_N})个?(?P<unit>天|星期|周|礼拜|月)"), _days),
    (
        re.compile(rf"{_WHICH}?{_WEEK}(?P<day>[{''.join(_WEEKDAYS)}])"),
        lambda match: [SpokenWeekday(_WEEKDAYS[match["day"]], _WEEKS.get(match["which"]))],
    ),
    (re.compile(rf"{_WHICH}?(?:周末)"), lambda match: [SpokenWeekend(_WEEKS.get(match["which"]))]),
    (re.compile(rf"{_WHICH}{_WEEK}"), lambda match: [SpokenWeek(_WEEKS[match["which"]])]),
    (
        re.compile(rf"(?:(?P<next>下个?月)|(?P<this>这个?月|本月)|(?P<month>{_N})月)?(?P<day>{_N})[号日]"),
        _date,
    ),
    (
        re.compile(
            rf"(?P<hour>{_N})[点时](?:钟|整|(?P<half>半)|(?P<quarters>[一三])刻钟?"
            rf"|过?[零0](?P<odd>[一二三四五六七八九1-9])分?|(?P<minute>{_TENS})分?|(?P<single>[一二三四五六七八九1-9])分)?"
        ),
        _clock,
    ),
    (re.compile(r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"), _digital),
    _listed(_ALL_FILLERS, []),
]

WORDS: tuple[str, ...] = (
    *("现在", "马上", "今天", "明天", "后天", "大后天", "今晚", "明晚", "明早", "早上", "上午", "中午", "下午", "晚上"),
    *(f"{which}{day}" for which in ("星期", "周", "下周") for day in "一二三四五六"),
    *("星期天", "星期日", "周日", "下周日", "周末", "下周", "下周末"),
    *(f"{'两' if hour == 2 else say_number(hour, CHINESE)}点" for hour in range(1, 13)),
    *("半", "一刻", "三刻", "十分", "二十", "四十", "五十"),
    *("半小时", "半个小时", "一个小时", "两个小时", "三个小时", "一个半小时", "十分钟", "二十分钟", "三十分钟"),
    *("一天", "两天", "三天", "一周", "以后", "后", "过一会儿"),
    *(f"{say_number(day, CHINESE)}号" for day in range(1, 32)),
    *(f"{say_number(month, CHINESE)}月" for month in range(1, 13)),
    *("下个月", "的", "吧"),
)
"""The words of a sequence grammar; each entry is one unit."""
