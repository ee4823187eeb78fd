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


def ask(draft: StepBuilder, node: model.QuestionNode) -> Onward:
    """Ask the present question for the first time; an answer that is known already is offered."""
    if known := offer(draft, node):
        return confirm(draft, node, known, Wait("", "confirm"))
    return _ask(draft, node, _opening(draft, node))


def hear(draft: StepBuilder, node: model.QuestionNode, wait: Wait, alternatives: tuple[Heard, ...]) -> Onward:
    """The caller spoke."""
    universals, language = draft.book.universals, draft.state.language
    if wait.candidate:
        value = wait.candidate.value
        outcome = answers.understand_confirmation(node, universals, language, alternatives, draft.now, value)
    else:
        outcome = answers.understand(node, universals, language, alternatives, draft.now)
    return _take(draft, node, wait, outcome, "voice", alternatives)


def press(draft: StepBuilder, node: model.QuestionNode, wait: Wait, digits: str) -> Onward:
    """The caller pressed keys."""
    universals = draft.book.universals
    if wait.candidate:
        outcome = keypad.understand_confirmation_keys(universals, digits)
    else:
        outcome = keypad.understand_keys(node, universals, draft.state.language, digits, draft.now)
    return _take(draft, node, wait, outcome, "key", (Heard(digits, 1.0),))


def silence(draft: StepBuilder, node: model.QuestionNode, wait: Wait) -> Onward:
    """The caller neither spoke nor pressed a key."""
    if wait.kind == "hold":
        draft.say(draft.prompt(draft.book.common.still_there))
        return _resume(draft, node, wait)
    missed = replace(wait, silences=wait.silences + 1)
    if wait.candidate and missed.misses < node.max_misses:
        return confirm(draft, node, wait.candidate, missed, keys=True)
    return _again(draft, node, missed, _hints(draft, node, node.no_input), missed.silences)


def recorded(draft: StepBuilder, node: model.RecordNode, wait: Wait, speech: SpeechRecorded) -> Onward:
    """The caller spoke freely: kept at once, for who hangs up while it is read back has said it all the same."""
    heard = speech.text or " ".join(speech.cues)
    said = Candidate(speech.text or None, heard, 1.0, span_ms=speech.span_ms)
    draft.remember({f"{draft.state.place.node}_span": place(speech.span_ms)})
    draft.spotted(speech.cues)
    if node.read_back is None:
        return _keep(draft, node, wait, said, confirmed=False)
    draft.doubt()
    _save(draft, wait, said, confirmed=False)
    return confirm(draft, node, said, wait)


# --- asking -----------------------------------------------------------------------------------------------------


def _opening(draft: StepBuilder, node: model.QuestionNode) -> list[Prompt]:
    """The question; where nobody hears the answer with its keys, and once with a word about using them."""
    prompts = [draft.prompt(node.prompt)]
    if hears(draft, node):
        return prompts
    if not draft.state.speech and not draft.state.keys_told:
        draft.state = replace(draft.state, keys_told=True)
        prompts.append(draft.prompt(draft.book.common.keys_only))
    return prompts + _offer_keys(draft, node)


def _offer_keys(draft: StepBuilder, node: model.QuestionNode) -> list[Prompt]:
    return [draft.prompt(node.keys_prompt)] if node.keys_prompt and "dtmf" in node.input else []


def _inputs(draft: StepBuilder, node: model.QuestionNode) -> tuple[SpeechInput | None, KeyInput | None]:
    """What answers the question."""
    universals = draft.book.universals
    return (
        answers.speech(node, universals, draft.state.language) if hears(draft, node) else None,
        keypad.keys(node, universals) if "dtmf" in node.input else None,
    )


def _ask(
    draft: StepBuilder, node: model.QuestionNode, prompts: list[Prompt], silences: int = 0, mismatches: int = 0
) -> Onward:
    draft.say(*prompts)
    question = draft.state.place.node
    speech, keys = _inputs(draft, node)
    if isinstance(node, model.RecordNode):
        wait = draft.wait("record", silences, mismatches)
        action: Action = RecordAction(
            wait, question, draft.spoken(), speech, keys, node.timeout, node.max_ms, node.timing
        )
    else:
        wait = draft.wait("answer", silences, mismatches)
        barge_in = node.barge_in if isinstance(node, model.AskNode) else True
        action = AskAction(wait, question, draft.spoken(), speech, keys, barge_in, node.timeout, node.timing)
    draft.act(action)
    return None


