import pytest

from recognizer.base import Grammar, Hypothesis, Recognizer, UnheardLanguage, UnheardPhrase
from recognizer.scripted import ScriptedRecognizer

YES = Hypothesis("是", 0.9)
QUESTION = Grammar("zh-CN", "closed", ("是", "不是"))


async def test_listeners_take_the_script_in_order() -> None:
    recognizer: Recognizer = ScriptedRecognizer([[YES], []])
    first, second, third = (recognizer.listen(QUESTION) for _ in range(3))
    for listener in (third, first, second):
        listener.feed(bytes(320))
    assert [await listener.hypotheses() for listener in (first, second, third)] == [(YES,), (), ()]


async def test_nothing_is_heard_before_the_first_audio() -> None:
    listener = ScriptedRecognizer([[YES]]).listen(QUESTION)
    assert await listener.hypotheses() == ()
    listener.feed(bytes(320))
    assert await listener.hypotheses() == (YES,)


async def test_a_closed_listener_takes_no_audio() -> None:
    listener = ScriptedRecognizer([[YES]]).listen(QUESTION)
    listener.close()
    listener.close()
    with pytest.raises(ValueError, match="closed"):
        listener.feed(bytes(320))


def test_unheard_phrases_and_languages_follow_the_script() -> None:
    recognizer = ScriptedRecognizer(languages=["zh-CN"], unheard={"8": "no pinyin"})
    assert recognizer.unheard("zh-CN", ["是", "8"]) == {"8": "no pinyin"}
    assert recognizer.unheard("en-US", ["yes"]) == {"yes": "no model for en-US"}
    with pytest.raises(UnheardPhrase, match="no pinyin"):
        recognizer.listen(Grammar("zh-CN", "closed", ("8",)))
    with pytest.raises(UnheardLanguage, match="en-US"):
        recognizer.listen(Grammar("en-US", "closed", ("yes",)))
    assert recognizer.grammars == []
