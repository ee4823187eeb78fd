"""The life of a project: who may do what, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.campaigns.rules.project_life import (
    PROJECT_STATES,
    TRANSITIONS,
    ProjectMove,
    ProjectState,
    RefusedProjectMove,
    legal_moves,
    next_state,
)

MOVES = sorted({move for moves in TRANSITIONS.values() for move in moves})


def test_a_project_runs_only_after_another_person_has_approved_it() -> None:
    state: ProjectState = "proposed"
    steps: tuple[tuple[ProjectMove, str], ...] = (
        ("approve", "李"), ("start", "王"), ("pause", "王"), ("resume", "王"), ("complete", "王"),
    )  # fmt: skip
    for move, who in steps:
        state = next_state(state, move, who, authors=("王",))
    assert state == "completed"


@pytest.mark.parametrize("who", ["王", " 王 ", "王\u200b", "Ｗａｎｇ", "WANG"])
@pytest.mark.parametrize("move", ["approve", "reject"])
def test_nobody_decides_on_a_proposal_of_their_own(who: str, move: ProjectMove) -> None:
    with pytest.raises(RefusedProjectMove, match="another person"):
        next_state("proposed", move, who, authors=("李", "王", "wang"), suggestion="短信")


@pytest.mark.parametrize("who", ["", "  ", "\u200b"])
def test_every_step_has_a_name(who: str) -> None:
    with pytest.raises(RefusedProjectMove, match="needs the name"):
        next_state("proposed", "approve", who, authors=("王",))


def test_a_rejection_suggests_another_channel() -> None:
    with pytest.raises(RefusedProjectMove, match="another channel"):
        next_state("proposed", "reject", "李", authors=("王",), suggestion=" ")
    assert next_state("proposed", "reject", "李", authors=("王",), suggestion="短信") == "rejected"


@given(state=st.sampled_from(PROJECT_STATES), move=st.sampled_from(MOVES))
def test_an_illegal_move_is_refused_with_the_legal_ones(state: ProjectState, move: ProjectMove) -> None:
    if move in TRANSITIONS[state]:
        assert next_state(state, move, "李", ("王",), "短信") == TRANSITIONS[state][move]
    else:
        with pytest.raises(RefusedProjectMove) as refused:
            next_state(state, move, "李", ("王",), "短信")
        assert refused.value.legal == legal_moves(state)


@given(moves=st.lists(st.tuples(st.sampled_from(MOVES), st.sampled_from(["王", "李", "赵"])), max_size=12))
def test_no_sequence_of_moves_runs_a_project_without_an_approval(moves: list[tuple[ProjectMove, str]]) -> None:
    state: ProjectState = "proposed"
    authors, approved_by = ("王",), ""
    for move, who in moves:
        try:
            state = next_state(state, move, who, authors, "短信")
        except RefusedProjectMove:
            continue
        if move == "approve":
            assert who not in authors
            approved_by = who
        if move == "revise":
            authors = (*authors, who)
        assert state not in ("running", "paused") or approved_by
