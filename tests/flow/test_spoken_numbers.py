"""Number words of both languages, read as one number only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.numbers import parse_number, say_number
from ivr.flow.spoken.text import LANGUAGES

ROWS = [
    ("zh-CN", "零", 0),
    ("zh-CN", "一", 1),
    ("zh-CN", "二", 2),
    ("zh-CN", "两", 2),
    ("zh-CN", "十", 10),
    ("zh-CN", "十一", 11),
    ("zh-CN", "二十", 20),
    ("zh-CN", "二十一", 21),
    ("zh-CN", "一百", 100),
    ("zh-CN", "一百零二", 102),
    ("zh-CN", "一百二", 120),
    ("zh-CN", "一百一十", 110),
    ("zh-CN", "一百十一", 111),
    ("zh-CN", "二百五", 250),
    ("zh-CN", "两百零五", 205),
    ("zh-CN", "两千", 2000),
    ("zh-CN", "一千五", 1500),
    ("zh-CN", "一千零五", 1005),
    ("zh-CN", "一千零五十", 1050),
    ("zh-CN", "三千四百五十六", 3456),
    ("zh-CN", "九千九百九十九", 9999),
    ("zh-CN", "85", 85),
    ("zh-CN", "８５", 85),
    ("zh-CN", " 八 十 五。", 85),
    ("zh-CN", "", None),
    ("zh-CN", "八九", None),
    ("zh-CN", "一二三", None),
    ("zh-CN", "二十十", None),
    ("zh-CN", "两十", None),
    ("zh-CN", "一百零", None),
    ("zh-CN", "一千零二百", None),
    ("zh-CN", "一千零二百三十", None),
    ("zh-CN", "一万", None),
    ("zh-CN", "12345", None),
    ("zh-CN", "一般", None),
    ("en-US", "zero", 0),
    ("en-US", "eight", 8),
    ("en-US", "eighty five", 85),
    ("en-US", "eighty-five", 85),
    ("en-US", "one hundred and two", 102),
    ("en-US", "a hundred", 100),
    ("en-US", "two hundred ten", 210),
    ("en-US", "twelve hundred", 1200),
    ("en-US", "three thousand four hundred and fifty six", 3456),
    ("en-US", "Nine Thousand", 9000),
    ("en-US", "85", 85),
    ("en-US", "eight nine", None),
    ("en-US", "twenty ten", None),
    ("en-US", "and five", None),
    ("en-US", "hundred", None),
    ("en-US", "one hundred and", None),
    ("en-US", "nine thousand nineteen hundred", None),
    ("en-US", "one zero", None),
    ("en-US", "a", None),
]


@pytest.mark.parametrize(("language", "text", "number"), ROWS)
def test_a_number_is_read_as_a_whole(language: str, text: str, number: int | None) -> None:
    assert parse_number(text, language) == number


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_survives_being_spoken_and_read(language: str) -> None:
    assert [parse_number(say_number(number, language), language) for number in range(10_000)] == list(range(10_000))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_numbers_sound_the_same(language: str) -> None:
    assert len({say_number(number, language) for number in range(10_000)}) == 10_000


@pytest.mark.parametrize("number", [-1, 10_000])
def test_numbers_beyond_the_range_are_not_spoken(number: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 9999"):
        say_number(number, "zh-CN")


@given(st.text() | st.text(alphabet="零一二两三十百千0９ 八"), st.sampled_from(LANGUAGES))
def test_any_text_is_a_number_in_range_or_none(text: str, language: str) -> None:
    number = parse_number(text, language)
    assert number is None or 0 <= number <= 9999
