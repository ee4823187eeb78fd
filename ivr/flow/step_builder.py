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
LIST_SEPARATOR: Final = ", "
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
        self._turn = state.turn + 1
        self._prompts: list[Prompt] = []
        self._actions: list[Action] = []

    def build(self) -> FlowTurn:
        """The finished turn."""
        return FlowTurn(replace(self.state, turn=self._turn), tuple(self._actions))

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
    def variables(self) -> Mapping[str, Value]:
        """What conditions and prompts may speak of."""
        return {**self.state.variables, "language": self.state.language}

    def set_variables(self, values: Mapping[str, Value]) -> None:
        """Take values into the call's memory."""
        self.state = replace(self.state, variables={**self.state.variables, **values})

    def record_answer(self, value: Value) -> None:
        """The present question has been answered."""
        question = self.state.place.node
        self.set_variables({question: value})
        if question not in self.state.answered:
            self.state = replace(self.state, answered=(*self.state.answered, question))

    def add_cues(self, words: Sequence[str]) -> None:
        """These words, worth noticing, were said; all of the call are kept in `cues`."""
        self._write_list("cues", [*self._read_list("cues"), *words])

    def mark_unconfirmed(self) -> None:
        """The present question's answer is kept but not confirmed; `unconfirmed` names all such questions."""
        self._write_list("unconfirmed", [*self._read_list("unconfirmed"), self.state.place.node])

    def clear_unconfirmed(self) -> None:
        """The present question's answer is in doubt no longer."""
        self._write_list("unconfirmed", [one for one in self._read_list("unconfirmed") if one != self.state.place.node])

    def adopt_answers(self, other: StepBuilder) -> None:
        """Take over what another draft of the same step has learnt from the caller, but not where it went."""
        self.state = replace(self.state, variables=other.state.variables, answered=other.state.answered)
        self._actions.extend(
            action for action in other.build().actions if isinstance(action, SaveAnswer | BookCallback)
        )

    def _read_list(self, name: str) -> tuple[str, ...]:
        listing = self.state.variables.get(name)
        return tuple(str(listing).split(LIST_SEPARATOR)) if listing else ()

    def _write_list(self, name: str, entries: Sequence[str]) -> None:
        listing = LIST_SEPARATOR.join(dict.fromkeys(entries)) or None
        if listing != self.state.variables.get(name):
            self.set_variables({name: listing})

    def go_to(self, node: str) -> None:
        """Go to another node of the present flow."""
        stack = self.state.stack
        self.state = replace(self.state, stack=(*stack[:-1], NodeRef(stack[-1].flow, node)))

    def enter_subflow(self, name: str) -> str:
        """Go into another flow, to come back after it; gives its first node."""
        callee = self.callflows.flows[name]
        self.set_variables({key: value for key, value in callee.variables.items() if key not in self.state.variables})
        entered = tuple(dict.fromkeys((*self.state.entered, name)))
        self.state = replace(self.state, stack=(*self.state.stack, NodeRef(name, callee.start)), entered=entered)
        return callee.start

    def leave_subflow(self) -> str | None:
        """Return from a flow to the one that called it; the call ends when none did."""
        if len(self.state.stack) == 1:
            self.hang_up(None, UNANNOUNCED_LINGER_MS)
            return None
        self.state = replace(self.state, stack=self.state.stack[:-1])
        subflow_node = self.node
        return subflow_node.next if isinstance(subflow_node, model.SubflowNode) else None

    # --- speaking and waiting ----------------------------------------------------------------------------------

    def say(self, *prompts: Prompt) -> None:
        """Speak before whatever comes next in this turn."""
        self._prompts.extend(prompts)

    def prompt(self, name: str, **values: Value) -> Prompt:
        """A prompt with everything that is known, and the values given."""
        return Prompt(name, {**{k: v for k, v in self.variables.items() if v is not None}, **values})

    def take_prompts(self) -> tuple[Prompt, ...]:
        """Everything to be said up to here, taken away from what is still to be said."""
        said, self._prompts = tuple(self._prompts), []
        return said

    def add_action(self, action: Action) -> None:
        """Add an action to the turn."""
        self._actions.append(action)

    def wait(self, kind: WaitKind, silences: int = 0, mismatches: int = 0, candidate: Candidate | None = None) -> str:
        """Wait for something; gives the id of the wait."""
        name = str(self._turn)
        self.state = replace(self.state, wait=Wait(name, kind, silences, mismatches, candidate))
        return name

    # --- quiet nodes -------------------------------------------------------------------------------------------

    def run_silent(self, node: model.FlowNode) -> str:
        """Do a node that neither speaks nor waits; gives the next one.

        Raises:
            EngineFault: it is another kind of node, or a condition cannot be evaluated.
        """
        match node:
            case model.BranchNode(cases=cases, otherwise=otherwise):
                return next((case.next for case in cases if self._holds(case.when)), otherwise)
            case model.SetNode(values=values, next=next_node):
                self.set_variables(values)
                return next_node
            case model.ComplaintNode(kind=kind, reason=reason, details=details, next=next_node):
                self.add_action(OpenComplaint(kind, reason, {name: self.variables.get(name) for name in details}))
                return next_node
        raise EngineFault(f"{self.state.place}: a {node.type} node cannot stand here")

    def _holds(self, condition: str) -> bool:
        try:
            return conditions.holds(condition, self.variables)
        except conditions.ConditionFault as fault:
            raise EngineFault(f"{self.state.place}: {condition}: {fault}") from fault

    # --- ways out ----------------------------------------------------------------------------------------------

    def take_exit(self, exit_name: str) -> str | None:
        """The innermost flow's way out of this name, as a target; where none has one the call ends."""
        stack = self.state.stack
        for depth in range(len(stack), 0, -1):
            target: str | None = getattr(self.callflows.flows[stack[depth - 1].flow], exit_name)
            if target:
                self.state = replace(self.state, stack=stack[:depth])
                return target
        self.hang_up(None, UNANNOUNCED_LINGER_MS)
        return None

    def hang_up(self, requested: Disposition | None, linger_ms: int) -> None:
        """End the call from our side."""
        if prompts := self.take_prompts():
            self.add_action(Say(prompts))
        self.finish(requested)
        self.add_action(Hangup(linger_ms))

    def finish(self, requested: Disposition | None) -> None:
        """Judge the call and run the last words of its flow, after those of the flows that were called; once only.

        A call with every essential answer is complete, whatever the node where it ends says.

        Raises:
            EngineFault: the last words go round in circles or a condition cannot be evaluated.
        """
        if self.state.disposition is not None:
            return
        self.set_disposition(requested)
        for name in (*reversed(self.state.entered), self.state.stack[0].flow):
            self._run_lastly(name)

    def _run_lastly(self, name: str) -> None:
        flow = self.callflows.flows[name]
        next_node = flow.lastly
        for _ in range(MAX_NODES_A_TURN):
            if next_node is None or next_node == model.RETURN:
                return
            next_node = self.run_silent(flow.nodes[next_node])
        raise EngineFault(f"{name}.{flow.lastly}: goes round in circles")

    def set_disposition(self, requested: Disposition | None) -> None:
        """Decide what became of the call: by its flow or, where that has nothing essential, by the one called last."""
        own = self.callflows.flows[self.state.stack[0].flow]
        called = (self.callflows.flows[name] for name in reversed(self.state.entered))
        computed = disposition(next((flow for flow in (own, *called) if flow.essential), own), self.state)
        if requested is None or computed == Disposition.COMPLETED:
            requested = computed
        self.state = replace(self.state, wait=None, disposition=requested)

    def end(self) -> None:
        """Nothing follows any more."""
        self.state = replace(self.state, wait=None, ended=True)
