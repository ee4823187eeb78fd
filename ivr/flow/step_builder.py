"""One step of a call under way: the state as it changes, what is said, the actions so far.

Must not know: how questions are asked or answers understood, in which order nodes are visited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from ivr.actions import Action, BookCallback, Hangup, OpenComplaint, Prompt, SaveAnswer, Say
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.flow import conditions, model
from ivr.flow.state import Candidate, FlowState, FlowTurn, NodeRef, Wait, WaitKind
from ivr.lifecycle import Disposition

MAX_NODES_A_TURN: Final = 100
LISTED: Final = ", "
"""Stands between the entries of a variable that lists several things."""
UNANNOUNCED_LINGER_MS: Final = 500
"""The time to hang up first where no hangup node gives it."""


class EngineFault(HuifangError):
    """The flow went round in circles or a condition could not be evaluated; the call must be ended kindly."""


def disposition(flow: model.Flow, state: FlowState) -> Disposition:
    """What the answers given so far make of the call: complete with every essential question, partial from half on."""
    given = sum(question in state.answered for question in flow.essential)
    if flow.essential and given == len(flow.essential):
        return Disposition.COMPLETED
    return Disposition.PARTIAL if given and 2 * given >= len(flow.essential) else Disposition.BREAKOFF


class StepBuilder:
    """The next turn as far as it has been made. Where a method gives a target, the call goes on at that node."""

    def __init__(self, callflows: model.Callflows, state: FlowState, now: datetime) -> None:
        self.callflows, self.state, self.now = callflows, state, now
        self._number = state.turn + 1
        self._prompts: list[Prompt] = []
        self._actions: list[Action] = []

    def turn(self) -> FlowTurn:
        """The finished turn."""
        return FlowTurn(replace(self.state, turn=self._number), tuple(self._actions))

    # --- where the call is and what it knows -------------------------------------------------------------------

    @property
    def flow(self) -> model.Flow:
        """The present flow."""
        return self.callflows.flows[self.state.place.flow]

    @property
    def node(self) -> model.FlowNode:
        """The present node."""
        return self.flow.nodes[self.state.place.node]

    @property
    def names(self) -> Mapping[str, Value]:
        """What conditions and prompts may speak of."""
        return {**self.state.variables, "language": self.state.language}

    def remember(self, values: Mapping[str, Value]) -> None:
        """Take values into the call's memory."""
        self.state = replace(self.state, variables={**self.state.variables, **values})

    def answered(self, value: Value) -> None:
        """The present question has been answered."""
        question = self.state.place.node
        self.remember({question: value})
        if question not in self.state.answered:
            self.state = replace(self.state, answered=(*self.state.answered, question))

    def spotted(self, words: Sequence[str]) -> None:
        """These words, worth noticing, were said; all of the call are kept in `cues`."""
        self._list("cues", [*self._listed("cues"), *words])

    def doubt(self) -> None:
        """The present question's answer is kept but not confirmed; `unconfirmed` names all such questions."""
        self._list("unconfirmed", [*self._listed("unconfirmed"), self.state.place.node])

    def settle(self) -> None:
        """The present question's answer is in doubt no longer."""
        self._list("unconfirmed", [one for one in self._listed("unconfirmed") if one != self.state.place.node])

    def adopt(self, other: StepBuilder) -> None:
        """Take over what another draft of the same step has learnt from the caller, but not where it went."""
        self.state = replace(self.state, variables=other.state.variables, answered=other.state.answered)
        self._actions.extend(action for action in other.turn().actions if isinstance(action, SaveAnswer | BookCallback))

    def _listed(self, name: str) -> tuple[str, ...]:
        listing = self.state.variables.get(name)
        return tuple(str(listing).split(LISTED)) if listing else ()

    def _list(self, name: str, entries: Sequence[str]) -> None:
        listing = LISTED.join(dict.fromkeys(entries)) or None
        if listing != self.state.variables.get(name):
            self.remember({name: listing})

    def move(self, node: str) -> None:
        """Go to another node of the present flow."""
        stack = self.state.stack
        self.state = replace(self.state, stack=(*stack[:-1], NodeRef(stack[-1].flow, node)))

    def call(self, name: str) -> str:
        """Go into another flow, to come back after it; gives its first node."""
        callee = self.callflows.flows[name]
        self.remember({key: value for key, value in callee.variables.items() if key not in self.state.variables})
        entered = tuple(dict.fromkeys((*self.state.entered, name)))
        self.state = replace(self.state, stack=(*self.state.stack, NodeRef(name, callee.start)), entered=entered)
        return callee.start

    def come_back(self) -> str | None:
        """Return from a flow to the one that called it; the call ends when none did."""
        if len(self.state.stack) == 1:
            self.hang_up(None, UNANNOUNCED_LINGER_MS)
            return None
        self.state = replace(self.state, stack=self.state.stack[:-1])
        caller = self.node
        return caller.next if isinstance(caller, model.SubflowNode) else None

    # --- speaking and waiting ----------------------------------------------------------------------------------

    def say(self, *prompts: Prompt) -> None:
        """Speak before whatever comes next in this turn."""
        self._prompts.extend(prompts)

    def prompt(self, name: str, **values: Value) -> Prompt:
        """A prompt with everything that is known, and the values given."""
        return Prompt(name, {**{k: v for k, v in self.names.items() if v is not None}, **values})

    def spoken(self) -> tuple[Prompt, ...]:
        """Everything to be said up to here, taken away from what is still to be said."""
        said, self._prompts = tuple(self._prompts), []
        return said

    def act(self, action: Action) -> None:
        """Add an action to the turn."""
        self._actions.append(action)

    def wait(self, kind: WaitKind, silences: int = 0, mismatches: int = 0, candidate: Candidate | None = None) -> str:
        """Wait for something; gives the id of the wait."""
        name = str(self._number)
        self.state = replace(self.state, wait=Wait(name, kind, silences, mismatches, candidate))
        return name

    # --- quiet nodes -------------------------------------------------------------------------------------------

    def quietly(self, node: model.FlowNode) -> str:
        """Do a node that neither speaks nor waits; gives the next one.

        Raises:
            EngineFault: it is another kind of node, or a condition cannot be evaluated.
        """
        match node:
            case model.BranchNode(cases=cases, otherwise=otherwise):
                return next((case.next for case in cases if self._holds(case.when)), otherwise)
            case model.SetNode(values=values, next=onward):
                self.remember(values)
                return onward
            case model.ComplaintNode(kind=kind, reason=reason, details=details, next=onward):
                self.act(OpenComplaint(kind, reason, {name: self.names.get(name) for name in details}))
                return onward
        raise EngineFault(f"{self.state.place}: a {node.type} node cannot stand here")

    def _holds(self, condition: str) -> bool:
        try:
            return conditions.holds(condition, self.names)
        except conditions.ConditionFault as fault:
            raise EngineFault(f"{self.state.place}: {condition}: {fault}") from fault

    # --- ways out ----------------------------------------------------------------------------------------------

    def leave(self, way: str) -> str | None:
        """The innermost flow's way out of this name, as a target; where none has one the call ends."""
        stack = self.state.stack
        for depth in range(len(stack), 0, -1):
            target: str | None = getattr(self.callflows.flows[stack[depth - 1].flow], way)
            if target:
                self.state = replace(self.state, stack=stack[:depth])
                return target
        self.hang_up(None, UNANNOUNCED_LINGER_MS)
        return None

    def hang_up(self, verdict: Disposition | None, linger_ms: int) -> None:
        """End the call from our side."""
        if prompts := self.spoken():
            self.act(Say(prompts))
        self.finish(verdict)
        self.act(Hangup(linger_ms))

    def finish(self, verdict: Disposition | None) -> None:
        """Judge the call and run the last words of its flow, after those of the flows that were called; once only.

        A call with every essential answer is complete, whatever the node where it ends says.

        Raises:
            EngineFault: the last words go round in circles or a condition cannot be evaluated.
        """
        if self.state.disposition is not None:
            return
        self.judge(verdict)
        for name in (*reversed(self.state.entered), self.state.stack[0].flow):
            self._last_words(name)

    def _last_words(self, name: str) -> None:
        flow = self.callflows.flows[name]
        onward = flow.lastly
        for _ in range(MAX_NODES_A_TURN):
            if onward is None or onward == model.RETURN:
                return
            onward = self.quietly(flow.nodes[onward])
        raise EngineFault(f"{name}.{flow.lastly}: goes round in circles")

    def judge(self, verdict: Disposition | None) -> None:
        """Decide what became of the call: by its flow or, where that has nothing essential, by the one called last."""
        own = self.callflows.flows[self.state.stack[0].flow]
        called = (self.callflows.flows[name] for name in reversed(self.state.entered))
        earned = disposition(next((flow for flow in (own, *called) if flow.essential), own), self.state)
        if verdict is None or earned == Disposition.COMPLETED:
            verdict = earned
        self.state = replace(self.state, wait=None, disposition=verdict)

    def end(self) -> None:
        """Nothing follows any more."""
        self.state = replace(self.state, wait=None, ended=True)
