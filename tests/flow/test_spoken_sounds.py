"""Every phrase of an answer can be pronounced, and homophones mean the same."""

from __future__ import annotations

import pytest

from ivr.flow.spoken.digits import digit_words, parse_digits
from ivr.flow.spoken.score import score_phrases
from ivr.flow.spoken.text import LANGUAGES
from ivr.flow.spoken.when import when_words
from ivr.flow.spoken.yes_no import yes_no_phrases
from recognizer.grammar import confusable, unpronounceable


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_can_be_pronounced(language: str) -> None:
    scores = [*score_phrases(language, 1, 10), *score_phrases(language, 0, 5)]
    spoken = {*scores, *yes_no_phrases(language), *digit_words(language), *when_words(language)}
    assert len(spoken) > 200
    assert unpronounceable(language, sorted(spoken)) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_homophones_among_scores_and_yes_and_no_mean_the_same(language: str) -> None:
    for meanings in (score_phrases(language, 1, 10), yes_no_phrases(language)):
        for one, other in confusable(language, [*meanings]):
            assert meanings[one] == meanings[other], (one, other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_homophones_among_digits_are_the_same(language: str) -> None:
    for one, other in confusable(language, digit_words(language)):
        assert parse_digits(one, language) == parse_digits(other, language), (one, other)


def test_no_words_of_an_english_time_are_homophones() -> None:
    assert confusable("en-US", when_words("en-US")) == ()
