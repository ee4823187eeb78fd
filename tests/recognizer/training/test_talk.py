from __future__ import annotations

import pytest

from recognizer import english
from recognizer.training.inventory import NUMBER, SPOKEN
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.talk import general_speech
from recognizer.training.transcripts import Transcript, of_english, of_text

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("language", "answer"), [("zh", of_text("满意")), ("en", of_english("yes"))])
def test_the_frequency_of_answers_does_not_depend_on_the_number_of_recordings(
    language: str, answer: Transcript
) -> None:
    assert general_speech(language, [answer] * 5000) == general_speech(language, [])


@pytest.mark.parametrize(
    ("language", "sentence"), [("zh", of_text("今天天气很好啊")), ("en", of_english("it is a very fine day today"))]
)
def test_sentences_are_half_of_the_general_speech_of_their_language(language: str, sentence: Transcript) -> None:
    words = general_speech(language, [])
    both = general_speech(language, [sentence])
    count = sum(len(word) for said in words for word in said)
    assert 0.9 < sum(len(word) for said in both[len(words) :] for word in said) / count < 1.1
    assert general_speech("en" if language == "zh" else "zh", [sentence]) == general_speech(
        "en" if language == "zh" else "zh", []
    )


def test_general_speech_uses_the_phones_of_its_language_and_each_may_begin_a_word() -> None:
    for language, phones in SPOKEN.items():
        made = general_speech(language, [])
        assert {number for said in made for word in said for number in word} <= {NUMBER[name] for name in phones}
        assert set(PhoneLM.of(made).bigram(language, 5.5)["-"]) == set(phones)


def test_the_dictionary_lists_its_words_once_and_in_order() -> None:
    words = english.words()
    assert len(words) > 100_000
    assert "yes" in words
    assert list(words) == sorted(set(words))
