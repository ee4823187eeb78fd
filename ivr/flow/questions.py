"""The dialogue of one question, from its prompt to its answer: ask, read back, reprompt.

Must not know: other nodes, what an answer means.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ivr.actions import Action, AnsweredBy, Hold, KeyInput, Prompt, SaveAnswer, SpeechInput
from ivr.actions import Ask as AskAction
from ivr.actions import BookCallback as BookAction
from ivr.actions import Record as RecordAction
from ivr.events import Heard, SpeechRecorded, format_span
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
from ivr.flow.read_back import accepts_speech, confirm, confirmation_inputs, offered_candidate
from ivr.flow.state import Candidate, Wait
from ivr.flow.step_builder import StepBuilder

NextNode = str | None
"""The next node; None if the call waits or has ended."""

HOLD_MS: Final = 30_000
"""How long to wait for a caller who asked for a moment."""


def ask(builder: StepBuilder, node: model.QuestionNode) -> NextNode:
    """Ask the current question for the first time; offer an answer that is already known."""
    if known := offered_candidate(builder, node):
        return confirm(builder, node, known, Wait("", "confirm"))
    return _ask(builder, node, _opening_prompts(builder, node))


def on_speech(builder: StepBuilder, node: model.QuestionNode, wait: Wait, alternatives: tuple[Heard, ...]) -> NextNode:
    """Handle speech."""
    universals, language = builder.callflows.universals, builder.state.language
    if wait.candidate:
        value = wait.candidate.value
        outcome = answers.understand_confirmation(node, universals, language, alternatives, builder.now, value)
    else:
        outcome = answers.understand(node, universals, language, alternatives, builder.now)
    return _handle_outcome(builder, node, wait, outcome, "voice", alternatives)


def on_keys(builder: StepBuilder, node: model.QuestionNode, wait: Wait, digits: str) -> NextNode:
    """Handle DTMF input."""
    universals = builder.callflows.universals
    if wait.candidate:
        outcome = keypad.understand_confirmation_keys(universals, digits)
    else:
        outcome = keypad.understand_keys(node, universals, builder.state.language, digits, builder.now)
    return _handle_outcome(builder, node, wait, outcome, "key", (Heard(digits, 1.0),))


def on_silence(builder: StepBuilder, node: model.QuestionNode, wait: Wait) -> NextNode:
    """Handle no-input."""
    if wait.kind == "hold":
        builder.say(builder.prompt(builder.callflows.common.still_there))
        return resume(builder, node, wait)
    missed = replace(wait, silences=wait.silences + 1)
    if wait.candidate and missed.misses < node.max_misses:
        return confirm(builder, node, wait.candidate, missed, offer_keys=True)
    return _reprompt(builder, node, missed, _hint_prompts(builder, node, node.no_input), missed.silences)


def on_recording(builder: StepBuilder, node: model.RecordNode, wait: Wait, speech: SpeechRecorded) -> NextNode:
    """Handle free speech; save it before the read-back, so that it is kept if the caller hangs up meanwhile."""
    heard = speech.text or " ".join(speech.cues)
    said = Candidate(speech.text or None, heard, 1.0, span_ms=speech.span_ms)
    builder.set_variables({f"{builder.state.place.node}_span": format_span(speech.span_ms)})
    builder.add_cues(speech.cues)
    if node.read_back is None:
        return _accept(builder, node, wait, said, confirmed=False)
    builder.mark_unconfirmed()
    _save(builder, wait, said, confirmed=False)
    return confirm(builder, node, said, wait)


# --- asking -----------------------------------------------------------------------------------------------------


def _opening_prompts(builder: StepBuilder, node: model.QuestionNode) -> list[Prompt]:
    """Return the question's prompts; without speech recognition, with the keys and, once per call, keys_only."""
    prompts = [builder.prompt(node.prompt)]
    if accepts_speech(builder, node):
        return prompts
    if not builder.state.speech and not builder.state.keys_told:
        builder.state = replace(builder.state, keys_told=True)
        prompts.append(builder.prompt(builder.callflows.common.keys_only))
    return prompts + _keys_prompt(builder, node)


def _keys_prompt(builder: StepBuilder, node: model.QuestionNode) -> list[Prompt]:
    return [builder.prompt(node.keys_prompt)] if node.keys_prompt and "dtmf" in node.input else []


def _inputs(builder: StepBuilder, node: model.QuestionNode) -> tuple[SpeechInput | None, KeyInput | None]:
    """Return the speech and the keys that the question accepts."""
    universals = builder.callflows.universals
    return (
        answers.speech(node, universals, builder.state.language) if accepts_speech(builder, node) else None,
        keypad.key_input(node, universals) if "dtmf" in node.input else None,
    )


