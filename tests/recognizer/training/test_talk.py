from __future__ import annotations

import pytest

from recognizer import english
from recognizer.training.inventory import NUMBER, SPOKEN
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.talk import general_speech
from recognizer.training.transcripts import Transcript, of_english, of_text

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("language", "answer"), [("zh", of_text("满意")), ("en", of_english("yes"))])
def test_answers_are_no_more_frequent_than_other_words_however_often_they_were_recorded(
    language: str, answer: Transcript
) -> None:
    assert general_speech(language, [answer] * 5000) == general_speech(language, [])


@pytest.mark.parametrize(
    ("language", "sentence"), [("zh", of_text("今天天气很好啊")), ("en", of_english("it is a very fine day today"))]
)
def test_sentences_are_half_of_it_in_their_own_language_only(language: str, sentence: Transcript) -> None:
    words = general_speech(language, [])
    both = general_speech(language, [sentence])
    count = sum(len(word) for said in words for word in said)
    assert 0.9 < sum(len(word) for said in both[len(words) :] for word in said) / count < 1.1
    assert general_speech("en" if language == "zh" else "zh", [sentence]) == general_speech(
        "en" if language == "zh" else "zh", []
    )


def test_it_is_in_the_phones_of_the_language_and_every_one_can_begin_a_word() -> None:
    for language, phones in SPOKEN.items():
        made = general_speech(language, [])
        assert {number for said in made for word in said for number in word} <= {NUMBER[name] for name in phones}
        assert set(PhoneLM.of(made).bigram(language, 5.5)["-"]) == set(phones)


def test_the_dictionary_names_its_words_in_order_and_once() -> None:
    words = english.words()
    assert len(words) > 100_000
    assert "yes" in words
    assert list(words) == sorted(set(words))
