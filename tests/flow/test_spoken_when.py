"""Callback times, relative to now; past and distant times are out of range."""

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.result import Parsed, ParsedNothing, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.text import LANGUAGES
from ivr.flow.spoken.when import MAX_AHEAD, SpokenTime, parse_when, when_words

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 4, 10, 0, tzinfo=SHANGHAI)
"""A Wednesday."""


def at(moment: str, now: datetime = NOW) -> datetime:
    return datetime.strptime(f"2026-{moment}", "%Y-%m-%d %H:%M").replace(tzinfo=now.tzinfo)


EXACT = [
    ("zh-CN", "明天下午三点", "03-05 15:00"),
    ("zh-CN", "明天下午三点吧", "03-05 15:00"),
    ("zh-CN", "明天，明天下午三点", "03-05 15:00"),
    ("zh-CN", "一个小时以后", "03-04 11:00"),
    ("zh-CN", "过一个小时", "03-04 11:00"),
    ("zh-CN", "一个半小时后", "03-04 11:30"),
    ("zh-CN", "两个半小时以后", "03-04 12:30"),
    ("zh-CN", "半小时后", "03-04 10:30"),
    ("zh-CN", "半个小时", "03-04 10:30"),
    ("zh-CN", "二十分钟后", "03-04 10:20"),
    ("zh-CN", "一刻钟以后", "03-04 10:15"),
    ("zh-CN", "过一会儿", "03-04 10:30"),
    ("zh-CN", "今天晚上七点半", "03-04 19:30"),
    ("zh-CN", "今晚七点半", "03-04 19:30"),
    ("zh-CN", "明早八点", "03-05 08:00"),
    ("zh-CN", "晚上十二点", "03-05 00:00"),
    ("zh-CN", "凌晨两点", "03-05 02:00"),
    ("zh-CN", "中午十二点", "03-04 12:00"),
    ("zh-CN", "中午一点", "03-04 13:00"),
    ("zh-CN", "下周一上午十点", "03-09 10:00"),
    ("zh-CN", "下下周一十点", "03-16 10:00"),
    ("zh-CN", "周五十点半", "03-06 10:30"),
    ("zh-CN", "星期三九点", "03-11 09:00"),
    ("zh-CN", "星期三三点", "03-04 15:00"),
    ("zh-CN", "三月二十号下午两点一刻", "03-20 14:15"),
    ("zh-CN", "下个月三号三点三刻", "04-03 15:45"),
    ("zh-CN", "下午两点", "03-04 14:00"),
    ("zh-CN", "上午九点", "03-05 09:00"),
    ("zh-CN", "三点", "03-04 15:00"),
    ("zh-CN", "三点钟", "03-04 15:00"),
    ("zh-CN", "九点", "03-05 09:00"),
    ("zh-CN", "八点", "03-04 20:00"),
    ("zh-CN", "三点二十", "03-04 15:20"),
    ("zh-CN", "三点零五分", "03-04 15:05"),
    ("zh-CN", "３点３０分", "03-04 15:30"),
    ("zh-CN", "15:30", "03-04 15:30"),
    ("zh-CN", "十五点", "03-04 15:00"),
    ("zh-CN", "零点", "03-05 00:00"),
    ("zh-CN", "现在", "03-04 10:00"),
    ("zh-CN", "马上吧", "03-04 10:00"),
    ("en-US", "tomorrow at three pm", "03-05 15:00"),
    ("en-US", "Tomorrow, 3 p.m., please.", "03-05 15:00"),
    ("en-US", "in an hour", "03-04 11:00"),
    ("en-US", "in half an hour", "03-04 10:30"),
    ("en-US", "an hour and a half from now", "03-04 11:30"),
    ("en-US", "in two and a half hours", "03-04 12:30"),
    ("en-US", "in twenty five minutes", "03-04 10:25"),
    ("en-US", "in a quarter of an hour", "03-04 10:15"),
    ("en-US", "later", "03-04 10:30"),
    ("en-US", "friday at ten thirty", "03-06 10:30"),
    ("en-US", "next friday at ten", "03-13 10:00"),
    ("en-US", "tonight at seven", "03-04 19:00"),
    ("en-US", "eight in the evening", "03-04 20:00"),
    ("en-US", "half past two", "03-04 14:30"),
    ("en-US", "quarter to three", "03-04 14:45"),
    ("en-US", "ten past one", "03-04 13:10"),
    ("en-US", "quarter to one", "03-04 12:45"),
    ("en-US", "ten oh five", "03-04 10:05"),
    ("en-US", "three o'clock", "03-04 15:00"),
    ("en-US", "twelve pm", "03-04 12:00"),
    ("en-US", "12 am", "03-05 00:00"),
    ("en-US", "3:30 pm", "03-04 15:30"),
    ("en-US", "march 20th at two", "03-20 14:00"),
    ("en-US", "on the twentieth of march at 9 am", "03-20 09:00"),
    ("en-US", "nine", "03-05 09:00"),
    ("en-US", "right now", "03-04 10:00"),
]

