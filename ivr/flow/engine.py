"""The flow engine: from a state and an event, compute the next state and its actions.

Pure: no clock (`now` is a parameter), no generated ids, no I/O. Must not know: audio, networks, databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from ivr.actions import Hangup, LookUpCase, Notice, Say, StartRecording
from ivr.actions import Transfer as TransferAction
from ivr.events import (
    CallAnswered,
    CallEnded,
    CallResumed,
    CaseFound,
    CaseMissing,
    DigitsPressed,
    Event,
    Heard,
    NothingHeard,
    PromptsFinished,
    SpeechHeard,
    SpeechRecorded,
    TransferCompleted,
    TransferFailed,
)
from ivr.flow import answers, model, questions
from ivr.flow.outcome import Completeness
from ivr.flow.state import FlowState, FlowTurn, NodeRef, Wait
from ivr.flow.step_builder import MAX_NODES_A_TURN, UNANNOUNCED_LINGER_MS, EngineFault, StepBuilder, disposition
from ivr.flow.variables import defaults
from ivr.flow.whisper import render_whisper

__all__ = ["MAX_TURNS", "EngineFault", "begin", "completeness", "disposition", "fail", "step"]

MAX_TURNS: Final = 200
"""Steps after which the engine gives a call up."""
UNASKED: Final = (CallAnswered, CallResumed, CallEnded)
"""The events that answer no wait."""


def begin(callflows: model.Callflows, version: str, flow: str, language: str, *, speech: bool) -> FlowState:
    """Return the state of a call before its first event; `speech` is whether a recogniser supports `language`.

    Raises:
        KeyError: the flow does not exist.
    """
    first = callflows.flows[flow]
    initial = defaults({**callflows.variables, **first.variables})
    return FlowState(version, language, speech, (NodeRef(flow, first.start),), initial)


def step(callflows: model.Callflows, state: FlowState, event: Event, now: datetime) -> FlowTurn:
    """Apply an event. A stale event (of an earlier wait, or after the end) returns the same state and no actions.

    Raises:
        EngineFault: the flow cannot continue.
    """
    if state.ended:
        return FlowTurn(state, ())
    builder = StepBuilder(callflows, state, now)
    match event:
        case CallAnswered(variables):
            if state.turn:
                return FlowTurn(state, ())
            builder.set_variables(variables)
            _advance(builder, state.place.node)
        case CallEnded():
            builder.finish(None)
            builder.end()
        case CallResumed(transferred):
            _advance(builder, _go_on(builder, state.wait, transferred=transferred))
        case _:
            if state.wait is None or event.wait != state.wait.id:
                return FlowTurn(state, ())
            _advance(
                builder, _resume(builder, state.wait, event) if state.turn < MAX_TURNS else _too_many_turns(builder)
            )
    return builder.build()


def fail(callflows: model.Callflows, state: FlowState, now: datetime, event: Event | None = None) -> FlowTurn:
    """End a call after an internal fault: apologise, keep all answers so far and set the disposition.

    An answer carried by `event`, the event that caused the fault, is kept as well. Never raises: if the `lastly` chain
    is the cause, it is skipped. A call that has ended is returned unchanged.
    """
    if state.ended:
        return FlowTurn(state, ())
    builder = _apologise(callflows, state, now, event)
    try:
        builder.hang_up(None, UNANNOUNCED_LINGER_MS)
    except EngineFault:
        builder = _apologise(callflows, state, now, event)
        builder.set_disposition(None)
        builder.hang_up(None, UNANNOUNCED_LINGER_MS)
    return builder.build()


def _apologise(callflows: model.Callflows, state: FlowState, now: datetime, event: Event | None) -> StepBuilder:
    builder = StepBuilder(callflows, state, now)
    if state.wait and event and not isinstance(event, UNASKED) and event.wait == state.wait.id:
        draft = StepBuilder(callflows, state, now)
        with suppress(EngineFault):
            _resume(draft, state.wait, event)
        builder.adopt_answers(draft)
    builder.say(builder.prompt(callflows.common.technical))
    return builder


def completeness(
    callflows: model.Callflows, state: FlowState, alternatives: Sequence[Heard], now: datetime
) -> Completeness:
    """Return how complete the hypotheses of an utterance are as an answer to the current wait."""
    node = callflows.flows[state.place.flow].nodes[state.place.node]
    if state.wait is None or not isinstance(node, model.AskNode | model.BookNode | model.RecordNode):
        return "nothing"
    if state.wait.candidate:
        candidate = state.wait.candidate.value
        return answers.confirmation_completeness(
            node, callflows.universals, state.language, alternatives, now, candidate
        )
    return answers.completeness(node, callflows.universals, state.language, alternatives, now)


def _advance(builder: StepBuilder, target: str | None) -> None:
    """Execute nodes from `target` on until the call waits or ends.

    Raises:
        EngineFault: MAX_NODES_A_TURN nodes executed without a wait.
    """
    for _ in range(MAX_NODES_A_TURN):
        if target is None:
            return
        if target == model.RETURN:
            target = builder.leave_subflow()
            continue
        builder.go_to(target)
        target = _execute(builder, builder.node)
    raise EngineFault(f"{builder.state.place}: {MAX_NODES_A_TURN} nodes without waiting for the caller")


def _execute(builder: StepBuilder, node: model.FlowNode) -> str | None:
    """Execute a node; return the next node, or None if the call waits or has ended."""
    match node:
        case model.AskNode() | model.BookNode() | model.RecordNode():
            questions.ask(builder, node)
        case model.SayNode(prompt=prompt, next=next_node):
            builder.say(builder.prompt(prompt))
            return next_node
        case model.NoticeNode(prompt=prompt):
            builder.say(builder.prompt(prompt))
            builder.add_action(Notice(builder.wait("notice"), builder.take_prompts()))
        case model.LookupNode(by=by, value=name):
            if prompts := builder.take_prompts():
                builder.add_action(Say(prompts))
            builder.add_action(LookUpCase(builder.wait("lookup"), by, str(builder.variables.get(name or "") or "")))
        case model.TransferNode(prompt=prompt, target=target, line=name, whisper=whisper, play=play):
            builder.say(builder.prompt(prompt))
            words = render_whisper(whisper, builder.variables, builder.callflows)
            line = str(builder.variables.get(name or "") or "")
            said = str(builder.variables.get(f"{play}_span") or "")
            builder.add_action(
                TransferAction(builder.wait("transfer"), target, builder.take_prompts(), words, line, said)
            )
        case model.SubflowNode(flow=name):
            return builder.enter_subflow(name)
        case model.HangupNode(prompt=prompt, disposition=requested, linger=linger):
            if prompt:
                builder.say(builder.prompt(prompt))
            builder.hang_up(requested, linger)
        case _:
            return builder.run_silent(node)
    return None


def _too_many_turns(builder: StepBuilder) -> str | None:
    """Take the flow's on_give_up exit; on any later turn, hang up."""
    if builder.state.turn == MAX_TURNS:
        return builder.take_exit("on_give_up")
    builder.hang_up(None, UNANNOUNCED_LINGER_MS)
    return None


