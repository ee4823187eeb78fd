"""Builder of one step of a call: the changing state, the pending prompts and the actions so far.

Must not know: how questions are asked or answers interpreted, the order in which nodes are visited.
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
from ivr.flow.variables import canonical, defaults
from ivr.lifecycle import Disposition

MAX_NODES_A_TURN: Final = 100
LIST_SEPARATOR: Final = ", "
"""Separates the entries of a list variable."""
UNANNOUNCED_LINGER_MS: Final = 500
"""Linger time if no hangup node sets it."""


class EngineFault(HuifangError):
    """The flow loops or a condition cannot be evaluated; the call must be ended with an apology (see engine.fail)."""


def disposition(flow: model.Flow, state: FlowState) -> Disposition:
    """Return the disposition: completed if all essential questions are answered, partial if half are, else breakoff."""
    given = sum(question in state.answered for question in flow.essential)
    if flow.essential and given == len(flow.essential):
        return Disposition.COMPLETED
    return Disposition.PARTIAL if given and 2 * given >= len(flow.essential) else Disposition.BREAKOFF


class StepBuilder:
    """The next turn under construction. Methods that return a target name the node at which the call continues."""

    def __init__(self, callflows: model.Callflows, state: FlowState, now: datetime) -> None:
        self.callflows, self.state, self.now = callflows, state, now
        self._turn = state.turn + 1
        self._prompts: list[Prompt] = []
        self._actions: list[Action] = []

    def build(self) -> FlowTurn:
        """Return the finished turn."""
        return FlowTurn(replace(self.state, turn=self._turn), tuple(self._actions))

    # --- position and variables --------------------------------------------------------------------------------

    @property
    def flow(self) -> model.Flow:
        """The current flow."""
        return self.callflows.flows[self.state.place.flow]

    @property
    def node(self) -> model.FlowNode:
        """The current node."""
        return self.flow.nodes[self.state.place.node]

    @property
    def variables(self) -> Mapping[str, Value]:
        """The variables available to conditions and prompts."""
        return {**self.state.variables, "language": self.state.language}

    def set_variables(self, values: Mapping[str, Value]) -> None:
        """Set variables of the call."""
        self.state = replace(self.state, variables={**self.state.variables, **values})

    def record_answer(self, value: Value) -> None:
        """Store the answer to the current question."""
        question = self.state.place.node
        self.set_variables({question: value})
        if question not in self.state.answered:
            self.state = replace(self.state, answered=(*self.state.answered, question))

    def add_cues(self, words: Sequence[str]) -> None:
        """Add spotted keywords to the variable `cues`."""
        self._write_list("cues", [*self._read_list("cues"), *words])

    def mark_unconfirmed(self) -> None:
        """Add the current question to the variable `unconfirmed`: its answer is kept but not confirmed."""
        self._write_list("unconfirmed", [*self._read_list("unconfirmed"), self.state.place.node])

    def clear_unconfirmed(self) -> None:
        """Remove the current question from `unconfirmed`."""
        self._write_list("unconfirmed", [one for one in self._read_list("unconfirmed") if one != self.state.place.node])

    def adopt_answers(self, other: StepBuilder) -> None:
        """Adopt the caller's answers from another draft of the same step, but not its position."""
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
        """Go to another node of the current flow."""
        stack = self.state.stack
        self.state = replace(self.state, stack=(*stack[:-1], NodeRef(stack[-1].flow, node)))

    def enter_subflow(self, name: str) -> str:
        """Enter a subflow and return its first node."""
        callee = self.callflows.flows[name]
        unset = {key: each for key, each in callee.variables.items() if key not in self.state.variables}
        self.set_variables(defaults(unset))
        entered = tuple(dict.fromkeys((*self.state.entered, name)))
        self.state = replace(self.state, stack=(*self.state.stack, NodeRef(name, callee.start)), entered=entered)
        return callee.start

    def leave_subflow(self) -> str | None:
        """Return to the calling flow and return its next node; without a calling flow, hang up."""
        if len(self.state.stack) == 1:
            self.hang_up(None, UNANNOUNCED_LINGER_MS)
            return None
        self.state = replace(self.state, stack=self.state.stack[:-1])
        subflow_node = self.node
        return subflow_node.next if isinstance(subflow_node, model.SubflowNode) else None

    # --- prompts and waits -------------------------------------------------------------------------------------

    def say(self, *prompts: Prompt) -> None:
        """Queue prompts for the next action of this turn."""
        self._prompts.extend(prompts)

    def prompt(self, name: str, **values: Value) -> Prompt:
        """Return a prompt with all variables of the call and the given values."""
        return Prompt(name, {**{k: v for k, v in self.variables.items() if v is not None}, **values})

    def take_prompts(self) -> tuple[Prompt, ...]:
        """Remove and return the queued prompts."""
        said, self._prompts = tuple(self._prompts), []
        return said

    def add_action(self, action: Action) -> None:
        """Add an action to the turn."""
        self._actions.append(action)

    def wait(self, kind: WaitKind, silences: int = 0, mismatches: int = 0, candidate: Candidate | None = None) -> str:
        """Start a wait and return its id."""
        name = str(self._turn)
        self.state = replace(self.state, wait=Wait(name, kind, silences, mismatches, candidate))
        return name

    # --- silent nodes ------------------------------------------------------------------------------------------

    def run_silent(self, node: model.FlowNode) -> str:
        """Run a node that neither plays prompts nor waits; return the next node.

        Raises:
            EngineFault: it is another type of node, or a condition cannot be evaluated.
        """
        match node:
            case model.BranchNode(cases=cases, otherwise=otherwise):
                return next((case.next for case in cases if self._holds(case.when)), otherwise)
            case model.SetNode(values=values, next=next_node):
                self.set_variables(canonical(self.callflows, values))
                return next_node
            case model.ComplaintNode(kind=kind, reason=reason, details=details, next=next_node):
                self.add_action(OpenComplaint(kind, reason, {name: self.variables.get(name) for name in details}))
                return next_node
        raise EngineFault(f"{self.state.place}: a {node.type} node is not allowed in a `lastly` chain")

    def _holds(self, condition: str) -> bool:
        try:
            return conditions.holds(condition, self.variables)
        except conditions.ConditionFault as fault:
            raise EngineFault(f"{self.state.place}: {condition}: {fault}") from fault

    # --- exits -------------------------------------------------------------------------------------------------

    def take_exit(self, exit_name: str) -> str | None:
        """Return the target of this exit in the innermost flow that defines it; hang up if none does."""
        stack = self.state.stack
        for depth in range(len(stack), 0, -1):
            target: str | None = getattr(self.callflows.flows[stack[depth - 1].flow], exit_name)
            if target:
                self.state = replace(self.state, stack=stack[:depth])
                return target
        self.hang_up(None, UNANNOUNCED_LINGER_MS)
        return None

    def hang_up(self, requested: Disposition | None, linger_ms: int) -> None:
        """Play the queued prompts, finish the call and hang up."""
        if prompts := self.take_prompts():
            self.add_action(Say(prompts))
        self.finish(requested)
        self.add_action(Hangup(linger_ms))

    def finish(self, requested: Disposition | None) -> None:
        """Set the disposition and run the `lastly` chains, those of entered subflows first. Only the first call acts.

        A call with every essential answer is completed, even if `requested` is another disposition.

        Raises:
            EngineFault: a `lastly` chain loops or a condition cannot be evaluated.
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
        raise EngineFault(f"{name}.{flow.lastly}: the `lastly` chain loops")

    def set_disposition(self, requested: Disposition | None) -> None:
        """Set the disposition, by the essential questions of its flow or, if none, of the last subflow with any."""
        own = self.callflows.flows[self.state.stack[0].flow]
        called = (self.callflows.flows[name] for name in reversed(self.state.entered))
        computed = disposition(next((flow for flow in (own, *called) if flow.essential), own), self.state)
        if requested is None or computed == Disposition.COMPLETED:
            requested = computed
        self.state = replace(self.state, wait=None, disposition=requested)

    def end(self) -> None:
        """Mark the call as ended."""
        self.state = replace(self.state, wait=None, ended=True)
