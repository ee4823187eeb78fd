"""The state of a call in its flow: plain values that can be serialised and restored."""

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
    """An answer awaiting confirmation.

    `span_ms` is the span of free speech in the call. An `offered` answer was not given by the caller but known before.
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
    """The event that the call waits for. `silences` (no-input) and `mismatches` (no-match) count the question's misses.

    `candidate` is the answer being read back; it is kept while the call is on hold.
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
    """The complete state of one call. `stack` ends with the current node, preceded by those of the calling flows.

    `turn` counts the steps that changed the state; `speech` is whether a recogniser supports the call's language;
    `keys_told` whether a caller without speech recognition has been told to use the keys; `entered` lists the subflows
    entered so far.
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
        """The current node."""
        return self.stack[-1]


@dataclass(frozen=True, slots=True)
class FlowTurn:
    """A state and the actions of its turn, saved together before any of them is executed."""

    state: FlowState
    actions: tuple[Action, ...]


_STATE = TypeAdapter(FlowState)
_ACTIONS: Tagged[Action] = Tagged(Action)


def dump(turn: FlowTurn) -> bytes:
    """Return the turn as JSON."""
    return to_json(
        {"state": _STATE.dump_python(turn.state, mode="json"), "actions": list(map(_ACTIONS.dump, turn.actions))}
    )


def load(data: bytes) -> FlowTurn:
    """Return the turn that `dump` encoded.

    Raises:
        ValueError: the data is not a turn.
    """
    match from_json(data):
        case {"state": state, "actions": list(actions)}:
            return FlowTurn(_STATE.validate_python(state), tuple(map(_ACTIONS.load, actions)))
    raise ValueError("not a turn")