def _go_on(builder: StepBuilder, wait: Wait | None, *, transferred: bool) -> str | None:
    """Go on with an interrupted call: ask the open question again, or execute again what the call waited for."""
    if wait is None:
        builder.add_action(Hangup(0))
        return None
    if wait.kind == "transfer" and transferred:
        return _resume(builder, wait, TransferCompleted(wait.id))
    if notice := builder.callflows.common.resumed:
        builder.say(builder.prompt(notice))
    match builder.node:
        case model.AskNode() | model.BookNode() | model.RecordNode() as node:
            return questions.resume(builder, node, wait)
    return builder.state.place.node


def _resume(builder: StepBuilder, wait: Wait, event: Event) -> str | None:
    """Handle the event that the call waited for; return the next node, or None if the call waits or has ended."""
    match event, builder.node:
        case PromptsFinished(), model.NoticeNode(consent=consent, next=next_node):
            if consent:
                builder.add_action(StartRecording())
            return next_node
        case CaseFound() as case, model.LookupNode(found=next_node):
            builder.set_variables(
                {
                    "case_number": case.number,
                    "case_kind": case.kind,
                    "case_open": case.open,
                    "case_opened_on": case.opened_on,
                    "case_tier": case.tier,
                    "case_roster": case.roster,
                }
            )
            return next_node
        case CaseMissing(), model.LookupNode(missing=next_node):
            return next_node
        case TransferCompleted(), model.TransferNode(after=str() as next_node):
            return next_node
        case TransferCompleted(), model.TransferNode():
            builder.hang_up(None, 0)
            return None
        case TransferFailed(), model.TransferNode(failed=next_node):
            return next_node
        case NothingHeard(), model.AskNode() | model.BookNode() | model.RecordNode() as node:
            return questions.on_silence(builder, node, wait)
        case SpeechRecorded() as speech, model.RecordNode() as node:
            return questions.on_recording(builder, node, wait, speech)
        case SpeechHeard(alternatives=alternatives), model.AskNode() | model.BookNode() | model.RecordNode() as node:
            return questions.on_speech(builder, node, wait, alternatives)
        case DigitsPressed(digits=digits), model.AskNode() | model.BookNode() | model.RecordNode() as node:
            return questions.on_keys(builder, node, wait, digits)
    raise EngineFault(f"{builder.state.place}: {type(event).__name__} while waiting for {wait.kind}")
