"""Simulated callers take the shipped survey."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.crowd import CrowdResult, HeardAs, survey
from ivr.flow.parse import parse

FILE = Path(__file__).parents[2] / "callflows.yaml"
BOOK = parse(FILE.read_text(encoding="utf-8"), "callflows.yaml")
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
SURE = HeardAs(right=True, confidence=0.95)
UNSURE = HeardAs(right=True, confidence=0.6)
UNSURELY_WRONG = HeardAs(right=False, confidence=0.6)
SURELY_WRONG = HeardAs(right=False, confidence=0.95)
DEAF = HeardAs(right=False, confidence=0.0)
CALLS = 60


def taken(*hearing: HeardAs, yes_no: tuple[HeardAs, ...] = (), language: str = "zh-CN") -> CrowdResult:
    return survey(
        BOOK,
        "survey",
        language,
        {"yes_no": yes_no or hearing, "choice": hearing, "score": hearing},
        **{"calls": CALLS, "seed": 1, "now": NOW, "first": "convenient"},
    )


@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
def test_who_is_heard_surely_completes_the_survey_with_five_answers(language: str) -> None:
    told = taken(SURE, language=language)
    assert (told.completed, told.stored, told.right, told.keyed, told.confirmed) == (CALLS, 5 * CALLS, 5 * CALLS, 0, 0)


def test_what_is_heard_unsurely_is_read_back() -> None:
    told = taken(UNSURE, yes_no=(UNSURE,))
    assert told.completed == CALLS
    assert told.right == told.stored == told.confirmed == 5 * CALLS


def test_who_is_never_understood_presses_keys() -> None:
    told = taken(DEAF)
    assert told.completed == CALLS
    assert told.right == told.stored == told.keyed == 5 * CALLS


def test_an_unsure_mistake_is_put_right_and_a_sure_one_is_not() -> None:
    unsure = taken(SURE, UNSURELY_WRONG, yes_no=(SURE,))
    assert unsure.completed == CALLS
    assert unsure.right == unsure.stored
    sure = taken(SURE, SURE, SURE, SURELY_WRONG, yes_no=(SURE,))
    assert 0.6 < sure.right / sure.stored < 0.95


def test_the_same_seed_takes_the_same_calls() -> None:
    hearing = (SURE, UNSURE, UNSURELY_WRONG, DEAF)
    assert taken(*hearing) == taken(*hearing)
