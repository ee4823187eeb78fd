from __future__ import annotations

from collections.abc import Callable

import pytest

from recognizer.evaluation.goals import goal_results
from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.measuring import Cost
from recognizer.evaluation.tables import Measured, tables
from recognizer.evaluation.tally import Tally, interval

Hear = Callable[..., HeardTrial]
COST = Cost(load_s=0.05, memory_mb=12.0, size_mb=5.3)


def test_a_tally_counts_what_the_service_would_do(hearing: Hear) -> None:
    heard = [hearing(), hearing("九"), hearing(sure=0.6), hearing("九", 0.6), hearing(sure=0.2), hearing(readings=())]
    assert Tally.of(heard) == Tally(1, 1, 1, 1, 2)


def test_accepting_a_sound_that_is_no_answer_is_wrong(hearing: Hear) -> None:
    assert Tally.of([hearing(said="", how="noise")]) == Tally(accept_wrong=1)


def test_few_trials_give_a_wide_interval() -> None:
    assert interval(10, 10)[0] == pytest.approx(0.72, abs=0.01)
    assert interval(1000, 1000)[0] > 0.99
    assert interval(0, 0) == (0.0, 1.0)


def test_goals_count_real_speakers_of_the_test_half_on_ordinary_calls(hearing: Hear) -> None:
    heard = [
        *[hearing()] * 9,
        hearing("九"),
        *(hearing("九", **other) for other in ({"half": "dev"}, {"condition": "clean"}, {"how": "synthetic"})),
        *[hearing(said="", how="tones and music")] * 2,
    ]
    reached = {one.name: (one.value, one.n, one.reached) for one in goal_results(heard, COST)}
    assert reached["score digits right, accepted or confirmed"] == (90.0, 10, True)
    assert reached["score digits accepted wrongly"] == (10.0, 10, False)
    assert reached["tones and music accepted (synthetic)"] == (100.0, 2, False)
    assert reached["memory of the model"] == (12.0, 0, True)
    assert "other speech accepted" not in reached


def test_real_and_synthetic_sounds_have_separate_tables(hearing: Hear) -> None:
    heard = [hearing(), hearing("九", how="synthetic"), hearing(said="", how="noise", sure=0.1)]
    made = {table.title: table.markdown() for table in tables(Measured("small", "zh-CN", heard, COST))}
    assert "| score digits | 1 | 100.0 | 0.0 |" in made["Answers of real speakers, µ-law"]
    assert "| score digits | 1 | 0.0 | 100.0 |" in made["Answers of synthetic voices, µ-law"]
    assert "| noise, score | 1 | 0.0 | 0.0 | 100.0 |" in made["No answers: real sounds"]
    assert "No answers: synthetic sounds" not in made
