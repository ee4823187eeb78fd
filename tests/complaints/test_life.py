"""The life of a case, move by move; an illegal move is refused with the legal ones."""

from __future__ import annotations

from functools import reduce

import pytest

from ivr.complaints.rules.life import (
    CASE_MOVES,
    CASE_STATES,
    TRANSITIONS,
    CaseMove,
    CaseState,
    RefusedMove,
    next_state,
    reached,
)

WHOLE: tuple[CaseMove, ...] = ("acknowledge", "assign", "investigate", "resolve", "reply", "verify", "archive")


def test_a_case_goes_through_its_whole_life() -> None:
    states = [reduce(next_state, WHOLE[:count], CASE_STATES[0]) for count in range(len(WHOLE) + 1)]
    assert states == list(CASE_STATES)


def test_a_case_that_the_customer_does_not_confirm_is_investigated_again() -> None:
    assert {next_state(state, "reopen") for state in ("resolved", "replied", "verified")} == {"investigating"}


@pytest.mark.parametrize("state", CASE_STATES)
@pytest.mark.parametrize("move", CASE_MOVES)
def test_an_illegal_move_is_refused_with_the_possible_ones(state: CaseState, move: CaseMove) -> None:
    if move in TRANSITIONS[state]:
        assert next_state(state, move) in CASE_STATES
        return
    with pytest.raises(RefusedMove) as refused:
        next_state(state, move)
    assert refused.value.legal == tuple(TRANSITIONS[state])
    possible = ", ".join(TRANSITIONS[state]) or "nothing"
    assert str(refused.value) == f"“{move}” is not possible for a case that is {state}; possible now: {possible}"


def test_only_a_verified_case_may_be_archived() -> None:
    assert [state for state in CASE_STATES if "archive" in TRANSITIONS[state]] == ["verified"]
    assert [state for state in CASE_STATES if TRANSITIONS[state].get("verify")] == ["replied"]
    assert not TRANSITIONS["archived"]


def test_milestones_are_reached_in_order() -> None:
    assert [state for state in CASE_STATES if reached(state, "resolved")] == [
        "resolved",
        "replied",
        "verified",
        "archived",
    ]
