"""A choice is found among other words, and never within its own negation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.carriers import strip_carriers
from ivr.flow.spoken.choice import parse_choice
from ivr.flow.spoken.result import Parsed, ParsedNothing, ParsedValue
from ivr.flow.spoken.text import LANGUAGES

ATTITUDE = {
    "zh-CN": {
        "satisfied": ["满意", "很满意", "非常满意", "挺好"],
        "average": ["一般", "还可以"],
        "dissatisfied": ["不满意", "很不满意", "太差"],
    },
    "en-US": {
        "satisfied": ["satisfied", "very satisfied", "good"],
        "average": ["average", "so so"],
        "dissatisfied": ["dissatisfied", "not satisfied", "bad"],
    },
}

ROWS: list[tuple[str, str, Parsed[str]]] = [
    ("zh-CN", "满意", ParsedValue("satisfied")),
    ("zh-CN", "满意的", ParsedValue("satisfied")),
    ("zh-CN", "我觉得满意吧", ParsedValue("satisfied")),
    ("zh-CN", "嗯，挺好的，谢谢", ParsedValue("satisfied")),
    ("zh-CN", "满意满意", ParsedValue("satisfied")),
    ("zh-CN", "满意，非常满意", ParsedValue("satisfied")),
    ("zh-CN", "那就一般吧", ParsedValue("average")),
    ("zh-CN", "还可以", ParsedValue("average")),
    ("zh-CN", "不满意", ParsedValue("dissatisfied")),
    ("zh-CN", "我不满意", ParsedValue("dissatisfied")),
    ("zh-CN", "我觉得很不满意吧", ParsedValue("dissatisfied")),
    ("zh-CN", "没有不满意", ParsedNothing()),
    ("zh-CN", "不是满意", ParsedNothing()),
    ("zh-CN", "满意吗", ParsedNothing()),
    ("zh-CN", "满意不满意", ParsedNothing()),
    ("zh-CN", "一般满意", ParsedNothing()),
    ("zh-CN", "我觉得", ParsedNothing()),
    ("zh-CN", "", ParsedNothing()),
    ("en-US", "satisfied", ParsedValue("satisfied")),
    ("en-US", "I'm very satisfied, thanks", ParsedValue("satisfied")),
    ("en-US", "it was good", ParsedValue("satisfied")),
    ("en-US", "well, average I guess", ParsedValue("average")),
    ("en-US", "so so", ParsedValue("average")),
    ("en-US", "I'm not satisfied", ParsedValue("dissatisfied")),
    ("en-US", "not bad", ParsedNothing()),
    ("en-US", "good or bad", ParsedNothing()),
    ("en-US", "dissatisfied", ParsedValue("dissatisfied")),
    ("en-US", "unsatisfied", ParsedNothing()),
]


@pytest.mark.parametrize(("language", "text", "attitude"), ROWS)
def test_a_choice_is_found(language: str, text: str, attitude: Parsed[str]) -> None:
    assert parse_choice(text, language, ATTITUDE[language]) == attitude


@pytest.mark.parametrize(
    ("language", "text", "rest"),
    [
        ("zh-CN", "我觉得满意吧", "满意"),
        ("zh-CN", "嗯那个应该是一般吧谢谢", "一般"),
        ("zh-CN", "不满意", "不满意"),
        ("zh-CN", "我没有", "没有"),
        ("zh-CN", "满意吗", "满意吗"),
        ("zh-CN", "嗯嗯", "嗯"),
        ("zh-CN", "。", ""),
        ("en-US", "Well, I'd say GOOD, please!", "good"),
        ("en-US", "I think it's average, I guess", "average"),
        ("en-US", "not good", "not good"),
    ],
)
def test_carrier_phrases_are_stripped(language: str, text: str, rest: str) -> None:
    assert strip_carriers(text, language) == rest


def test_without_its_own_phrase_a_negation_is_not_the_choice() -> None:
    assert parse_choice("不满意", "zh-CN", {"satisfied": ["满意"]}) == ParsedNothing()


def test_a_longer_phrase_yields_where_only_shorter_ones_fit() -> None:
    phrases = {"heating": ["暖气", "暖气不", "不热"], "water": ["漏水"]}
    assert parse_choice("暖气不热", "zh-CN", phrases) == ParsedValue("heating")


def test_a_phrase_of_two_values_is_ambiguous() -> None:
    assert parse_choice("还行", "zh-CN", {"good": ["还行"], "average": ["还行"]}) == ParsedNothing()


def test_a_phrase_that_is_also_a_carrier_counts_alone() -> None:
    assert parse_choice("可能", "zh-CN", {"maybe": ["可能"], "never": ["不可能"]}) == ParsedValue("maybe")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_gives_its_own_value(language: str) -> None:
    for value, phrases in ATTITUDE[language].items():
        assert [parse_choice(phrase, language, ATTITUDE[language]) for phrase in phrases] == [ParsedValue(value)] * len(
            phrases
        )


@given(st.text() | st.text(alphabet="我觉得不很满意一般吧的了嗯，"), st.sampled_from(LANGUAGES))
def test_any_text_is_a_choice_or_nothing(text: str, language: str) -> None:
    parsed = parse_choice(text, language, ATTITUDE[language])
    assert parsed == ParsedNothing() or (isinstance(parsed, ParsedValue) and parsed.value in ATTITUDE[language])
    assert strip_carriers(strip_carriers(text, language), language) == strip_carriers(text, language)
