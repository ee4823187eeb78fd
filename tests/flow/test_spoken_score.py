"""Scores are read off whatever callers wrap around them, and near misses are read as what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.result import Nothing, NotWhole, OutOfRange, Parsed, Value
from ivr.flow.spoken.score import parse_score, score_phrases
from ivr.flow.spoken.text import LANGUAGES

ROWS: list[tuple[str, str, Parsed[int]]] = [
    ("zh-CN", "八", Value(8)),
    ("zh-CN", "八分", Value(8)),
    ("zh-CN", "打八分", Value(8)),
    ("zh-CN", "给八分", Value(8)),
    ("zh-CN", "我打八分吧", Value(8)),
    ("zh-CN", "我给你们打个八分吧", Value(8)),
    ("zh-CN", "嗯那就八分吧谢谢", Value(8)),
    ("zh-CN", "八分左右", Value(8)),
    ("zh-CN", "8分", Value(8)),
    ("zh-CN", "８ 分。", Value(8)),
    ("zh-CN", "8.0分", Value(8)),
    ("zh-CN", "八分八分", Value(8)),
    ("zh-CN", "两分", Value(2)),
    ("zh-CN", "二分", Value(2)),
    ("zh-CN", "十分", Value(10)),
    ("zh-CN", "10", Value(10)),
    ("zh-CN", "满分", Value(10)),
    ("zh-CN", "给个满分", Value(10)),
    ("zh-CN", "最低分", Value(1)),
    ("zh-CN", "零分", OutOfRange(0)),
    ("zh-CN", "负一分", OutOfRange(-1)),
    ("zh-CN", "十一分", OutOfRange(11)),
    ("zh-CN", "打二十分", OutOfRange(20)),
    ("zh-CN", "一百分", OutOfRange(100)),
    ("zh-CN", "八点五分", NotWhole("八点五分")),
    ("zh-CN", "打八点五", NotWhole("八点五")),
    ("zh-CN", "8.5", NotWhole("8.5")),
    ("zh-CN", "８．５分", NotWhole("8.5分")),
    ("zh-CN", "八分半", NotWhole("八分半")),
    ("zh-CN", "八分多吧", NotWhole("八分多")),
    ("zh-CN", "九到十分", Nothing()),
    ("zh-CN", "八九分", Nothing()),
    ("zh-CN", "八分九分", Nothing()),
    ("zh-CN", "十分满意", Nothing()),
    ("zh-CN", "不给八分", Nothing()),
    ("zh-CN", "一般", Nothing()),
    ("zh-CN", "第一", Nothing()),
    ("zh-CN", "百分之八十", Nothing()),
    ("zh-CN", "分", Nothing()),
    ("zh-CN", "", Nothing()),
    ("en-US", "eight", Value(8)),
    ("en-US", "an eight", Value(8)),
    ("en-US", "I'd give it an eight", Value(8)),
    ("en-US", "Eight, please.", Value(8)),
    ("en-US", "eight out of ten", Value(8)),
    ("en-US", "8 out of 10", Value(8)),
    ("en-US", "ten", Value(10)),
    ("en-US", "a perfect score", Value(10)),
    ("en-US", "full marks", Value(10)),
    ("en-US", "eight points", Value(8)),
    ("en-US", "zero", OutOfRange(0)),
    ("en-US", "minus one", OutOfRange(-1)),
    ("en-US", "eleven", OutOfRange(11)),
    ("en-US", "a hundred", OutOfRange(100)),
    ("en-US", "eight and a half", NotWhole("eight and a half")),
    ("en-US", "eight point five", NotWhole("eight point five")),
    ("en-US", "8.5", NotWhole("8.5")),
    ("en-US", "eight out of five", Nothing()),
    ("en-US", "eight or nine", Nothing()),
    ("en-US", "eight nine", Nothing()),
    ("en-US", "not eight", Nothing()),
    ("en-US", "out of ten", Nothing()),
    ("en-US", "", Nothing()),
]


@pytest.mark.parametrize(("language", "text", "score"), ROWS)
def test_a_score_from_one_to_ten_is_read(language: str, text: str, score: Parsed[int]) -> None:
    assert parse_score(text, language, 1, 10) == score


@pytest.mark.parametrize(
    ("language", "text", "score"),
    [
        ("zh-CN", "满分", Value(5)),
        ("zh-CN", "六分", OutOfRange(6)),
        ("zh-CN", "零分", Value(0)),
        ("en-US", "full marks", Value(5)),
        ("en-US", "four out of five", Value(4)),
        ("en-US", "four out of ten", Nothing()),
    ],
)
def test_the_scale_is_the_questions_own(language: str, text: str, score: Parsed[int]) -> None:
    assert parse_score(text, language, 0, 5) == score


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("low", "high"), [(1, 10), (0, 10), (1, 5), (0, 100)])
def test_the_grammar_holds_every_score_and_the_near_misses(language: str, low: int, high: int) -> None:
    phrases = score_phrases(language, low, high)
    assert {parsed.value for parsed in phrases.values() if isinstance(parsed, Value)} == set(range(low, high + 1))
    assert OutOfRange(high + 1) in phrases.values()
    assert any(isinstance(parsed, NotWhole) for parsed in phrases.values())
    assert Nothing() not in phrases.values()


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
def test_any_text_is_a_score_in_range_or_says_why_not(text: str, language: str) -> None:
    parsed = parse_score(text, language, 1, 10)
    if isinstance(parsed, Value):
        assert 1 <= parsed.value <= 10
    elif isinstance(parsed, OutOfRange):
        assert not 1 <= parsed.value <= 10
