"""Simulated callers take the shipped survey."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.crowd import CrowdResult, HeardAs, survey
from ivr.flow.parse import parse

FILE = Path(__file__).parents[2] / "callflows.yaml"
FLOWS = parse(FILE.read_text(encoding="utf-8"), "callflows.yaml")
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
CERTAIN = HeardAs(right=True, confidence=0.95)
UNCERTAIN = HeardAs(right=True, confidence=0.6)
UNCERTAIN_AND_WRONG = HeardAs(right=False, confidence=0.6)
CERTAIN_AND_WRONG = HeardAs(right=False, confidence=0.95)
NEVER_HEARD = HeardAs(right=False, confidence=0.0)
CALLS = 60


def simulate(*hearing: HeardAs, yes_no: tuple[HeardAs, ...] = (), language: str = "zh-CN") -> CrowdResult:
    return survey(
        FLOWS,
        "survey",
        language,
        {"yes_no": yes_no or hearing, "choice": hearing, "score": hearing},
        **{"calls": CALLS, "seed": 1, "now": NOW, "first": "convenient"},
    )


@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
def test_callers_heard_with_confidence_complete_the_survey_with_five_answers(language: str) -> None:
    result = simulate(CERTAIN, language=language)
    assert (result.completed, result.stored, result.right, result.keyed, result.confirmed) == (
        CALLS,
        5 * CALLS,
        5 * CALLS,
        0,
        0,
    )


def test_uncertain_answers_are_read_back() -> None:
    result = simulate(UNCERTAIN, yes_no=(UNCERTAIN,))
    assert result.completed == CALLS
    assert result.right == result.stored == result.confirmed == 5 * CALLS


def test_callers_who_are_never_understood_press_keys() -> None:
    result = simulate(NEVER_HEARD)
    assert result.completed == CALLS
    assert result.right == result.stored == result.keyed == 5 * CALLS


def test_an_uncertain_mistake_is_corrected_and_a_certain_one_is_not() -> None:
    uncertain = simulate(CERTAIN, UNCERTAIN_AND_WRONG, yes_no=(CERTAIN,))
    assert uncertain.completed == CALLS
    assert uncertain.right == uncertain.stored
    certain = simulate(CERTAIN, CERTAIN, CERTAIN, CERTAIN_AND_WRONG, yes_no=(CERTAIN,))
    assert 0.6 < certain.right / certain.stored < 0.95


def test_the_same_seed_simulates_the_same_calls() -> None:
    hearing = (CERTAIN, UNCERTAIN, UNCERTAIN_AND_WRONG, NEVER_HEARD)
    assert simulate(*hearing) == simulate(*hearing)
