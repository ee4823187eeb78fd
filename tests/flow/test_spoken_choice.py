"""A choice is found inside the words around it, and never inside its own opposite."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.carriers import strip_carriers
from ivr.flow.spoken.choice import parse_choice
from ivr.flow.spoken.result import Nothing, Parsed, Value
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
    ("zh-CN", "满意", Value("satisfied")),
    ("zh-CN", "满意的", Value("satisfied")),
    ("zh-CN", "我觉得满意吧", Value("satisfied")),
    ("zh-CN", "嗯，挺好的，谢谢", Value("satisfied")),
    ("zh-CN", "满意满意", Value("satisfied")),
    ("zh-CN", "满意，非常满意", Value("satisfied")),
    ("zh-CN", "那就一般吧", Value("average")),
    ("zh-CN", "还可以", Value("average")),
    ("zh-CN", "不满意", Value("dissatisfied")),
    ("zh-CN", "我不满意", Value("dissatisfied")),
    ("zh-CN", "我觉得很不满意吧", Value("dissatisfied")),
    ("zh-CN", "没有不满意", Nothing()),
    ("zh-CN", "不是满意", Nothing()),
    ("zh-CN", "满意吗", Nothing()),
    ("zh-CN", "满意不满意", Nothing()),
    ("zh-CN", "一般满意", Nothing()),
    ("zh-CN", "我觉得", Nothing()),
    ("zh-CN", "", Nothing()),
    ("en-US", "satisfied", Value("satisfied")),
    ("en-US", "I'm very satisfied, thanks", Value("satisfied")),
    ("en-US", "it was good", Value("satisfied")),
    ("en-US", "well, average I guess", Value("average")),
    ("en-US", "so so", Value("average")),
    ("en-US", "I'm not satisfied", Value("dissatisfied")),
    ("en-US", "not bad", Nothing()),
    ("en-US", "good or bad", Nothing()),
    ("en-US", "dissatisfied", Value("dissatisfied")),
    ("en-US", "unsatisfied", Nothing()),
]


@pytest.mark.parametrize(("language", "text", "attitude"), ROWS)
def test_the_choice_is_found(language: str, text: str, attitude: Parsed[str]) -> None:
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
def test_carriers_are_stripped_and_meanings_kept(language: str, text: str, rest: str) -> None:
    assert strip_carriers(text, language) == rest


def test_without_its_own_phrase_a_negation_is_not_the_choice() -> None:
    assert parse_choice("不满意", "zh-CN", {"satisfied": ["满意"]}) == Nothing()


def test_a_longer_phrase_gives_way_where_only_shorter_ones_fit() -> None:
    phrases = {"heating": ["暖气", "暖气不", "不热"], "water": ["漏水"]}
    assert parse_choice("暖气不热", "zh-CN", phrases) == Value("heating")


def test_a_phrase_of_two_values_decides_nothing() -> None:
    assert parse_choice("还行", "zh-CN", {"good": ["还行"], "average": ["还行"]}) == Nothing()


def test_a_phrase_that_is_also_a_carrier_is_heard_alone() -> None:
    assert parse_choice("可能", "zh-CN", {"maybe": ["可能"], "never": ["不可能"]}) == Value("maybe")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_its_own_value(language: str) -> None:
    for value, phrases in ATTITUDE[language].items():
        assert [parse_choice(phrase, language, ATTITUDE[language]) for phrase in phrases] == [Value(value)] * len(
            phrases
        )


@given(st.text() | st.text(alphabet="我觉得不很满意一般吧的了嗯，"), st.sampled_from(LANGUAGES))
def test_any_text_is_a_choice_or_nothing(text: str, language: str) -> None:
    parsed = parse_choice(text, language, ATTITUDE[language])
    assert parsed == Nothing() or (isinstance(parsed, Value) and parsed.value in ATTITUDE[language])
    assert strip_carriers(strip_carriers(text, language), language) == strip_carriers(text, language)