def _ask(
    builder: StepBuilder, node: model.QuestionNode, prompts: list[Prompt], silences: int = 0, mismatches: int = 0
) -> NextNode:
    builder.say(*prompts)
    question = builder.state.place.node
    speech, keys = _inputs(builder, node)
    if isinstance(node, model.RecordNode):
        wait = builder.wait("record", silences, mismatches)
        action: Action = RecordAction(
            wait, question, builder.take_prompts(), speech, keys, node.timeout, node.max_ms, node.timing
        )
    else:
        wait = builder.wait("answer", silences, mismatches)
        barge_in = node.barge_in if isinstance(node, model.AskNode) else True
        action = AskAction(wait, question, builder.take_prompts(), speech, keys, barge_in, node.timeout, node.timing)
    builder.add_action(action)
    return None


def _hold(builder: StepBuilder, node: model.QuestionNode, wait: Wait) -> NextNode:
    """Wait for a caller who asked for a moment, accepting any input that the question accepts."""
    builder.say(builder.prompt(builder.callflows.common.wait))
    speech, keys = confirmation_inputs(builder, node) if wait.candidate else _inputs(builder, node)
    held = builder.wait("hold", wait.silences, wait.mismatches, wait.candidate)
    builder.add_action(Hold(held, builder.take_prompts(), speech, keys, HOLD_MS))
    return None


def resume(builder: StepBuilder, node: model.QuestionNode, wait: Wait) -> NextNode:
    """Resume after an interruption: read back again, or ask again."""
    if wait.candidate:
        return confirm(builder, node, wait.candidate, wait)
    return _ask(builder, node, _opening_prompts(builder, node), wait.silences, wait.mismatches)


# --- outcomes ---------------------------------------------------------------------------------------------------


def _handle_outcome(
    builder: StepBuilder,
    node: model.QuestionNode,
    wait: Wait,
    outcome: AnswerOutcome,
    by: AnsweredBy,
    alternatives: tuple[Heard, ...],
) -> NextNode:
    match outcome:
        case Command(name="repeat"):
            return resume(builder, node, wait)
        case Command(name="wait"):
            return _hold(builder, node, wait)
        case Command(name=name):
            return builder.take_exit(f"on_{name}")
        case Confirmed() if wait.candidate:
            sure = replace(wait.candidate, by=by) if wait.candidate.offered else wait.candidate
            return _accept(builder, node, wait, sure, confirmed=True)
        case Denied() if wait.candidate and wait.candidate.offered:
            return _ask(builder, node, _opening_prompts(builder, node), wait.silences, wait.mismatches)
        case Understood(value=value, heard=heard, confidence=confidence, sure=sure):
            pairs = tuple((one.text, one.confidence) for one in alternatives)
            candidate = Candidate(value, heard, confidence, pairs, by)
            if sure or isinstance(node, model.RecordNode):
                return _accept(builder, node, wait, candidate, confirmed=False)
            return confirm(builder, node, candidate, wait)
        case NotUnderstood() if wait.kind == "hold":
            return resume(builder, node, wait)
    missed = replace(wait, mismatches=wait.mismatches + 1)
    if (
        isinstance(node, model.RecordNode)
        and wait.candidate
        and missed.misses < node.max_misses
        and outcome != Denied()
    ):
        return confirm(builder, node, wait.candidate, missed, offer_keys=True)
    reason = _reason_prompt(node, outcome)
    return _reprompt(
        builder, node, missed, (reason,) if reason else _hint_prompts(builder, node, node.no_match), missed.mismatches
    )


def _reason_prompt(node: model.QuestionNode, outcome: AnswerOutcome) -> str | None:
    """Return the prompt that explains why an understood reply is not a valid answer; None if there is none."""
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


def _hint_prompts(builder: StepBuilder, node: model.QuestionNode, prompts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the reprompts if the question accepts speech; otherwise none, and the question itself is repeated."""
    return prompts if accepts_speech(builder, node) else ()


def _reprompt(
    builder: StepBuilder, node: model.QuestionNode, missed: Wait, tapering: tuple[str, ...], time: int
) -> NextNode:
    """Reprompt, with the next prompt of `tapering` each time and the keys from the second miss on.

    After max_misses give the question up; recorded free speech is then kept unconfirmed.
    """
    if missed.misses >= node.max_misses:
        if isinstance(node, model.RecordNode) and missed.candidate:
            return node.next
        return node.otherwise or builder.take_exit("on_give_up")
    prompt = tapering[min(time, len(tapering)) - 1] if tapering else node.prompt
    said = [builder.prompt(prompt)]
    if missed.misses >= 2 or not accepts_speech(builder, node):
        said += _keys_prompt(builder, node)
    return _ask(builder, node, said, missed.silences, missed.mismatches)


def _accept(
    builder: StepBuilder, node: model.QuestionNode, wait: Wait, candidate: Candidate, *, confirmed: bool
) -> str:
    _save(builder, wait, candidate, confirmed=confirmed)
    builder.clear_unconfirmed()
    if isinstance(node, model.BookNode):
        builder.add_action(BookAction(str(candidate.value), candidate.heard))
    if isinstance(node.next, str):
        return node.next
    return node.next.get(str(candidate.value)) or node.next["default"]


def _save(builder: StepBuilder, wait: Wait, candidate: Candidate, *, confirmed: bool) -> None:
    alternatives = tuple(Heard(text, confidence) for text, confidence in candidate.alternatives)
    builder.add_action(
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
    builder.record_answer(candidate.value)
