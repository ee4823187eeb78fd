"""English through the whole recogniser, with a model of chords (tests/recognizer/chords.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recognizer.base import Grammar, Hypothesis, UnheardPhrase
from recognizer.building import OtherLanguage, build_model
from recognizer.confidence import CONFIRM_BELOW
from recognizer.english import PHONES, pronunciations
from recognizer.vosk import SHIPPED, VoskRecognizer
from tests.recognizer.chords import say, write_model

SCORE = Grammar("en-US", "closed", ("two", "four", "eight", "eight points", "eight out of ten"))
DIGITS = Grammar("en-US", "sequence", ("one", "two", "four", "eight", "double"))
COMMANDS = Grammar("en-US", "free", ("a person please", "say that again"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "chords", PHONES)


@pytest.fixture(scope="module")
def recognizer(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoskRecognizer]:
    recognizer = VoskRecognizer(tmp_path_factory.mktemp("graphs"), {"en-US": model, "zh-CN": SHIPPED["zh-CN"]})
    recognizer.learn("en-US", (*SCORE.phrases, *DIGITS.phrases, *COMMANDS.phrases, "too", "to"))
    yield recognizer
    recognizer.close()


async def hear(recognizer: VoskRecognizer, grammar: Grammar, *phrases: str) -> tuple[Hypothesis, ...]:
    """The hypotheses for phrases spoken one by one."""
    listener = recognizer.listen(grammar)
    for phrase in phrases:
        listener.feed(say(PHONES, pronunciations(phrase)[0]))
    heard = tuple(await listener.hypotheses())
    listener.close()
    return heard


@pytest.mark.parametrize("answer", SCORE.phrases)
async def test_an_answer_is_recognised_with_confidence(recognizer: VoskRecognizer, answer: str) -> None:
    best, *_ = await hear(recognizer, SCORE, answer)
    assert best.text == answer
    assert best.confidence >= CONFIRM_BELOW
    assert [word.text for word in best.words] == [answer]


async def test_an_answer_is_heard_among_fillers_of_several_words(recognizer: VoskRecognizer) -> None:
    best, *_ = await hear(recognizer, SCORE, "i think", "eight points", "thank you")
    assert best.text == "eight points"
    assert best.confidence >= CONFIRM_BELOW


async def test_a_filler_alone_is_no_answer(recognizer: VoskRecognizer) -> None:
    assert await hear(recognizer, SCORE, "i would say") == ()


async def test_a_digit_sequence_is_recognised(recognizer: VoskRecognizer) -> None:
    best, *_ = await hear(recognizer, DIGITS, "one", "double", "eight", "four")
    assert best.text == "one double eight four"
    assert [word.text for word in best.words] == ["one", "double", "eight", "four"]


async def test_a_cue_of_several_words_is_found_in_free_speech(recognizer: VoskRecognizer) -> None:
    (best,) = await hear(recognizer, COMMANDS, "water", "a person please", "kitchen")
    assert best.text == "a person please"


async def test_homophones_are_no_rivals(recognizer: VoskRecognizer) -> None:
    alike = Grammar("en-US", "closed", ("two", "too", "to"))
    best, *_ = await hear(recognizer, alike, "two")
    assert best.text in alike.phrases
    assert best.confidence >= CONFIRM_BELOW


async def test_two_languages_are_recognised_side_by_side(recognizer: VoskRecognizer) -> None:
    assert recognizer.languages == {"zh-CN", "en-US"}
    recognizer.learn("zh-CN", ["满意"])
    with pytest.raises(UnheardPhrase, match="满意"):
        recognizer.listen(Grammar("en-US", "closed", ("满意",)))
    assert recognizer.unheard("en-US", ["10", "ten"]) == {"10": '"10" is not an English word; say "ten"'}
    assert recognizer.unheard("zh-CN", ["10"]) == {"10": '"1" has no pinyin; say "十"'}


def test_phrases_of_several_words_are_one_word_of_the_graph(model: Path, tmp_path: Path) -> None:
    folder = build_model("en-US", model, ["i think", "two"], tmp_path, lattice_beam=2)
    assert (folder / "graph" / "words.txt").read_text() == "<eps> 0\ni_think 1\ntwo 2\n[unk] 3\n"


def test_a_model_of_another_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OtherLanguage, match="not a model of en-US: it lacks the phones e_"):
        VoskRecognizer(tmp_path, {"en-US": SHIPPED["zh-CN"]})
