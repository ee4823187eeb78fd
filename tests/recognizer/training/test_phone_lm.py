from __future__ import annotations

import math

import numpy as np
import pytest

from recognizer.phones import START
from recognizer.training.inventory import NUMBER, SPOKEN
from recognizer.training.phone_lm import PhoneLM


def test_the_probabilities_after_a_phone_add_up_to_one(lm: PhoneLM) -> None:
    assert lm.first.sum() == pytest.approx(1)
    assert np.allclose(lm.after.sum(1) + lm.end, 1)


def test_observed_phones_are_likelier(lm: PhoneLM) -> None:
    row = lm.after[NUMBER["i_m"]]
    assert row[NUMBER["f_an3"]] > row[NUMBER["f_an1"]]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_exactly_the_phones_of_a_language_may_begin_and_continue_a_word(lm: PhoneLM, language: str) -> None:
    bigram = lm.bigram(language, 8.0)
    spoken = set(SPOKEN[language])
    assert set(bigram[START]) == spoken
    assert set(bigram) == spoken | {START}
    assert all(set(row) <= spoken for row in bigram.values())
    assert all(cost >= 0 for row in bigram.values() for cost in row.values())


def test_a_final_costs_the_same_with_any_tone(lm: PhoneLM) -> None:
    row = lm.bigram("zh", 8.0)["i_m"]
    costs = {row[f"f_an{tone}"] for tone in "12345" if f"f_an{tone}" in row}
    assert len(costs) == 1


def test_rare_phones_are_omitted(lm: PhoneLM) -> None:
    assert len(lm.bigram("zh", 3.0)["i_m"]) < len(lm.bigram("zh", 8.0)["i_m"])
    assert math.exp(-min(lm.bigram("zh", 3.0)["i_m"].values())) > 0.05
