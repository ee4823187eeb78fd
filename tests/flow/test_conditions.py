"""The language of conditions: names, values, comparisons, `and`, `or`, `not`, and nothing else."""

from __future__ import annotations

import pytest

from ivr.events import Value
from ivr.flow.conditions import Comparison, ConditionFault, bare_names, comparisons, holds, names

KNOWN: dict[str, Value] = {"attitude": "satisfied", "score": 4, "fee_unpaid": True, "comments": None}


@pytest.mark.parametrize(
    "condition",
    [
        "attitude == 'satisfied' and fee_unpaid",
        "score <= 4",
        "1 <= score <= 5",
        "not comments",
        "score == 4 or missing == 'x'",
        "  score != -4 ",
        "comments == None",
    ],
)
def test_true(condition: str) -> None:
    assert holds(condition, KNOWN)


@pytest.mark.parametrize(
    "condition",
    ["attitude == 'neutral'", "score > 4", "missing", "missing < 3", "missing >= 3", "attitude > 3", "not fee_unpaid"],
)
def test_false(condition: str) -> None:
    assert not holds(condition, KNOWN)


@pytest.mark.parametrize(
    "condition",
    [
        *("", "score =", "score = 4", "score <= ", "a b", "import os", "score\x00"),
        *("open('x')", "score.real", "[1][0]", "lambda: 1", "score + 1", "2 ** 99999999", "attitude in 'x'"),
        *("f'{score}'", "{1: 2}", "score if score else 1", "(score := 3)", "[x for x in y]", "score is None"),
    ],
)
def test_everything_else_is_a_fault(condition: str) -> None:
    with pytest.raises(ConditionFault):
        names(condition)
    with pytest.raises(ConditionFault):
        holds(condition, KNOWN)


def test_a_condition_that_cannot_be_evaluated_is_a_fault() -> None:
    with pytest.raises(ConditionFault):
        holds("-attitude == 3", KNOWN)


def test_the_names_in_a_condition() -> None:
    condition = "fee_unpaid and (score < 5 or 'bad' == attitude) and not urgent"
    assert names(condition) == {"fee_unpaid", "score", "attitude", "urgent"}
    assert bare_names(condition) == {"fee_unpaid", "urgent"}
    assert set(comparisons(condition)) == {
        Comparison("score", 5, ordered=True),
        Comparison("attitude", "bad", ordered=False),
    }
