from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recognizer.confidence import CONFIRM_BELOW, REJECT_BELOW, Evidence, Weights, features
from recognizer.evaluation.fitting import FittingLimits, fit
from recognizer.evaluation.hearing import HeardTrial, TrialReading

Hear = Callable[..., HeardTrial]


def confidence_of(weights: Weights, one: HeardTrial) -> float:
    """The confidence that `recognizer.confidence` would compute with these weights."""
    by = (weights.single, weights.several, weights.ratio, weights.margin)
    return float(1 / (1 + np.exp(-np.dot(features(one.readings[0].evidence), by))))


@pytest.fixture
def trials(hearing: Hear) -> list[HeardTrial]:
    """Right answers with much evidence, wrong ones with less, other speech with little."""
    chance = np.random.default_rng(0)

    def make(centre: float, *, right: bool, **other: object) -> HeardTrial:
        evidence = Evidence("zh-CN", "八", "二", chance.normal(centre, 0.5), chance.normal(centre + 1, 1), 1, 300)
        reading = TrialReading("八" if right else "二", right, 0.5, evidence)
        return hearing(half="dev", **{"readings": (reading,), **other})

    return [
        *(make(2.0, right=True) for _ in range(200)),
        *(make(0.0, right=False) for _ in range(60)),
        *(make(-2.0, right=False, said="", how="other speech") for _ in range(200)),
        *(make(-3.0, right=False, said="", how="noise") for _ in range(200)),
    ]


def test_weights_stay_within_the_limits_and_accept_most_right_answers(trials: list[HeardTrial]) -> None:
    weights = fit(trials, FittingLimits())
    answers = [one for one in trials if one.answer]
    wrong = sum(confidence_of(weights, one) >= CONFIRM_BELOW and not one.right for one in answers)
    right = sum(confidence_of(weights, one) >= CONFIRM_BELOW and one.right for one in answers)
    talk = [confidence_of(weights, one) for one in trials if one.how == "other speech"]
    assert wrong <= 0.02 * len(answers)
    assert right >= 0.6 * len(answers)
    assert sum(share >= REJECT_BELOW for share in talk) <= 0.13 * len(talk)


def test_stricter_limits_accept_less(trials: list[HeardTrial]) -> None:
    loose, strict = fit(trials, FittingLimits(wrong=0.05)), fit(trials, FittingLimits(wrong=0.001))
    accepted = [sum(confidence_of(weights, one) >= CONFIRM_BELOW for one in trials) for weights in (loose, strict)]
    assert accepted[0] > accepted[1]


def test_the_test_half_is_refused(trials: list[HeardTrial]) -> None:
    with pytest.raises(ValueError, match="dev half only"):
        fit([*trials, replace(trials[0], half="test")], FittingLimits())


def test_fitting_needs_wrong_answers(hearing: Hear) -> None:
    with pytest.raises(ValueError, match="no wrong ones"):
        fit([hearing(half="dev")], FittingLimits())
