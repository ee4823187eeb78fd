from __future__ import annotations

from dataclasses import replace

import pytest

from recognizer.alike import alike
from recognizer.confidence import CONFIRM_BELOW, MAX_MARGIN, REJECT_BELOW, Evidence, confidence

SURE = Evidence(language="zh-CN", text="八分", rival="", ratio=1.5, margin=MAX_MARGIN, syllables=2, spoken_ms=500)


def test_a_likely_answer_without_a_rival_is_accepted() -> None:
    assert confidence(SURE) >= CONFIRM_BELOW


def test_confidence_grows_with_the_likelihood_against_any_sounds_and_against_the_rival() -> None:
    assert confidence(replace(SURE, ratio=0.5)) < confidence(SURE)
    assert confidence(replace(SURE, margin=1.0)) < confidence(SURE)
    assert confidence(replace(SURE, ratio=-6.0, margin=-1.0)) < REJECT_BELOW


@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
@pytest.mark.parametrize("syllables", [1, 2])
def test_without_a_score_for_any_sounds_only_rivals_count(language: str, syllables: int) -> None:
    alone = replace(SURE, language=language, ratio=None, syllables=syllables, spoken_ms=300 * syllables)
    assert confidence(alone) >= CONFIRM_BELOW
    assert REJECT_BELOW <= confidence(replace(alone, margin=2.0)) < CONFIRM_BELOW
    assert confidence(replace(alone, margin=0.0)) < REJECT_BELOW


def test_an_answer_of_one_syllable_needs_a_longer_duration() -> None:
    assert confidence(replace(SURE, text="八", syllables=1, spoken_ms=130)) == 0
    assert confidence(replace(SURE, text="八分", syllables=2, spoken_ms=260)) > 0


@pytest.mark.parametrize("spoken_ms", [100, 1900])
def test_an_answer_spoken_too_fast_or_too_slowly_is_rejected(spoken_ms: int) -> None:
    assert confidence(replace(SURE, spoken_ms=spoken_ms)) == 0


@pytest.mark.parametrize(("one", "other"), [("二", "八"), ("八分", "二分"), ("六", "九"), ("七", "一"), ("四", "十")])
def test_similar_score_words_are_confirmed_when_both_are_likely(one: str, other: str) -> None:
    assert alike(one, other)
    near = replace(SURE, text=one, rival=other, margin=1.9, syllables=len(one), spoken_ms=250 * len(one))
    assert REJECT_BELOW <= confidence(near) < CONFIRM_BELOW


def test_a_likelier_filler_or_background_is_no_answer() -> None:
    hummed = replace(SURE, ratio=6.0, margin=-1.1)
    assert confidence(hummed) < REJECT_BELOW
    assert confidence(replace(hummed, rival="九分")) > REJECT_BELOW
    assert confidence(replace(hummed, margin=-0.9)) > REJECT_BELOW


def test_other_words_are_not_alike() -> None:
    assert not alike("八", "九")
    assert not alike("八", "八分")
    assert not alike("二四", "八十")
    assert not alike("八", "八")
