import pytest

from recognizer.base import HeardWord
from recognizer.grammar import expected_phrases

SCORES = tuple("一二三四五六七八九十") + tuple(f"{score}分" for score in "一二三四五六七八九十")


def words(*texts: str, confidence: float = 1.0) -> list[HeardWord]:
    return [HeardWord(text, 100 * place, 100 * place + 90, confidence) for place, text in enumerate(texts)]


def closed(phrases: tuple[str, ...], *texts: str, language: str = "zh-CN") -> str:
    return "".join(word.text for word in expected_phrases(language, phrases).closed(words(*texts)))


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        (["八分"], "八分"),
        (["嗯", "八分"], "八分"),
        (["嗯", "我觉得", "应该", "八分", "吧"], "八分"),
        (["八分", "谢谢"], "八分"),
        (["八分", "八分"], "八分"),
        (["九", "八"], "九"),
        (["九", "八分"], "八分"),
        (["六", "八"], "六"),
        (["八", "八"], "八"),
        (["六分", "八分"], ""),
        (["八分", "[unk]"], ""),
        (["[unk]"], ""),
        (["嗯"], ""),
        (["吧", "啊"], ""),
        ([], ""),
    ],
)
def test_a_closed_answer_is_one_phrase_among_fillers(heard: list[str], answer: str) -> None:
    assert closed(SCORES, *heard) == answer


@pytest.mark.parametrize(
    ("heard", "answer"),
    [(["嗯"], "嗯"), (["嗯", "嗯"], "嗯"), (["嗯", "是的"], "是的"), (["不", "是的"], "不是的"), (["是的", "不"], "")],
)
def test_a_filler_may_be_an_answer_itself(heard: list[str], answer: str) -> None:
    assert closed(("嗯", "是的", "不", "不是的"), *heard) == answer


def test_english_phrases_are_joined_with_spaces() -> None:
    assert (
        closed(("very satisfied", "satisfied"), "well", "very", "satisfied", "thanks", language="en-US")
        == "very satisfied"
    )


def test_an_answer_has_its_span_and_the_lowest_confidence_of_its_words() -> None:
    heard = [
        HeardWord("嗯", 0, 200, 0.3),
        HeardWord("不", 300, 400, 0.9),
        HeardWord("满意", 400, 900, 0.7),
        HeardWord("吧", 900, 1000, 0.2),
    ]
    assert expected_phrases("zh-CN", ("不满意",)).closed(heard) == (HeardWord("不满意", 300, 900, 0.7),)


DIGITS = ("零", "一", "二", "三", "八", "幺", "明天", "明天下午")


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        (["幺", "三", "八"], ["幺", "三", "八"]),
        (["嗯", "幺", "三", "嗯", "八", "谢谢"], ["幺", "三", "八"]),
        (["明天", "下午"], ["明天下午"]),
        (["明天", "晚上"], []),
        (["明天", "[unk]", "三"], []),
        (["嗯"], []),
        ([], []),
    ],
)
def test_a_sequence_is_phrases_and_fillers_only(heard: list[str], answer: list[str]) -> None:
    assert [word.text for word in expected_phrases("zh-CN", DIGITS).sequence(words(*heard))] == answer


def test_cue_words_are_spotted_among_any_words() -> None:
    spotted = expected_phrases("zh-CN", ("转人工", "再说一遍")).spotted(
        words("[unk]", "转人工", "[unk]", "吧", "再说一遍")
    )
    assert [word.text for word in spotted] == ["转人工", "再说一遍"]
