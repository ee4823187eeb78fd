"""Asking, reading back and asking again: one question from its prompt to its answer.

Must not know: the nodes that ask nothing, what an answer means.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ivr.actions import Action, AnsweredBy, Hold, Prompt, SaveAnswer
from ivr.actions import Ask as AskAction
from ivr.actions import BookCallback as BookAction
from ivr.actions import Record as RecordAction
from ivr.events import Heard, SpeechRecorded, Value
from ivr.flow import answers, keypad, model
from ivr.flow.draft import Draft
from ivr.flow.outcome import (
    Command,
    Confirmed,
    NotUnderstood,
    NotWhole,
    Outcome,
    OutOfRange,
    OutsideHours,
    Understood,
)
from ivr.flow.state import Candidate, Wait

Onward = str | None
"""The node to go on at; None when the call waits or is over."""

HOLD_MS: Final = 30_000
"""How long a caller who asked for a moment is waited for."""


def ask(draft: Draft, node: model.Question) -> Onward:
    """Ask the present question for the first time."""
    return _ask(draft, node, _opening(draft, node))


def hear(draft: Draft, node: model.Question, wait: Wait, alternatives: tuple[Heard, ...]) -> Onward:
    """The caller spoke."""
    universals, language = draft.book.universals, draft.state.language
    if wait.candidate and not isinstance(node, model.Record):
        value = wait.candidate.value
        outcome = answers.understand_confirmation(node, universals, language, alternatives, draft.now, value)
    else:
        outcome = answers.understand(node, universals, language, alternatives, draft.now)
    return _take(draft, node, wait, outcome, "voice", alternatives)


def press(draft: Draft, node: model.Question, wait: Wait, digits: str) -> Onward:
    """The caller pressed keys."""
    universals = draft.book.universals
    if wait.candidate:
        outcome = keypad.understand_confirmation_keys(universals, digits)
    else:
        outcome = keypad.understand_keys(node, universals, draft.state.language, digits, draft.now)
    return _take(draft, node, wait, outcome, "key", (Heard(digits, 1.0),))


def silence(draft: Draft, node: model.Question, wait: Wait) -> Onward:
    """The caller neither spoke nor pressed a key."""
    if wait.kind == "hold":
        draft.say(draft.prompt(draft.book.common.still_there))
        return _resume(draft, node, wait)
    missed = replace(wait, silences=wait.silences + 1)
    if wait.candidate and missed.misses < node.max_misses and not isinstance(node, model.Record):
        return _confirm(draft, node, wait.candidate, missed, keys=True)
    return _again(draft, node, missed, _hints(draft, node, node.no_input), missed.silences)


def recorded(draft: Draft, node: model.Record, wait: Wait, speech: SpeechRecorded) -> str:
    """The caller spoke freely."""
    span = (speech.start_ms, speech.start_ms + speech.duration_ms)
    text = speech.text or None
    draft.act(SaveAnswer(draft.state.place.node, text, speech.text, (), 1.0, "voice", wait.misses + 1, span_ms=span))
    draft.answered(text)
    return node.next


# --- asking -----------------------------------------------------------------------------------------------------


def _opening(draft: Draft, node: model.Question) -> list[Prompt]:
    """The question; where nobody hears the answer with its keys, and once with a word about using them."""
    prompts = [draft.prompt(node.prompt)]
    if _hears(draft, node):
        return prompts
    if not draft.state.speech and not draft.state.keys_told:
        draft.state = replace(draft.state, keys_told=True)
        prompts.append(draft.prompt(draft.book.common.keys_only))
    return prompts + _offer_keys(draft, node)


def _offer_keys(draft: Draft, node: model.Question) -> list[Prompt]:
    return [draft.prompt(node.keys_prompt)] if node.keys_prompt and "dtmf" in node.input else []


def _hears(draft: Draft, node: model.Question) -> bool:
    return draft.state.speech and "speech" in node.input


def _ask(draft: Draft, node: model.Question, prompts: list[Prompt], silences: int = 0, mismatches: int = 0) -> Onward:
    draft.say(*prompts)
    question = draft.state.place.node
    speech = answers.speech(node, draft.book.universals, draft.state.language) if _hears(draft, node) else None
    keys = keypad.keys(node, draft.book.universals) if "dtmf" in node.input else None
    if isinstance(node, model.Record):
        wait = draft.wait("record", silences, mismatches)
        action: Action = RecordAction(
            wait, question, draft.spoken(), speech, keys, node.timeout, node.max_ms, node.timing
        )
    else:
        wait = draft.wait("answer", silences, mismatches)
        barge_in = node.barge_in if isinstance(node, model.Ask) else True
        action = AskAction(wait, question, draft.spoken(), speech, keys, barge_in, node.timeout, node.timing)
    draft.act(action)
    return None


def _confirm(
    draft: Draft, node: model.Ask | model.Book, candidate: Candidate, wait: Wait, *, keys: bool = False
) -> Onward:
    prompt, values = _read_back(node, candidate.value)
    draft.say(draft.prompt(prompt, **values))
    if (keys or candidate.by == "key" or not _hears(draft, node)) and "dtmf" in node.input:
        draft.say(draft.prompt(draft.book.common.confirm_keys))
    universals, language = draft.book.universals, draft.state.language
    draft.act(
        AskAction(
            draft.wait("confirm", wait.silences, wait.mismatches, candidate),
            draft.state.place.node,
            draft.spoken(),
            answers.confirmation_speech(node, universals, language) if _hears(draft, node) else None,
            keypad.confirmation_keys(universals) if "dtmf" in node.input else None,
            True,
            node.timeout,
            node.timing,
        )
    )
    return None


def _read_back(node: model.Ask | model.Book, value: Value) -> tuple[str, dict[str, Value]]:
    match node:
        case model.Book(confirm=prompt):
            return prompt, {"when": value}
        case model.Ask(answer=model.YesNo() as answer):
            return (answer.yes if value == "yes" else answer.no).confirm, {}
        case model.Ask(answer=model.Choice(values=values)):
            return values[str(value)].confirm, {}
        case model.Ask(answer=model.Score(confirm=prompt) | model.Digits(confirm=prompt)):
            return prompt, {"value": value}
    raise AssertionError(node)


def _hold(draft: Draft, node: model.Question, wait: Wait) -> Onward:
    """Wait for a caller who asked for a moment; whatever the question takes is taken in it."""
    draft.say(draft.prompt(draft.book.common.wait))
    universals, language = draft.book.universals, draft.state.language
    if wait.candidate and not isinstance(node, model.Record):
        speech, keys = answers.confirmation_speech(node, universals, language), keypad.confirmation_keys(universals)
    else:
        speech, keys = answers.speech(node, universals, language), keypad.keys(node, universals)
    draft.act(
        Hold(
            draft.wait("hold", wait.silences, wait.mismatches, wait.candidate),
            draft.spoken(),
            speech if _hears(draft, node) else None,
            keys if "dtmf" in node.input else None,
            HOLD_MS,
        )
    )
    return None


def _resume(draft: Draft, node: model.Question, wait: Wait) -> Onward:
    """Go on where the caller interrupted: read back again, or ask again."""
    if wait.candidate and not isinstance(node, model.Record):
        return _confirm(draft, node, wait.candidate, wait)
    return _ask(draft, node, _opening(draft, node), wait.silences, wait.mismatches)


# --- what came of it --------------------------------------------------------------------------------------------


def _take(
    draft: Draft,
    node: model.Question,
    wait: Wait,
    outcome: Outcome,
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
            return _keep(draft, node, wait, wait.candidate, confirmed=True)
        case Understood(value=value, heard=heard, confidence=confidence, sure=sure):
            pairs = tuple((one.text, one.confidence) for one in alternatives)
            candidate = Candidate(value, heard, confidence, pairs, by)
            if sure or isinstance(node, model.Record):
                return _keep(draft, node, wait, candidate, confirmed=False)
            return _confirm(draft, node, candidate, wait)
        case NotUnderstood() if wait.kind == "hold":
            return _resume(draft, node, wait)
    missed = replace(wait, mismatches=wait.mismatches + 1)
    reason = _reason(node, outcome)
    return _again(draft, node, missed, (reason,) if reason else _hints(draft, node, node.no_match), missed.mismatches)


def _reason(node: model.Question, outcome: Outcome) -> str | None:
    """The prompt that says why what was understood is no answer."""
    match node, outcome:
        case model.Ask(answer=model.Score(out_of_range=prompt)), OutOfRange():
            return prompt
        case model.Ask(answer=model.Score(not_whole=prompt)), NotWhole():
            return prompt
        case model.Book(out_of_range=prompt), OutOfRange():
            return prompt
        case model.Book(outside_hours=prompt), OutsideHours():
            return prompt
    return None


def _hints(draft: Draft, node: model.Question, prompts: tuple[str, ...]) -> tuple[str, ...]:
    """What helps a caller to say it; of no use where nobody hears: there the question itself comes again."""
    return prompts if _hears(draft, node) else ()


def _again(draft: Draft, node: model.Question, missed: Wait, tapering: tuple[str, ...], time: int) -> Onward:
    """Ask once more, differently each time; from the second miss on offer the keys; then give the question up."""
    if missed.misses >= node.max_misses:
        return node.otherwise or draft.leave("on_give_up")
    prompt = tapering[min(time, len(tapering)) - 1] if tapering else node.prompt
    said = [draft.prompt(prompt)]
    if missed.misses >= 2 or not _hears(draft, node):
        said += _offer_keys(draft, node)
    return _ask(draft, node, said, missed.silences, missed.mismatches)


def _keep(draft: Draft, node: model.Question, wait: Wait, candidate: Candidate, *, confirmed: bool) -> str:
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
        )
    )
    draft.answered(candidate.value)
    if isinstance(node, model.Book):
        draft.act(BookAction(str(candidate.value), candidate.heard))
    if isinstance(node.next, str):
        return node.next
    return node.next.get(str(candidate.value)) or node.next["default"]
