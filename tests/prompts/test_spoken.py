from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.events import Value
from ivr.prompts.english import cardinal, ordinal
from ivr.prompts.mandarin import numeral
from ivr.prompts.spoken import KINDS, TONGUES, Unspeakable, digit_groups, fragments, speak


def said(kind: str, value: Value, language: str, now: datetime) -> str:
    tongue, words = TONGUES[language], fragments(kind, language)
    return tongue.pause.join(
        tongue.separator.join(words[name] for name in group) for group in speak(kind, value, language, now)
    )


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("score", 8, "八分"),
        ("score", "2", "两分"),
        ("score", 0, "零分"),
        ("score", 10, "十分"),
        ("number", 0, "零"),
        ("number", 2, "二"),
        ("number", 10, "十"),
        ("number", 12, "十二"),
        ("number", 20, "二十"),
        ("number", 100, "一百"),
        ("number", 105, "一百零五"),
        ("number", 110, "一百一十"),
        ("number", 222, "二百二十二"),
        ("number", 1000, "一千"),
        ("number", 2001, "两千零一"),
        ("number", 2010, "两千零一十"),
        ("number", 2050, "两千零五十"),
        ("number", 9999, "九千九百九十九"),
        ("digits", "13812345678", "幺三八，幺二三四，五六七八"),
        ("digits", "400-820-1111", "四零零，八二零，幺幺幺幺"),
        ("digits", "6789100", "六七八，九幺零零"),
        ("digits", 12345, "幺二三四，五"),
        ("date", "2025-12-03", "十二月三号"),
        ("date", "2026-02-21", "二月二十一号"),
        ("date", "2026-10-30", "十月三十号"),
        ("time", "14:30", "下午两点半"),
        ("time", "02:15", "凌晨两点十五分"),
        ("time", "14:15", "下午两点十五分"),
        ("time", "14:05", "下午两点零五分"),
        ("time", "12:00", "中午十二点"),
        ("time", "12:40", "中午十二点四十分"),
        ("time", "00:00", "凌晨零点"),
        ("time", "09:00", "上午九点"),
        ("time", "22:59", "晚上十点五十九分"),
        ("when", "2025-12-31T15:00+08:00", "今天下午三点"),
        ("when", "2026-01-01T14:30+08:00", "明天下午两点半"),
        ("when", "2026-01-02T10:00+08:00", "后天上午十点"),
        ("when", "2026-01-03T10:00+08:00", "一月三号星期六，上午十点"),
        ("when", "2026-01-04T19:20+08:00", "一月四号星期日，晚上七点二十分"),
        ("when", "2025-12-30T10:00+08:00", "十二月三十号星期二，上午十点"),
        ("when", "2026-01-01", "明天"),
        ("when", "2026-01-01T09:00+08:00/2026-01-01T12:00+08:00", "明天上午"),
        ("when", "2026-01-02T12:00+08:00/2026-01-02T18:00+08:00", "后天下午"),
        ("when", "2026-01-05T18:00+08:00/2026-01-05T21:00+08:00", "一月五号星期一，晚上"),
    ],
)
def test_mandarin_says(kind: str, value: Value, words: str, now: datetime) -> None:
    assert said(kind, value, "zh-CN", now) == words


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("score", 8, "eight"),
        ("score", 0, "zero"),
        ("number", 0, "zero"),
        ("number", 21, "twenty-one"),
        ("number", 40, "forty"),
        ("number", 105, "one hundred five"),
        ("number", 1010, "one thousand ten"),
        ("number", 9999, "nine thousand nine hundred ninety-nine"),
        ("digits", "400-820-1234", "four zero zero, eight two zero, one two three four"),
        ("digits", "6789100", "six seven eight, nine one zero zero"),
        ("date", "2025-12-03", "December third"),
        ("date", "2026-02-21", "February twenty-first"),
        ("date", "2026-08-12", "August twelfth"),
        ("date", "2026-03-30", "March thirtieth"),
        ("time", "14:30", "two thirty in the afternoon"),
        ("time", "14:05", "two oh five in the afternoon"),
        ("time", "14:15", "two fifteen in the afternoon"),
        ("time", "09:00", "nine in the morning"),
        ("time", "20:42", "eight forty two in the evening"),
        ("time", "12:00", "noon"),
        ("time", "12:20", "twelve twenty in the afternoon"),
        ("time", "00:00", "midnight"),
        ("time", "00:10", "twelve ten in the morning"),
        ("when", "2025-12-31T15:00+08:00", "today at three in the afternoon"),
        ("when", "2026-01-01T14:30+08:00", "tomorrow at two thirty in the afternoon"),
        ("when", "2026-01-02T12:00+08:00", "the day after tomorrow at noon"),
        ("when", "2026-01-03T10:00+08:00", "on Saturday, January third, at ten in the morning"),
        ("when", "2026-01-01", "tomorrow"),
        ("when", "2026-01-01T09:00+08:00/2026-01-01T12:00+08:00", "tomorrow in the morning"),
        ("when", "2026-01-05T12:00+08:00/2026-01-05T18:00+08:00", "on Monday, January fifth, in the afternoon"),
    ],
)
def test_english_says(kind: str, value: Value, words: str, now: datetime) -> None:
    assert said(kind, value, "en-US", now) == words


