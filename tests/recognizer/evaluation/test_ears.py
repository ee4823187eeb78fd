"""The results that `make eval` passes to simulated callers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.flow.crowd import HeardAs
from recognizer.confidence import CONFIRM_BELOW
from recognizer.evaluation.hearing import HeardTrial

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install ".[training]"')
from bench.hearing import hearing_model

Hear = Callable[..., HeardTrial]


def test_answers_carry_the_decision_of_the_service(hearing: Hear) -> None:
    heard = [hearing(), hearing("九", 0.6), hearing(sure=0.2), hearing("八", 0.95, "二", 0.9), hearing(readings=())]
    surely, unsurely_wrong, not_heard, near, silent = hearing_model(heard)["score"]
    assert (surely, unsurely_wrong) == (HeardAs(True, 0.9), HeardAs(False, 0.6))
    assert not_heard.confidence == silent.confidence == 0
    assert near.right
    assert 0.7 < near.confidence < CONFIRM_BELOW


def test_sounds_that_are_no_answer_belong_to_no_question(hearing: Hear) -> None:
    assert hearing_model([hearing(said="", how="noise")]) == {"yes_no": [], "choice": [], "score": []}
