"""Scores among other words, and near misses such as a score out of range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.result import Parsed, ParsedFraction, ParsedNothing, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.score import parse_score, score_phrases
from ivr.flow.spoken.text import LANGUAGES

ROWS: list[tuple[str, str, Parsed[int]]] = [
    ("zh-CN", "八", ParsedValue(8)),
    ("zh-CN", "八分", ParsedValue(8)),
    ("zh-CN", "打八分", ParsedValue(8)),
    ("zh-CN", "给八分", ParsedValue(8)),
    ("zh-CN", "我打八分吧", ParsedValue(8)),
    ("zh-CN", "我给你们打个八分吧", ParsedValue(8)),
    ("zh-CN", "嗯那就八分吧谢谢", ParsedValue(8)),
    ("zh-CN", "八分左右", ParsedValue(8)),
    ("zh-CN", "8分", ParsedValue(8)),
    ("zh-CN", "８ 分。", ParsedValue(8)),
    ("zh-CN", "8.0分", ParsedValue(8)),
    ("zh-CN", "八分八分", ParsedValue(8)),
    ("zh-CN", "两分", ParsedValue(2)),
    ("zh-CN", "二分", ParsedValue(2)),
    ("zh-CN", "十分", ParsedValue(10)),
    ("zh-CN", "10", ParsedValue(10)),
    ("zh-CN", "满分", ParsedValue(10)),
    ("zh-CN", "给个满分", ParsedValue(10)),
    ("zh-CN", "最低分", ParsedValue(1)),
    ("zh-CN", "零分", ParsedOutOfRange(0)),
    ("zh-CN", "负一分", ParsedOutOfRange(-1)),
    ("zh-CN", "十一分", ParsedOutOfRange(11)),
    ("zh-CN", "打二十分", ParsedOutOfRange(20)),
    ("zh-CN", "一百分", ParsedOutOfRange(100)),
    ("zh-CN", "八点五分", ParsedFraction("八点五分")),
    ("zh-CN", "打八点五", ParsedFraction("八点五")),
    ("zh-CN", "8.5", ParsedFraction("8.5")),
    ("zh-CN", "８．５分", ParsedFraction("8.5分")),
    ("zh-CN", "八分半", ParsedFraction("八分半")),
    ("zh-CN", "八分多吧", ParsedFraction("八分多")),
    ("zh-CN", "九到十分", ParsedNothing()),
    ("zh-CN", "八九分", ParsedNothing()),
    ("zh-CN", "八分九分", ParsedNothing()),
    ("zh-CN", "十分满意", ParsedNothing()),
    ("zh-CN", "不给八分", ParsedNothing()),
    ("zh-CN", "一般", ParsedNothing()),
    ("zh-CN", "第一", ParsedNothing()),
    ("zh-CN", "百分之八十", ParsedNothing()),
    ("zh-CN", "分", ParsedNothing()),
    ("zh-CN", "", ParsedNothing()),
    ("en-US", "eight", ParsedValue(8)),
    ("en-US", "an eight", ParsedValue(8)),
    ("en-US", "I'd give it an eight", ParsedValue(8)),
    ("en-US", "Eight, please.", ParsedValue(8)),
    ("en-US", "eight out of ten", ParsedValue(8)),
    ("en-US", "8 out of 10", ParsedValue(8)),
    ("en-US", "ten", ParsedValue(10)),
    ("en-US", "a perfect score", ParsedValue(10)),
    ("en-US", "full marks", ParsedValue(10)),
    ("en-US", "eight points", ParsedValue(8)),
    ("en-US", "zero", ParsedOutOfRange(0)),
    ("en-US", "minus one", ParsedOutOfRange(-1)),
    ("en-US", "eleven", ParsedOutOfRange(11)),
    ("en-US", "a hundred", ParsedOutOfRange(100)),
    ("en-US", "eight and a half", ParsedFraction("eight and a half")),
    ("en-US", "eight point five", ParsedFraction("eight point five")),
    ("en-US", "8.5", ParsedFraction("8.5")),
    ("en-US", "eight out of five", ParsedNothing()),
    ("en-US", "eight or nine", ParsedNothing()),
    ("en-US", "eight nine", ParsedNothing()),
    ("en-US", "not eight", ParsedNothing()),
    ("en-US", "out of ten", ParsedNothing()),
    ("en-US", "", ParsedNothing()),
]


@pytest.mark.parametrize(("language", "text", "score"), ROWS)
def test_a_score_from_one_to_ten_is_read(language: str, text: str, score: Parsed[int]) -> None:
    assert parse_score(text, language, 1, 10) == score


@pytest.mark.parametrize(
    ("language", "text", "score"),
    [
        ("zh-CN", "满分", ParsedValue(5)),
        ("zh-CN", "六分", ParsedOutOfRange(6)),
        ("zh-CN", "零分", ParsedValue(0)),
        ("en-US", "full marks", ParsedValue(5)),
        ("en-US", "four out of five", ParsedValue(4)),
        ("en-US", "four out of ten", ParsedNothing()),
    ],
)
def test_each_question_has_its_own_scale(language: str, text: str, score: Parsed[int]) -> None:
    assert parse_score(text, language, 0, 5) == score


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("low", "high"), [(1, 10), (0, 10), (1, 5), (0, 100)])
def test_the_grammar_holds_every_score_and_the_near_misses(language: str, low: int, high: int) -> None:
    phrases = score_phrases(language, low, high)
    assert {parsed.value for parsed in phrases.values() if isinstance(parsed, ParsedValue)} == set(range(low, high + 1))
    assert ParsedOutOfRange(high + 1) in phrases.values()
    assert any(isinstance(parsed, ParsedFraction) for parsed in phrases.values())
    assert ParsedNothing() not in phrases.values()


@pytest.mark.parametrize(
    ("language", "phrases"),
    [
        (
            "zh-CN",
            {
                "八",
                "八分",
                "打八分",
                "给八分",
                "两分",
                "二分",
                "满分",
                "零分",
                "十一分",
                "一百分",
                "八分半",
                "八点五分",
            },
        ),
        (
            "en-US",
            {"eight", "an eight", "eight points", "eight out of ten", "full marks", "eleven", "eight and a half"},
        ),
    ],
)
def test_the_usual_forms_are_in_the_grammar(language: str, phrases: set[str]) -> None:
    assert phrases <= score_phrases(language, 1, 10).keys()


@given(st.text() | st.text(alphabet="我打给零一二两八九十百满分半点多个.0５负吧"), st.sampled_from(LANGUAGES))
def test_any_text_gives_a_score_in_range_or_a_reason(text: str, language: str) -> None:
    parsed = parse_score(text, language, 1, 10)
    if isinstance(parsed, ParsedValue):
        assert 1 <= parsed.value <= 10
    elif isinstance(parsed, ParsedOutOfRange):
        assert not 1 <= parsed.value <= 10
