"""The life of a case (R10): which move leads where, and what is refused. Pure.

Must not know: who handles a case, when something is due. The first receiver stays responsible: no move changes that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from ivr.errors import IllegalMove

CaseState = Literal[
    "registered", "acknowledged", "assigned", "investigating", "resolved", "replied", "verified", "archived"
]
CaseMove = Literal[
    "acknowledge", "assign", "investigate", "resolve", "reply", "verify", "archive", "reopen", "escalate", "report"
]

CASE_STATES: Final[tuple[CaseState, ...]] = get_args(CaseState)
CASE_MOVES: Final[tuple[CaseMove, ...]] = get_args(CaseMove)

TRANSITIONS: Final[Mapping[CaseState, Mapping[CaseMove, CaseState]]] = {
    "registered": {"acknowledge": "acknowledged", "escalate": "registered", "report": "registered"},
    "acknowledged": {"assign": "assigned", "escalate": "acknowledged", "report": "acknowledged"},
    "assigned": {
        "investigate": "investigating",
        "assign": "assigned",
        "escalate": "assigned",
        "report": "assigned",
    },
    "investigating": {
        "resolve": "resolved",
        "assign": "assigned",
        "escalate": "investigating",
        "report": "investigating",
    },
    "resolved": {"reply": "replied", "reopen": "investigating", "report": "resolved"},
    "replied": {"verify": "verified", "reopen": "investigating", "report": "replied"},
    "verified": {"archive": "archived", "reopen": "investigating", "report": "verified"},
    "archived": {},
}
"""From each state, the moves and where they lead.

`acknowledge`: the customer has been contacted. `reply`: has been told the result. `verify`: has confirmed it in a
verifying call; `reopen`: has not. `escalate` hands the case one tier up, `report` to management as R18 asks.
"""


class RefusedMove(IllegalMove):
    """A move that the state of a case does not allow; nothing was changed. `legal` are those that it does."""

    def __init__(self, reason: str, legal: tuple[CaseMove, ...]) -> None:
        super().__init__(f"{reason}; possible now: {', '.join(legal) or 'nothing'}")
        self.legal = legal


def next_state(state: CaseState, move: CaseMove) -> CaseState:
    """The state that a move leads to.

    Raises:
        RefusedMove: it is not legal in this state.
    """
    if move not in TRANSITIONS[state]:
        raise RefusedMove(f"“{move}” is not possible for a case that is {state}", legal_moves(state))
    return TRANSITIONS[state][move]


def legal_moves(state: CaseState) -> tuple[CaseMove, ...]:
    """The moves that are possible in a state."""
    return tuple(TRANSITIONS[state])


def reached(state: CaseState, milestone: CaseState) -> bool:
    """Whether a case in this state has got as far as the milestone."""
    return CASE_STATES.index(state) >= CASE_STATES.index(milestone)
