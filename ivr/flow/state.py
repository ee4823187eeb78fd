"""Where a call is in its flow: plain values that survive being written down and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from ivr.actions import Action, AnsweredBy
from ivr.events import Value
from ivr.lifecycle import Disposition
from ivr.tagged import Tagged

WaitKind = Literal["notice", "answer", "confirm", "hold", "record", "lookup", "transfer"]


@dataclass(frozen=True, slots=True)
class NodeRef:
    """A node of a flow."""

    flow: str
    node: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that waits for the caller's yes.

    `span_ms` is the place of free speech in the call. One that is `offered` was not said, but known to us before.
    """

    value: Value
    heard: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...] = ()
    by: AnsweredBy = "voice"
    span_ms: tuple[int, int] | None = None
    offered: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """What the call waits for. `silences` and `mismatches` count the misses of this question.

    `candidate` is an answer being read back; it stays while the caller asked for a moment.
    """

    id: str
    kind: WaitKind
    silences: int = 0
    mismatches: int = 0
    candidate: Candidate | None = None

    @property
    def misses(self) -> int:
        """All failed attempts at this question."""
        return self.silences + self.mismatches


@dataclass(frozen=True, slots=True)
class FlowState:
    """One call's whole memory. `stack` is the present place last, below it those of the flows that called it.

    `turn` counts the steps that changed anything; `speech` tells whether a recogniser hears the call's language, and
    `keys_told` whether a caller whom none hears has been told so. `entered` are the flows called by others so far.
    """

    version: str
    language: str
    speech: bool
    stack: tuple[NodeRef, ...]
    variables: Mapping[str, Value] = field(default_factory=dict)
    answered: tuple[str, ...] = ()
    turn: int = 0
    wait: Wait | None = None
    disposition: Disposition | None = None
    ended: bool = False
    keys_told: bool = False
    entered: tuple[str, ...] = ()

    @property
    def place(self) -> NodeRef:
        """The present node."""
        return self.stack[-1]


@dataclass(frozen=True, slots=True)
class FlowTurn:
    """A state with the actions that bring it about: what is saved before any of them is performed."""

    state: FlowState
    actions: tuple[Action, ...]


_STATE = TypeAdapter(FlowState)
_ACTIONS: Tagged[Action] = Tagged(Action)


def dump(turn: FlowTurn) -> bytes:
    """The turn as JSON."""
    return to_json(
        {"state": _STATE.dump_python(turn.state, mode="json"), "actions": list(map(_ACTIONS.dump, turn.actions))}
    )


def load(data: bytes) -> FlowTurn:
    """The turn that `dump` wrote.

    Raises:
        ValueError: the data is not a turn.
    """
    match from_json(data):
        case {"state": state, "actions": list(actions)}:
            return FlowTurn(_STATE.validate_python(state), tuple(map(_ACTIONS.load, actions)))
    raise ValueError("not a turn")