def _hold(draft: StepBuilder, node: model.QuestionNode, wait: Wait) -> Onward:
    """Wait for a caller who asked for a moment; whatever the question takes is taken in it."""
    draft.say(draft.prompt(draft.book.common.wait))
    speech, keys = confirmation(draft, node) if wait.candidate else _inputs(draft, node)
    held = draft.wait("hold", wait.silences, wait.mismatches, wait.candidate)
    draft.act(Hold(held, draft.spoken(), speech, keys, HOLD_MS))
    return None


def _resume(draft: StepBuilder, node: model.QuestionNode, wait: Wait) -> Onward:
    """Go on where the caller interrupted: read back again, or ask again."""
    if wait.candidate:
        return confirm(draft, node, wait.candidate, wait)
    return _ask(draft, node, _opening(draft, node), wait.silences, wait.mismatches)


# --- what came of it --------------------------------------------------------------------------------------------


def _take(
    draft: StepBuilder,
    node: model.QuestionNode,
    wait: Wait,
    outcome: AnswerOutcome,
    by: AnsweredBy,
    alternatives: tuple[Heard, ...],
) -> Onward:
    match outcome:
        case Command(name="repeat"):
            return _resume(draft, node, wait)
        case Command(name="wait"):
            return _hold(draft, node, wait)
        case Command(name=name):
            return draft.leave(f"on_{name}")
        case Confirmed() if wait.candidate:
            sure = replace(wait.candidate, by=by) if wait.candidate.offered else wait.candidate
            return _keep(draft, node, wait, sure, confirmed=True)
        case Denied() if wait.candidate and wait.candidate.offered:
            return _ask(draft, node, _opening(draft, node), wait.silences, wait.mismatches)
        case Understood(value=value, heard=heard, confidence=confidence, sure=sure):
            pairs = tuple((one.text, one.confidence) for one in alternatives)
            candidate = Candidate(value, heard, confidence, pairs, by)
            if sure or isinstance(node, model.RecordNode):
                return _keep(draft, node, wait, candidate, confirmed=False)
            return confirm(draft, node, candidate, wait)
        case NotUnderstood() if wait.kind == "hold":
            return _resume(draft, node, wait)
    missed = replace(wait, mismatches=wait.mismatches + 1)
    if (
        isinstance(node, model.RecordNode)
        and wait.candidate
        and missed.misses < node.max_misses
        and outcome != Denied()
    ):
        return confirm(draft, node, wait.candidate, missed, keys=True)
    reason = _reason(node, outcome)
    return _again(draft, node, missed, (reason,) if reason else _hints(draft, node, node.no_match), missed.mismatches)


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


def _hints(draft: StepBuilder, node: model.QuestionNode, prompts: tuple[str, ...]) -> tuple[str, ...]:
    """What helps a caller to say it; of no use where nobody hears: there the question itself comes again."""
    return prompts if hears(draft, node) else ()


def _again(draft: StepBuilder, node: model.QuestionNode, missed: Wait, tapering: tuple[str, ...], time: int) -> Onward:
    """Ask once more, differently each time; from the second miss on offer the keys; then give the question up.

    What was said freely and is still not confirmed stands as it is.
    """
    if missed.misses >= node.max_misses:
        if isinstance(node, model.RecordNode) and missed.candidate:
            return node.next
        return node.otherwise or draft.leave("on_give_up")
    prompt = tapering[min(time, len(tapering)) - 1] if tapering else node.prompt
    said = [draft.prompt(prompt)]
    if missed.misses >= 2 or not hears(draft, node):
        said += _offer_keys(draft, node)
    return _ask(draft, node, said, missed.silences, missed.mismatches)


def _keep(draft: StepBuilder, node: model.QuestionNode, wait: Wait, candidate: Candidate, *, confirmed: bool) -> str:
    _save(draft, wait, candidate, confirmed=confirmed)
    draft.settle()
    if isinstance(node, model.BookNode):
        draft.act(BookAction(str(candidate.value), candidate.heard))
    if isinstance(node.next, str):
        return node.next
    return node.next.get(str(candidate.value)) or node.next["default"]


def _save(draft: StepBuilder, wait: Wait, candidate: Candidate, *, confirmed: bool) -> None:
    alternatives = tuple(Heard(text, confidence) for text, confidence in candidate.alternatives)
    draft.act(
        SaveAnswer(
            draft.state.place.node,
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
    draft.answered(candidate.value)