VAGUE = [
    ("zh-CN", "后天上午", "03-06 10:00", "part_of_day"),
    ("zh-CN", "星期三下午", "03-04 15:00", "part_of_day"),
    ("zh-CN", "周三上午", "03-04 11:00", "part_of_day"),
    ("zh-CN", "早上", "03-05 09:00", "part_of_day"),
    ("zh-CN", "中午", "03-04 12:00", "part_of_day"),
    ("zh-CN", "傍晚", "03-04 18:00", "part_of_day"),
    ("zh-CN", "晚上", "03-04 19:00", "part_of_day"),
    ("zh-CN", "三天后下午", "03-07 15:00", "part_of_day"),
    ("zh-CN", "三号上午", "04-03 10:00", "part_of_day"),
    ("zh-CN", "四号下午", "03-04 15:00", "part_of_day"),
    ("zh-CN", "今天", "03-04 11:00", "day"),
    ("zh-CN", "好的明天", "03-05 10:00", "day"),
    ("zh-CN", "大后天", "03-07 10:00", "day"),
    ("zh-CN", "一周后", "03-11 10:00", "day"),
    ("zh-CN", "一个月以后", "04-03 10:00", "day"),
    ("zh-CN", "周末", "03-07 10:00", "day"),
    ("zh-CN", "下周末", "03-14 10:00", "day"),
    ("zh-CN", "周日", "03-08 10:00", "day"),
    ("zh-CN", "下周", "03-09 10:00", "day"),
    ("zh-CN", "八号", "03-08 10:00", "day"),
    ("en-US", "next monday morning", "03-09 10:00", "part_of_day"),
    ("en-US", "this afternoon", "03-04 15:00", "part_of_day"),
    ("en-US", "tomorrow at noon", "03-05 12:00", "part_of_day"),
    ("en-US", "I think Friday evening", "03-06 19:00", "part_of_day"),
    ("en-US", "in three days", "03-07 10:00", "day"),
    ("en-US", "a week from now", "03-11 10:00", "day"),
    ("en-US", "the day after tomorrow", "03-06 10:00", "day"),
    ("en-US", "the weekend", "03-07 10:00", "day"),
    ("en-US", "next week", "03-09 10:00", "day"),
    ("en-US", "the third", "04-03 10:00", "day"),
]

NEVER = [
    ("zh-CN", "昨天", "03-03 10:00"),
    ("zh-CN", "今天九点", "03-04 09:00"),
    ("zh-CN", "今早", "03-04 09:00"),
    ("zh-CN", "这周二", "03-03 10:00"),
    ("zh-CN", "四月二十号", "04-20 10:00"),
    ("zh-CN", "十二月三号下午两点一刻", "12-03 14:15"),
    ("zh-CN", "两个月以后", "05-03 10:00"),
    ("en-US", "yesterday", "03-03 10:00"),
    ("en-US", "today at nine am", "03-04 09:00"),
    ("en-US", "december third at two", "12-03 14:00"),
]

UNCLEAR = [
    *product(
        ["zh-CN"],
        [
            "",
            "不方便",
            "明天或者后天",
            "明天后天",
            "下午三点到五点",
            "三点以前",
            "二十五点",
            "上午三点",
            "三十二号",
            "二月三十号",
        ],
    ),
    *product(
        ["zh-CN"],
        ["半", "以后", "三刻", "下个月", "一小时后明天", "现在明天", "十三月一号", "25:00", "吧", "一" * 5000],
    ),
    *product(
        ["en-US"], ["", "tomorrow or friday", "before three", "at", "thirty", "in an hour tomorrow", "never", "25:00"]
    ),
]


@pytest.mark.parametrize(("language", "text", "moment"), EXACT)
def test_an_exact_time_is_that_minute(language: str, text: str, moment: str) -> None:
    assert parse_when(text, language, NOW) == ParsedValue(SpokenTime(at(moment), "minute"))


