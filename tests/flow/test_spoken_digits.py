"""Dictated digits, and phone numbers that are complete, incomplete or invalid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.digits import digit_words, parse_digits
from ivr.flow.spoken.phone import parse_phone
from ivr.flow.spoken.result import Parsed, ParsedIncomplete, ParsedNothing, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.text import LANGUAGES


@pytest.mark.parametrize(
    ("language", "text", "digits"),
    [
        ("zh-CN", "幺三八零零幺三八零零零", "13800138000"),
        ("zh-CN", "一三八", "138"),
        ("zh-CN", "两二〇", "220"),
        ("zh-CN", "洞幺拐勾", "0179"),
        ("zh-CN", "三个八", "888"),
        ("zh-CN", "一三八三个八", "138888"),
        ("zh-CN", "三八两个零", "3800"),
        ("zh-CN", "138 0013 8000", "13800138000"),
        ("zh-CN", "１３８", "138"),
        ("zh-CN", "我的手机号是幺三八", "138"),
        ("zh-CN", "嗯，零幺零，然后六二", "01062"),
        ("zh-CN", "没有", ""),
        ("zh-CN", "一般", ""),
        ("zh-CN", "十个", ""),
        ("zh-CN", "三个", ""),
        ("zh-CN", "", ""),
        ("en-US", "four one five", "415"),
        ("en-US", "oh two oh", "020"),
        ("en-US", "double five triple oh", "55000"),
        ("en-US", "one eight hundred", "1800"),
        ("en-US", "two thousand", "2000"),
        ("en-US", "twelve thirty four", "1234"),
        ("en-US", "twenty", "20"),
        ("en-US", "twenty ten", "2010"),
        ("en-US", "twenty zero", "200"),
        ("en-US", "my number is 415-555-2671", "4155552671"),
        ("en-US", "double", ""),
        ("en-US", "double twenty", ""),
        ("en-US", "seven dogs", ""),
    ],
)
def test_dictated_digits_are_read(language: str, text: str, digits: str) -> None:
    assert parse_digits(text, language) == digits


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("幺三八零零幺三八零零零", ParsedValue("+8613800138000")),
        ("我的电话是一三八零零一三八三个零", ParsedValue("+8613800138000")),
        ("零幺零六二三四五六七八", ParsedValue("+861062345678")),
        ("零五幺二六二三四五六七八", ParsedValue("+8651262345678")),
        ("四零零八零零幺二三四", ParsedValue("+864008001234")),
        ("＋86 138 0013 8000", ParsedValue("+8613800138000")),
        ("加八六幺三八零零幺三八零零零", ParsedValue("+8613800138000")),
        ("八六幺三八零零幺三八零零零", ParsedValue("+8613800138000")),
        ("0086 13800138000", ParsedValue("+8613800138000")),
        ("幺三八", ParsedIncomplete("138")),
        ("幺三八零零幺三八零零", ParsedIncomplete("1380013800")),
        ("六二三四五六七八", ParsedIncomplete("62345678")),
        ("五五五一二三四", ParsedIncomplete("5551234")),
        ("零", ParsedIncomplete("0")),
        ("零幺零六二三四五", ParsedIncomplete("01062345")),
        ("四零零八零零", ParsedIncomplete("400800")),
        ("幺二零幺二三四五六七八", ParsedOutOfRange("12012345678")),
        ("幺三八零零幺三八零零零零", ParsedOutOfRange("138001380000")),
        ("九" * 30, ParsedOutOfRange("9" * 30)),
        ("没有电话", ParsedNothing()),
        ("", ParsedNothing()),
    ],
)
def test_a_chinese_number_is_complete_incomplete_or_invalid(text: str, phone: Parsed[str]) -> None:
    assert parse_phone(text, "zh-CN") == phone


@pytest.mark.parametrize(
    ("text", "region", "phone"),
    [
        ("four one five double five five two six seven one", "US", ParsedValue("+14155552671")),
        ("five five five two six seven one", "US", ParsedIncomplete("5552671")),
        ("plus one four one five triple five two six seven one", "CN", ParsedValue("+14155552671")),
        ("one three eight double oh one three eight triple oh", "CN", ParsedValue("+8613800138000")),
    ],
)
def test_the_region_decides_how_a_number_is_read(text: str, region: str, phone: Parsed[str]) -> None:
    assert parse_phone(text, "en-US", region) == phone


@given(st.from_regex(r"1[3589][0-9]{9}", fullmatch=True))
def test_no_prefix_of_a_mobile_number_counts_as_complete(number: str) -> None:
    spoken = number.translate(str.maketrans("0123456789", "零幺二三四五六七八九"))
    assert [parse_phone(spoken[:length], "zh-CN") for length in range(1, 11)] == [
        ParsedIncomplete(number[:length]) for length in range(1, 11)
    ]
    assert parse_digits(spoken, "zh-CN") == number


def test_every_digit_has_a_word() -> None:
    for language in LANGUAGES:
        single = {parse_digits(word, language) for word in digit_words(language)}
        assert single >= set("0123456789")


@given(st.lists(st.sampled_from(digit_words("en-US"))) | st.lists(st.text()), st.sampled_from(LANGUAGES))
def test_any_text_gives_digits_or_none(words: list[str], language: str) -> None:
    digits = parse_digits(" ".join(words), language)
    assert digits == "" or (digits.isascii() and digits.isdecimal())
    parse_phone(" ".join(words), language)


@given(st.text(alphabet="零一二两三十个幺洞拐0５加+ "))
def test_any_digits_can_be_parsed(text: str) -> None:
    parsed = parse_phone(text, "zh-CN")
    assert not isinstance(parsed, ParsedValue) or parsed.value.startswith("+")
