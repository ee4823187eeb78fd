"""Yes and no are told apart among other words; ambiguous answers are unclear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.spoken.result import Parsed, ParsedNothing, ParsedValue
from ivr.flow.spoken.text import LANGUAGES
from ivr.flow.spoken.yes_no import parse_yes_no, yes_no_phrases

YES, NO, UNCLEAR = ParsedValue(True), ParsedValue(False), ParsedNothing()

SOLVED = {
    "zh-CN": (
        ["解决了", "问题解决了", "修好了", "好了"],
        ["没解决", "没有解决", "还没有", "没修好", "还是不热", "坏的"],
    ),
    "en-US": (["fixed", "it's fixed", "it has been fixed"], ["not fixed", "still broken", "bad"]),
}
CHARGED = (["收了", "收费了", "收钱了", "收费"], ["没有", "没收", "没收费", "没有收费", "免费"])
CONVENIENT = (["方便", "满意"], ["不方便", "在忙", "不满意"])

ROWS: list[tuple[str, str, Parsed[bool]]] = [
    ("zh-CN", "是", YES),
    ("zh-CN", "是的", YES),
    ("zh-CN", "对", YES),
    ("zh-CN", "对的对的", YES),
    ("zh-CN", "嗯", YES),
    ("zh-CN", "嗯，好的", YES),
    ("zh-CN", "好", YES),
    ("zh-CN", "可以", YES),
    ("zh-CN", "行", YES),
    ("zh-CN", "没错", YES),
    ("zh-CN", "没问题", YES),
    ("zh-CN", "没有问题", YES),
    ("zh-CN", "OK", YES),
    ("zh-CN", "我觉得是的吧", YES),
    ("zh-CN", "当然可以", YES),
    ("zh-CN", "解决了", YES),
    ("zh-CN", "已经解决了，谢谢", YES),
    ("zh-CN", "是的解决了", YES),
    ("zh-CN", "不，解决了", YES),
    ("zh-CN", "不解决了", YES),
    ("zh-CN", "不是，修好了", YES),
    ("zh-CN", "没有，解决了", YES),
    ("zh-CN", "没问题解决了", YES),
    ("zh-CN", "问题，解决了", YES),
    ("zh-CN", "不对解决了", YES),
    ("zh-CN", "解决了，对", YES),
    ("zh-CN", "不", NO),
    ("zh-CN", "不是", NO),
    ("zh-CN", "不对", NO),
    ("zh-CN", "不不不", NO),
    ("zh-CN", "没有", NO),
    ("zh-CN", "没有没有", NO),
    ("zh-CN", "没有啊", NO),
    ("zh-CN", "嗯，没有", NO),
    ("zh-CN", "嗯不是", NO),
    ("zh-CN", "对没有", NO),
    ("zh-CN", "不行", NO),
    ("zh-CN", "不可以", NO),
    ("zh-CN", "不用了谢谢", NO),
    ("zh-CN", "不好意思，没有", NO),
    ("zh-CN", "还没有", NO),
    ("zh-CN", "还没好", NO),
    ("zh-CN", "不好了", NO),
    ("zh-CN", "没解决", NO),
    ("zh-CN", "没解决，对", NO),
    ("zh-CN", "没有没解决", NO),
    ("zh-CN", "不，没解决", NO),
    ("zh-CN", "没有还是不热", NO),
    ("zh-CN", "是的，还是不热", NO),
    ("zh-CN", "没有解决了", UNCLEAR),
    ("zh-CN", "解决了没有", UNCLEAR),
    ("zh-CN", "解决了没解决", UNCLEAR),
    ("zh-CN", "解决了吗", UNCLEAR),
    ("zh-CN", "房子漏水，解决了", UNCLEAR),
    ("zh-CN", "不是没解决", UNCLEAR),
    ("zh-CN", "不坏的", UNCLEAR),
    ("zh-CN", "是不是", UNCLEAR),
    ("zh-CN", "对不对", UNCLEAR),
    ("zh-CN", "好不好", UNCLEAR),
    ("zh-CN", "是，不是", UNCLEAR),
    ("zh-CN", "可能解决了吧", UNCLEAR),
    ("zh-CN", "不知道", UNCLEAR),
    ("zh-CN", "啊", UNCLEAR),
    ("zh-CN", "，", UNCLEAR),
    ("zh-CN", "", UNCLEAR),
    ("en-US", "yes", YES),
    ("en-US", "Yeah, thanks.", YES),
    ("en-US", "yep", YES),
    ("en-US", "sure", YES),
    ("en-US", "that's correct", YES),
    ("en-US", "no problem", YES),
    ("en-US", "well yes", YES),
    ("en-US", "I think it is", YES),
    ("en-US", "it's fixed", YES),
    ("en-US", "no, it's fixed", YES),
    ("en-US", "no it's fixed", YES),
    ("en-US", "no, fixed", YES),
    ("en-US", "yes it’s fixed", YES),
    ("en-US", "no", NO),
    ("en-US", "Nope!", NO),
    ("en-US", "no no no", NO),
    ("en-US", "no, thank you", NO),
    ("en-US", "not yet", NO),
    ("en-US", "no not yet", NO),
    ("en-US", "sorry, no", NO),
    ("en-US", "not fixed", NO),
    ("en-US", "it's not fixed", NO),
    ("en-US", "it isn't fixed", NO),
    ("en-US", "yes, still broken", NO),
    ("en-US", "still broken, yes", NO),
    ("en-US", "no fixed", UNCLEAR),
    ("en-US", "not actually fixed", UNCLEAR),
    ("en-US", "not bad", UNCLEAR),
    ("en-US", "not sure", UNCLEAR),
    ("en-US", "yes no", UNCLEAR),
    ("en-US", "fixed, no", UNCLEAR),
    ("en-US", "maybe", UNCLEAR),
    ("en-US", "", UNCLEAR),
]


@pytest.mark.parametrize(("language", "text", "solved"), ROWS)
def test_answers_about_a_solved_problem(language: str, text: str, solved: Parsed[bool]) -> None:
    yes, no = SOLVED[language]
    assert parse_yes_no(text, language, yes, no) == solved


@pytest.mark.parametrize(
    ("text", "charged"),
    [
        ("没有", NO),
        ("对，没有收费", NO),
        ("对没有收费", NO),
        ("是的，没有", NO),
        ("没有没有收费", NO),
        ("不不收费", NO),
        ("不能收费", NO),
        ("不对，收费了", YES),
        ("没收费没收费", NO),
        ("免费的", NO),
        ("收了", YES),
        ("对，收费了", YES),
        ("不，收费了", YES),
        ("不收费了", UNCLEAR),
        ("没有收费了", UNCLEAR),
        ("没免费", UNCLEAR),
        ("不收费", NO),
    ],
)
def test_answers_about_a_charge(text: str, charged: Parsed[bool]) -> None:
    assert parse_yes_no(text, "zh-CN", *CHARGED) == charged


@pytest.mark.parametrize(
    ("text", "convenient"),
    [
        ("方便", YES),
        ("方便的您说", UNCLEAR),
        ("是的方便", YES),
        ("不，方便", YES),
        ("不方便", NO),
        ("不太方便", NO),
        ("不方便了", NO),
        ("没有不方便", UNCLEAR),
        ("不是不满意", UNCLEAR),
        ("方便不方便", UNCLEAR),
        ("没有我觉得满意", UNCLEAR),
        ("好的，在忙", NO),
    ],
)
def test_answers_about_a_convenient_moment(text: str, convenient: Parsed[bool]) -> None:
    assert parse_yes_no(text, "zh-CN", *CONVENIENT) == convenient


def test_a_negated_yes_phrase_is_a_no_without_any_no_phrases() -> None:
    assert parse_yes_no("不方便", "zh-CN", ["方便"]) == NO
    assert parse_yes_no("没解决", "zh-CN", ["解决"]) == NO
    assert parse_yes_no("not fixed", "en-US", ["fixed"]) == NO


def test_a_questions_own_phrases_override_the_usual_words() -> None:
    assert parse_yes_no("对", "zh-CN", no=["对"]) == NO
    assert parse_yes_no("没有", "zh-CN", yes=["没有"]) == YES


def test_a_phrase_that_means_both_is_unclear() -> None:
    assert parse_yes_no("还行", "zh-CN", yes=["还行"], no=["还行"]) == UNCLEAR


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_of_the_grammar_has_its_meaning(language: str) -> None:
    yes, no = SOLVED[language]
    phrases = yes_no_phrases(language, yes, no)
    assert {phrase: parse_yes_no(phrase, language, yes, no) for phrase in phrases} == {
        phrase: ParsedValue(meaning) for phrase, meaning in phrases.items()
    }
    assert {phrase: phrases.get(phrase) for phrase in (*yes, *no)} == dict.fromkeys(yes, True) | dict.fromkeys(
        no, False
    )


def test_the_grammar_joins_yes_or_no_with_a_phrase() -> None:
    chinese = yes_no_phrases("zh-CN", *CHARGED)
    assert (chinese["对没有收费"], chinese["是的收了"]) == (False, True)
    assert "不收费了" not in chinese
    assert yes_no_phrases("zh-CN", *SOLVED["zh-CN"])["不解决了"] is True
    assert yes_no_phrases("en-US", *SOLVED["en-US"])["no it's fixed"] is True


@given(st.text() | st.text(alphabet="不没有是的对解决了还热，嗯好吧"), st.sampled_from(LANGUAGES))
def test_any_text_is_yes_no_or_nothing(text: str, language: str) -> None:
    yes, no = SOLVED[language]
    assert parse_yes_no(text, language, yes, no) in (YES, NO, UNCLEAR)


@given(st.text(alphabet="不没有是的解决了吧，"), st.text(alphabet="不没有是的解决了吧"))
def test_phrases_of_any_shape_are_harmless(text: str, phrase: str) -> None:
    assert parse_yes_no(text, "zh-CN", [phrase], ["没解决"]) in (YES, NO, UNCLEAR)
