"""The life of a project (R7): states, moves, the legal transitions, and who may make them. Pure.

Must not know: how projects are stored, when they call.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final, Literal, get_args

from ivr.errors import IllegalMove

ProjectState = Literal["proposed", "approved", "rejected", "running", "paused", "completed"]
ProjectMove = Literal["revise", "approve", "reject", "start", "pause", "resume", "complete"]

PROJECT_STATES: Final[tuple[ProjectState, ...]] = get_args(ProjectState)

TRANSITIONS: Final[Mapping[ProjectState, Mapping[ProjectMove, ProjectState]]] = {
    "proposed": {"approve": "approved", "reject": "rejected", "revise": "proposed"},
    "approved": {"start": "running", "revise": "approved", "complete": "completed"},
    "rejected": {},
    "running": {"pause": "paused", "revise": "running", "complete": "completed"},
    "paused": {"resume": "running", "revise": "paused", "complete": "completed"},
    "completed": {},
}
"""For each state, the legal moves and the state each leads to.

`revise` replaces the plan by a new revision, which applies from the next attempt.
"""

DECISIONS: Final[tuple[ProjectMove, ...]] = ("approve", "reject")
"""The moves that only another person than the authors of the proposal may make."""


class RefusedProjectMove(IllegalMove):
    """A move was refused; nothing was changed. `legal` lists the moves that the state allows."""

    def __init__(self, reason: str, legal: tuple[ProjectMove, ...]) -> None:
        super().__init__(f"{reason}; possible now: {', '.join(legal) or 'nothing'}")
        self.legal = legal


def next_state(
    state: ProjectState, move: ProjectMove, who: str, authors: tuple[str, ...], suggestion: str = ""
) -> ProjectState:
    """Return the state that a move by `who` leads to.

    `authors` are the proposer and everybody who revised the proposal; `suggestion` is the other channel that a
    rejection suggests.

    Raises:
        RefusedProjectMove: the state does not allow the move, `who` is nobody or an author who decides on the own
            proposal, or a rejection suggests no other channel.
    """
    legal = legal_moves(state)
    if not _identity(who):
        raise RefusedProjectMove(f"“{move}” needs the name of the person who does it", legal)
    if move not in legal:
        raise RefusedProjectMove(f"“{move}” is not possible for a project that is {state}", legal)
    if move in DECISIONS and _identity(who) in map(_identity, authors):
        raise RefusedProjectMove(
            f"another person than {who.strip()}, who proposed or revised it, must {move} it", legal
        )
    if move == "reject" and not suggestion.strip():
        raise RefusedProjectMove("a rejection must suggest another channel", legal)
    return TRANSITIONS[state][move]


def legal_moves(state: ProjectState) -> tuple[ProjectMove, ...]:
    """Return the moves that are legal in a state."""
    return tuple(TRANSITIONS[state])


def _identity(name: str) -> str:
    """Return a name without what does not tell two persons apart: case, width, spaces, invisible characters."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(mark for mark in plain if not mark.isspace() and unicodedata.category(mark) != "Cf")
