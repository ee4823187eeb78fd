"""Presence: which agents may be offered a call, and states that no order of events can reach."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agents import presence
from ivr.agents.presence import MAX_MISSED, AgentState, Presence
from ivr.errors import IllegalMove

HERE = Presence(here=True, reachable=True, idle_since=5.0)
RINGING = presence.offer(HERE, "a", "hotline", "n1")
BUSY = presence.accept(RINGING, "a")
WRAP_UP = presence.hang_up(BUSY, "a", 9.0)
AWAY = presence.set_away(HERE)
UNREACHABLE = presence.set_reachable(HERE, False)
MISSED_ONE = presence.miss(RINGING, "a")
MISSED = presence.miss(presence.offer(MISSED_ONE, "b", "hotline", "n1"), "b")

Move = Callable[[Presence], Presence]
MOVES: dict[str, Move] = {
    "come": partial(presence.set_available, now=7.0),
    "leave": presence.set_away,
    "phone": partial(presence.set_reachable, reachable=True),
    "no phone": partial(presence.set_reachable, reachable=False),
    "offer a": partial(presence.offer, call="a", line="hotline", node="n1"),
    "offer b": partial(presence.offer, call="b", line="hotline", node="n2"),
    "withdraw a": partial(presence.withdraw, call="a"),
    "decline a": partial(presence.decline, call="a"),
    "miss a": partial(presence.miss, call="a"),
    "accept a": partial(presence.accept, call="a"),
    "accept b": partial(presence.accept, call="b"),
    "hang up a": partial(presence.hang_up, call="a", now=9.0),
    "rest": presence.end_wrap_up,
}
ALWAYS_ALLOWED = {"come", "leave", "phone", "no phone"}
ALLOWED = {
    AgentState.AVAILABLE: {"offer a", "offer b"},
    AgentState.RINGING: {"withdraw a", "decline a", "miss a", "accept a"},
    AgentState.BUSY: {"hang up a"},
    AgentState.WRAP_UP: {"rest"},
    AgentState.AWAY: set(),
    AgentState.MISSED: set(),
    AgentState.UNREACHABLE: set(),
}
"""The moves that each state allows beside those in ALWAYS_ALLOWED."""


def after_move(before: Presence, move: str) -> Presence | None:
    """The presence after a move; None where the move is illegal."""
    try:
        return MOVES[move](before)
    except IllegalMove:
        return None


@pytest.mark.parametrize(
    "before", [HERE, RINGING, BUSY, WRAP_UP, AWAY, MISSED, UNREACHABLE], ids=lambda each: each.state
)
def test_each_state_allows_its_moves_and_no_others(before):
    assert {move for move in MOVES if after_move(before, move)} - ALWAYS_ALLOWED == ALLOWED[before.state]


def test_a_call_goes_from_ringing_through_busy_and_wrap_up_to_available():
    assert [each.state for each in (RINGING, BUSY, WRAP_UP)] == ["ringing", "busy", "wrap_up"]
    assert presence.end_wrap_up(WRAP_UP) == Presence(here=True, reachable=True, idle_since=9.0)


def test_an_agent_who_did_not_take_a_call_keeps_their_turn():
    assert presence.withdraw(RINGING, "a") == presence.decline(RINGING, "a") == HERE
    assert MISSED_ONE.idle_since == HERE.idle_since


def ring(before: Presence, *ends: str) -> Presence:
    """An agent after offers that ended in these ways."""
    for end in ends:
        before = presence.offer(before, "a", "hotline", "n")
        if end == "accept":
            before = presence.end_wrap_up(presence.hang_up(presence.accept(before, "a"), "a", 9.0))
        else:
            before = {"miss": presence.miss, "decline": presence.decline, "withdraw": presence.withdraw}[end](
                before, "a"
            )
    return before


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (["miss"], "available"),
        (["miss", "miss"], "missed"),
        (["miss", "withdraw", "miss"], "missed"),
        (["miss", "decline", "miss"], "available"),
        (["miss", "accept", "miss"], "available"),
        (["decline", "decline", "decline"], "available"),
        (["withdraw", "withdraw", "withdraw"], "available"),
        (["miss", "decline", "miss", "miss"], "missed"),
    ],
)
def test_who_misses_two_offers_in_a_row_is_asked_no_more(ends, state):
    assert ring(HERE, *ends).state == state


def test_who_missed_two_offers_is_asked_again_once_they_say_so_and_last_in_turn():
    back = presence.set_available(MISSED, 100.0)
    assert back == Presence(here=True, reachable=True, idle_since=100.0)
    assert ring(back, "miss").state == "available"


def test_who_says_available_after_one_missed_offer_keeps_their_turn_and_misses_none():
    assert presence.set_available(MISSED_ONE, 100.0) == HERE


def test_missed_offers_are_told_before_a_phone_that_is_gone_and_after_being_away():
    assert presence.set_reachable(MISSED, False).state == "missed"
    assert presence.set_away(MISSED).state == "away"
    assert presence.set_available(presence.set_away(MISSED), 100.0).state == "available"


def test_an_agent_set_away_during_a_call_is_away_after_it():
    left = presence.set_away(BUSY)
    assert left.state == "busy"
    assert presence.end_wrap_up(presence.hang_up(left, "a", 9.0)).state == "away"


def test_a_phone_lost_during_a_call_is_unreachable_after_it():
    lost = presence.set_reachable(BUSY, False)
    assert lost.state == "busy"
    assert presence.end_wrap_up(presence.hang_up(lost, "a", 9.0)).state == "unreachable"


@pytest.mark.parametrize(("move", "state"), [("come", "available"), ("leave", "away")])
def test_setting_presence_ends_the_wrap_up(move, state):
    assert MOVES[move](WRAP_UP).state == state


def test_setting_available_again_keeps_the_turn():
    assert presence.set_available(HERE, 100.0).idle_since == 5.0
    assert presence.set_available(AWAY, 100.0).idle_since == 100.0


@given(st.lists(st.sampled_from(sorted(MOVES))))
def test_an_agent_never_has_two_calls_or_a_call_never_offered(moves):
    now, call = Presence(), ""
    for move in moves:
        after = after_move(now, move)
        if after is None:
            continue
        if move.startswith("offer"):
            assert now.state is AgentState.AVAILABLE and now.here and now.reachable and now.missed < MAX_MISSED
            call = move[-1]
        elif after.engaged:
            assert now.engaged and after.engaged.call == call
        now = after
