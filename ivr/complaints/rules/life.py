"""The life cycle of a case (R10): states, moves and the legal transitions. Pure.

No move changes the responsible line, which is the first receiver. Must not know: who handles a case, its deadlines.
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
"""For each state, the legal moves and the state each leads to.

`acknowledge`: the customer has been contacted. `reply`: the customer has been told the result. `verify`: the customer
has confirmed it in a verifying call; `reopen`: the customer has not. `escalate` passes the case to the next tier,
`report` to management (R18).
"""


class RefusedMove(IllegalMove):
    """A move was refused; nothing was changed. `legal` lists the moves that the state allows."""

    def __init__(self, reason: str, legal: tuple[CaseMove, ...]) -> None:
        super().__init__(f"{reason}; possible now: {', '.join(legal) or 'nothing'}")
        self.legal = legal


def next_state(state: CaseState, move: CaseMove) -> CaseState:
    """Return the state that a move leads to.

    Raises:
        RefusedMove: the move is not legal in this state.
    """
    if move not in TRANSITIONS[state]:
        raise RefusedMove(f"“{move}” is not possible for a case that is {state}", legal_moves(state))
    return TRANSITIONS[state][move]


def legal_moves(state: CaseState) -> tuple[CaseMove, ...]:
    """Return the moves that are legal in a state."""
    return tuple(TRANSITIONS[state])


def reached(state: CaseState, milestone: CaseState) -> bool:
    """Return whether a state is at or past a milestone."""
    return CASE_STATES.index(state) >= CASE_STATES.index(milestone)