def test_today_is_the_date_in_the_time_zone_of_the_appointment() -> None:
    late_evening_in_london = datetime.fromisoformat("2025-12-30T23:00+00:00")
    assert said("when", "2025-12-31T15:00+08:00", "zh-CN", late_evening_in_london) == "今天下午三点"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("score", 11),
        ("score", -1),
        ("score", "8.5"),
        ("score", True),
        ("score", None),
        ("number", 10000),
        ("digits", "138x"),
        ("digits", ""),
        ("digits", None),
        ("phone", "hotline"),
        ("phone", "anonymous"),
        ("phone", ";ext=12"),
        ("date", "soon"),
        ("time", "25:00"),
        ("when", "2026-01-01T14:30"),
        ("when", "2026-01-01T14:30+08:00/later"),
    ],
)
@pytest.mark.parametrize("language", TONGUES)
def test_a_value_of_another_type_is_refused(kind: str, value: Value, language: str, now: datetime) -> None:
    with pytest.raises(Unspeakable, match=kind):
        speak(kind, value, language, now)


def test_an_extension_is_said_in_english(now: datetime) -> None:
    words = fragments("phone", "en-US")
    groups = speak("phone", "+12025550123;ext=12", "en-US", now)
    assert [" ".join(words[name] for name in group) for group in groups] == [
        "zero zero",
        "one",
        "two zero two",
        "five five five",
        "zero one two three",
        "extension one two",
    ]


def test_an_unknown_type_is_refused_with_a_list_of_the_known_ones(now: datetime) -> None:
    with pytest.raises(Unspeakable, match=r"unknown type 'colour'; use one of score, number"):
        speak("colour", "red", "zh-CN", now)


def test_a_refused_telephone_number_is_not_quoted(now: datetime) -> None:
    with pytest.raises(Unspeakable) as refused:
        speak("digits", "138 1234 567a", "zh-CN", now)
    assert "138" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("number", "groups"),
    [
        ("110", ["110"]),
        ("12345678", ["1234", "5678"]),
        ("+86 138-0000", ["86", "138", "0000"]),
        ("1234567890", ["123", "456", "7890"]),
    ],
)
def test_digits_are_grouped_like_telephone_numbers(number: str, groups: list[str]) -> None:
    assert digit_groups(number) == groups


@given(st.text("0123456789", min_size=1, max_size=20))
def test_no_digit_is_lost_or_added(number: str) -> None:
    assert "".join(digit_groups(number)) == number


@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)), st.booleans())  # noqa: DTZ001
def test_every_time_can_be_spoken_from_the_fragments(moment: datetime, by_part: bool) -> None:
    value = f"{moment:%Y-%m-%dT%H:%M}+08:00"
    now = datetime.fromisoformat("2026-01-01T12:00+08:00")
    for language in TONGUES:
        assert said("when", f"{value}/{value}" if by_part else value, language, now)


@pytest.mark.parametrize("language", TONGUES)
def test_every_number_can_be_spoken_and_no_two_sound_the_same(language: str, now: datetime) -> None:
    assert len({said("number", number, language, now) for number in range(10000)}) == 10000


@pytest.mark.parametrize("language", TONGUES)
def test_a_fragment_has_the_same_words_in_every_type(language: str) -> None:
    words: dict[str, str] = {}
    for kind in KINDS:
        for name, spoken in fragments(kind, language).items():
            assert words.setdefault(name, spoken) == spoken


def test_numerals_read_as_they_are_written() -> None:
    assert [numeral(number) for number in (0, 10, 11, 20, 99)] == ["零", "十", "十一", "二十", "九十九"]
    assert [cardinal(number) for number in (0, 13, 20, 99)] == ["zero", "thirteen", "twenty", "ninety-nine"]
    assert [ordinal(number) for number in (1, 2, 9, 11, 20, 23)] == [
        "first",
        "second",
        "ninth",
        "eleventh",
        "twentieth",
        "twenty-third",
    ]