@pytest.mark.parametrize(("language", "text", "moment", "precision"), VAGUE)
def test_a_vague_time_means_its_usual_hour(language: str, text: str, moment: str, precision: str) -> None:
    parsed = parse_when(text, language, NOW)
    assert isinstance(parsed, ParsedValue)
    assert (parsed.value.start, parsed.value.precision) == (at(moment), precision)


@pytest.mark.parametrize(("language", "text", "moment"), NEVER)
def test_a_past_or_distant_time_is_out_of_range(language: str, text: str, moment: str) -> None:
    parsed = parse_when(text, language, NOW)
    assert isinstance(parsed, ParsedOutOfRange)
    assert parsed.value.start == at(moment)


@pytest.mark.parametrize(("language", "text"), UNCLEAR)
def test_no_time_or_several_times_give_nothing(language: str, text: str) -> None:
    assert parse_when(text, language, NOW) == ParsedNothing()


@pytest.mark.parametrize(
    ("now", "text", "moment"),
    [
        ("03-04 14:30", "下午两点", "03-05 14:00"),
        ("03-04 15:30", "今天下午", "03-04 16:00"),
        ("03-04 17:30", "下午", "03-05 15:00"),
        ("03-04 19:30", "星期三下午", "03-11 15:00"),
        ("03-07 09:00", "周末", "03-07 10:00"),
        ("03-07 21:00", "周末", "03-08 10:00"),
        ("03-08 21:00", "周末", "03-14 10:00"),
        ("03-08 12:00", "下周一", "03-09 10:00"),
        ("03-31 21:00", "三十一号", "05-31 10:00"),
        ("12-30 12:00", "一月三号", "01-03 10:00"),
    ],
)
def test_a_time_past_today_means_the_next_one(now: str, text: str, moment: str) -> None:
    parsed = parse_when(text, "zh-CN", at(now))
    assert isinstance(parsed, ParsedValue | ParsedOutOfRange)
    assert f"{parsed.value.start:%m-%d %H:%M}" == moment


def test_this_afternoon_is_out_of_range_in_the_evening() -> None:
    assert parse_when("今天下午", "zh-CN", at("03-04 19:00")) == ParsedOutOfRange(
        SpokenTime(at("03-04 15:00"), "part_of_day")
    )


def test_an_hour_stays_an_hour_when_the_clocks_change() -> None:
    night = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    parsed = parse_when("in an hour", "en-US", night)
    assert isinstance(parsed, ParsedValue)
    assert parsed.value.start.astimezone(UTC) - night.astimezone(UTC) == timedelta(hours=1)
    assert parsed.value.start.hour == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_grammar_is_small_and_has_no_duplicates(language: str) -> None:
    words = when_words(language)
    assert len(set(words)) == len(words) <= 130


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh-CN", ["明天", "下午", "三点", "半"]),
        ("zh-CN", ["十二月", "三号", "下午", "两点", "一刻"]),
        ("zh-CN", ["下周一", "上午", "十点", "二十"]),
        ("zh-CN", ["一个小时", "以后"]),
        ("zh-CN", ["两天", "后"]),
        ("en-US", ["tomorrow", "at", "three", "pm"]),
        ("en-US", ["half past", "two"]),
        ("en-US", ["in", "two", "hours"]),
        ("en-US", ["next", "friday", "in the morning"]),
        ("en-US", ["december", "third"]),
    ],
)
def test_words_of_the_grammar_form_times(language: str, said: list[str]) -> None:
    assert set(said) <= set(when_words(language))
    assert parse_when(("" if language == "zh-CN" else " ").join(said), language, NOW) != ParsedNothing()


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(SHANGHAI))  # noqa: DTZ001


def check(parsed: Parsed[SpokenTime], now: datetime) -> None:
    if isinstance(parsed, ParsedValue):
        assert now - timedelta(minutes=1) <= parsed.value.start <= now + MAX_AHEAD
    else:
        assert isinstance(parsed, ParsedOutOfRange | ParsedNothing)


@given(st.text(), st.sampled_from(LANGUAGES), MOMENTS)
def test_any_text_gives_a_future_time_or_a_reason(text: str, language: str, now: datetime) -> None:
    check(parse_when(text, language, now), now)


@pytest.mark.parametrize("language", LANGUAGES)
@given(data=st.data(), now=MOMENTS)
def test_any_words_of_the_grammar_give_a_future_time_or_a_reason(
    language: str, data: st.DataObject, now: datetime
) -> None:
    said = data.draw(st.lists(st.sampled_from(when_words(language)), max_size=6))
    check(parse_when(("" if language == "zh-CN" else " ").join(said), language, now), now)
