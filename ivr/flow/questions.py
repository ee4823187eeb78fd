"""Asking, reading back and asking again: one question from its prompt to its answer.

Must not know: the nodes that ask nothing, what an answer means.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ivr.actions import Action, AnsweredBy, Hold, KeyInput, Prompt, SaveAnswer, SpeechInput
from ivr.actions import Ask as AskAction
from ivr.actions import BookCallback as BookAction
from ivr.actions import Record as RecordAction
from ivr.events import Heard, SpeechRecorded, place
from ivr.flow import answers, keypad, model
from ivr.flow.outcome import (
    AnswerOutcome,
    Command,
    Confirmed,
    Denied,
    NotUnderstood,
    NotWhole,
    OutOfRange,
    OutsideHours,
    Understood,
)
from ivr.flow.read_back import confirm, confirmation, hears, offer
from ivr.flow.state import Candidate, Wait
from ivr.flow.step_builder import StepBuilder

Onward = str | None
"""The node to go on at; None when the call waits or is over."""

HOLD_MS: Final = 30_000
"""How long a caller who asked for a moment is waited for."""


def ask(builder: StepBuilder, node: model.QuestionNode) -> Onward:
    """Ask the present question for the first time; an answer that is known already is offered."""
    if known := offer(builder, node):
        return confirm(builder, node, known, Wait("", "confirm"))
    return _ask(builder, node, _opening(builder, node))


def hear(builder: StepBuilder, node: model.QuestionNode, wait: Wait, alternatives: tuple[Heard, ...]) -> Onward:
    """The caller spoke."""
    universals, language = builder.callflows.universals, builder.state.language
    if wait.candidate:
        value = wait.candidate.value
        outcome = answers.understand_confirmation(node, universals, language, alternatives, builder.now, value)
    else:
        outcome = answers.understand(node, universals, language, alternatives, builder.now)
    return _take(builder, node, wait, outcome, "voice", alternatives)


def press(builder: StepBuilder, node: model.QuestionNode, wait: Wait, digits: str) -> Onward:
    """The caller pressed keys."""
    universals = builder.callflows.universals
    if wait.candidate:
        outcome = keypad.understand_confirmation_keys(universals, digits)
    else:
        outcome = keypad.understand_keys(node, universals, builder.state.language, digits, builder.now)
    return _take(builder, node, wait, outcome, "key", (Heard(digits, 1.0),))


def silence(builder: StepBuilder, node: model.QuestionNode, wait: Wait) -> Onward:
    """The caller neither spoke nor pressed a key."""
    if wait.kind == "hold":
        builder.say(builder.prompt(builder.callflows.common.still_there))
        return _resume(builder, node, wait)
    missed = replace(wait, silences=wait.silences + 1)
    if wait.candidate and missed.misses < node.max_misses:
        return confirm(builder, node, wait.candidate, missed, keys=True)
    return _again(builder, node, missed, _hints(builder, node, node.no_input), missed.silences)


def recorded(builder: StepBuilder, node: model.RecordNode, wait: Wait, speech: SpeechRecorded) -> Onward:
    """The caller spoke freely: kept at once, for who hangs up while it is read back has said it all the same."""
    heard = speech.text or " ".join(speech.cues)
    said = Candidate(speech.text or None, heard, 1.0, span_ms=speech.span_ms)
    builder.remember({f"{builder.state.place.node}_span": place(speech.span_ms)})
    builder.spotted(speech.cues)
    if node.read_back is None:
        return _keep(builder, node, wait, said, confirmed=False)
    builder.doubt()
    _save(builder, wait, said, confirmed=False)
    return confirm(builder, node, said, wait)


# --- asking -----------------------------------------------------------------------------------------------------


def _opening(builder: StepBuilder, node: model.QuestionNode) -> list[Prompt]:
    """The question; where nobody hears the answer with its keys, and once with a word about using them."""
    prompts = [builder.prompt(node.prompt)]
    if hears(builder, node):
        return prompts
    if not builder.state.speech and not builder.state.keys_told:
        builder.state = replace(builder.state, keys_told=True)
        prompts.append(builder.prompt(builder.callflows.common.keys_only))
    return prompts + _offer_keys(builder, node)


def _offer_keys(builder: StepBuilder, node: model.QuestionNode) -> list[Prompt]:
    return [builder.prompt(node.keys_prompt)] if node.keys_prompt and "dtmf" in node.input else []


def _inputs(builder: StepBuilder, node: model.QuestionNode) -> tuple[SpeechInput | None, KeyInput | None]:
    """What answers the question."""
    universals = builder.callflows.universals
    return (
        answers.speech(node, universals, builder.state.language) if hears(builder, node) else None,
        keypad.keys(node, universals) if "dtmf" in node.input else None,
    )


def _ask(
    builder: StepBuilder, node: model.QuestionNode, prompts: list[Prompt], silences: int = 0, mismatches: int = 0
) -> Onward:
    builder.say(*prompts)
    question = builder.state.place.node
    speech, keys = _inputs(builder, node)
    if isinstance(node, model.RecordNode):
        wait = builder.wait("record", silences, mismatches)
        action: Action = RecordAction(
            wait, question, builder.spoken(), speech, keys, node.timeout, node.max_ms, node.timing
        )
    else:
        wait = builder.wait("answer", silences, mismatches)
        barge_in = node.barge_in if isinstance(node, model.AskNode) else True
        action = AskAction(wait, question, builder.spoken(), speech, keys, barge_in, node.timeout, node.timing)
    builder.act(action)
    return None


def _hold(builder: StepBuilder, node: model.QuestionNode, wait: Wait) -> Onward:
    """Wait for a caller who asked for a moment; whatever the question takes is taken in it."""
    builder.say(builder.prompt(builder.callflows.common.wait))
    speech, keys = confirmation(builder, node) if wait.candidate else _inputs(builder, node)
    held = builder.wait("hold", wait.silences, wait.mismatches, wait.candidate)
    builder.act(Hold(held, builder.spoken(), speech, keys, HOLD_MS))
    return None


def _resume(builder: StepBuilder, node: model.QuestionNode, wait: Wait) -> Onward:
    """Go on where the caller interrupted: read back again, or ask again."""
    if wait.candidate:
        return confirm(builder, node, wait.candidate, wait)
    return _ask(builder, node, _opening(builder, node), wait.silences, wait.mismatches)


# --- what came of it --------------------------------------------------------------------------------------------


def _take(
    builder: StepBuilder,
    node: model.QuestionNode,
    wait: Wait,
    outcome: AnswerOutcome,
    by: AnsweredBy,
    alternatives: tuple[Heard, ...],
) -> Onward:
    match outcome:
        case Command(name="repeat"):
            return _resume(builder, node, wait)
        case Command(name="wait"):
            return _hold(builder, node, wait)
        case Command(name=name):
            return builder.leave(f"on_{name}")
        case Confirmed() if wait.candidate:
            sure = replace(wait.candidate, by=by) if wait.candidate.offered else wait.candidate
            return _keep(builder, node, wait, sure, confirmed=True)
        case Denied() if wait.candidate and wait.candidate.offered:
            return _ask(builder, node, _opening(builder, node), wait.silences, wait.mismatches)
        case Understood(value=value, heard=heard, confidence=confidence, sure=sure):
            pairs = tuple((one.text, one.confidence) for one in alternatives)
            candidate = Candidate(value, heard, confidence, pairs, by)
            if sure or isinstance(node, model.RecordNode):
                return _keep(builder, node, wait, candidate, confirmed=False)
            return confirm(builder, node, candidate, wait)
        case NotUnderstood() if wait.kind == "hold":
            return _resume(builder, node, wait)
    missed = replace(wait, mismatches=wait.mismatches + 1)
    if (
        isinstance(node, model.RecordNode)
        and wait.candidate
        and missed.misses < node.max_misses
        and outcome != Denied()
    ):
        return confirm(builder, node, wait.candidate, missed, keys=True)
    reason = _reason(node, outcome)
    return _again(
        builder, node, missed, (reason,) if reason else _hints(builder, node, node.no_match), missed.mismatches
    )


def _reason(node: model.QuestionNode, outcome: AnswerOutcome) -> str | None:
    """The prompt that says why what was understood is no answer."""
    match node, outcome:
        case model.AskNode(answer=model.Score(out_of_range=prompt)), OutOfRange():
            return prompt
        case model.AskNode(answer=model.Score(not_whole=prompt)), NotWhole():
            return prompt
        case model.BookNode(out_of_range=prompt), OutOfRange():
            return prompt
        case model.BookNode(outside_hours=prompt), OutsideHours():
            return prompt
    return None


def _hints(builder: StepBuilder, node: model.QuestionNode, prompts: tuple[str, ...]) -> tuple[str, ...]:
    """What helps a caller to say it; of no use where nobody hears: there the question itself comes again."""
    return prompts if hears(builder, node) else ()


def _again(
    builder: StepBuilder, node: model.QuestionNode, missed: Wait, tapering: tuple[str, ...], time: int
) -> Onward:
    """Ask once more, differently each time; from the second miss on offer the keys; then give the question up.

    What was said freely and is still not confirmed stands as it is.
    """
    if missed.misses >= node.max_misses:
        if isinstance(node, model.RecordNode) and missed.candidate:
            return node.next
        return node.otherwise or builder.leave("on_give_up")
    prompt = tapering[min(time, len(tapering)) - 1] if tapering else node.prompt
    said = [builder.prompt(prompt)]
    if missed.misses >= 2 or not hears(builder, node):
        said += _offer_keys(builder, node)
    return _ask(builder, node, said, missed.silences, missed.mismatches)


def _keep(builder: StepBuilder, node: model.QuestionNode, wait: Wait, candidate: Candidate, *, confirmed: bool) -> str:
    _save(builder, wait, candidate, confirmed=confirmed)
    builder.settle()
    if isinstance(node, model.BookNode):
        builder.act(BookAction(str(candidate.value), candidate.heard))
    if isinstance(node.next, str):
        return node.next
    return node.next.get(str(candidate.value)) or node.next["default"]


def _save(builder: StepBuilder, wait: Wait, candidate: Candidate, *, confirmed: bool) -> None:
    alternatives = tuple(Heard(text, confidence) for text, confidence in candidate.alternatives)
    builder.act(
        SaveAnswer(
            builder.state.place.node,
            candidate.value,
            candidate.heard,
            alternatives,
            candidate.confidence,
            candidate.by,
            wait.misses + 1,
            confirmed,
            candidate.span_ms,
        )
    )
    builder.answered(candidate.value)
