"""Validation of questions and universal commands: phrases, keys, routes.

Must not know: prompts, the graph of a flow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Final, Protocol

from ivr.flow import answers, keypad, model
from ivr.flow.outcome import OutOfRange, OutsideHours, Understood
from ivr.flow.spoken.yes_no import yes_no_phrases

_EARLY: Final = datetime(2024, 1, 1, 0, 1, tzinfo=UTC)
"""Reference time for validating the choices of a booking: the start of a Monday."""

_FULL_WIDTH_COMMA: Final = re.compile("[，、；]")

_Report = Callable[[str, str], None]


class _Hearing(Protocol):
    @property
    def languages(self) -> frozenset[str]: ...

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]: ...

    def confusable(self, language: str, phrases: Sequence[str]) -> Sequence[tuple[str, str]]: ...


def check_universals(callflows: model.Callflows, hearing: _Hearing, fault: _Report) -> None:
    """Report faults of the universal commands: on their own, and against the yes and no of a read-back."""
    owners = {key: f"“{'right' if right else 'wrong'}” when an answer is read back" for key, right in _RIGHT_WRONG}
    for name, universal in callflows.universals.named().items():
        _check_lists(callflows, f"universals.{name}.phrases", universal.phrases, fault)
        if universal.keys:
            if universal.keys in owners:
                fault(f"universals.{name}.keys", f"key {universal.keys} also stands for {owners[universal.keys]}")
            owners[universal.keys] = f"({name})"
    for language in callflows.languages:
        commands = answers.commands(callflows.universals, language)
        yes_no = {"yes": set[str](), "no": set[str]()}
        for phrase, right in yes_no_phrases(language).items():
            yes_no["yes" if right else "no"].add(phrase)
        _check_shared(f"universals.phrases.{language}", {**commands, **yes_no}, fault)
        if language in hearing.languages:
            for command, phrases in commands.items():
                for phrase, reason in hearing.unheard(language, sorted(phrases)).items():
                    fault(f"universals.{command.strip('()')}.phrases.{language}", _unheard(phrase, reason))


_RIGHT_WRONG = keypad.CONFIRM_KEYS.items()


def check_question(
    callflows: model.Callflows,
    path: str,
    node: model.QuestionNode,
    hearing: _Hearing,
    timing: Collection[str],
    fault: _Report,
) -> None:
    """Report the faults of one question."""
    for entry in node.timing.keys() - set(timing):
        fault(f"{path}.timing.{entry}", f"unknown threshold; thresholds are {', '.join(sorted(timing))}")
    if "dtmf" in node.input:
        _check_keys(callflows, path, node, fault)
    _check_ways_to_answer(callflows, path, node, hearing, fault)
    if isinstance(node, model.AskNode):
        for name, value in answers.values(node.answer).items():
            _check_lists(callflows, f"{path}.answer.{name}.phrases", value.phrases, fault)
        if isinstance(node.next, dict):
            _check_routes(path, node.answer, node.next, fault)
    if isinstance(node, model.RecordNode):
        _check_lists(callflows, f"{path}.cues", node.cues, fault)
        _check_lists(callflows, f"{path}.spot", node.spot, fault)
    if isinstance(node, model.BookNode):
        _check_choices(callflows, path, node, fault)
    if "speech" in node.input:
        for language in callflows.languages:
            _check_phrases(callflows, path, node, language, hearing, fault)


def _check_lists(callflows: model.Callflows, path: str, phrases: model.Phrases, fault: _Report) -> None:
    """Report phrase lists in unlisted languages, and phrases that full-width commas join."""
    _check_languages(callflows, path, phrases, fault)
    for language, listed in phrases.items():
        for number, phrase in enumerate(listed, 1):
            if comma := _FULL_WIDTH_COMMA.search(phrase):
                items = ", ".join(filter(None, map(str.strip, _FULL_WIDTH_COMMA.split(phrase))))
                reason = f"“{phrase}” contains a full-width “{comma.group()}”, which separates no phrases"
                fault(f"{path}.{language}.{number}", f"{reason}; write separate list items: {items}")


def _check_languages(callflows: model.Callflows, path: str, phrases: Iterable[str], fault: _Report) -> None:
    for language in phrases:
        if language not in callflows.languages:
            fault(f"{path}.{language}", "this language is not listed in the file's `languages`")


def _check_ways_to_answer(
    callflows: model.Callflows, path: str, node: model.QuestionNode, hearing: _Hearing, fault: _Report
) -> None:
    for language in callflows.languages:
        if language in hearing.languages and "speech" in node.input:
            continue
        cause = "its input excludes speech" if "speech" not in node.input else f"no model recognises {language}"
        if "dtmf" not in node.input:
            fault(f"{path}.input", f"it cannot be answered in {language}: {cause}; add dtmf to its input")
        elif node.keys_prompt is None:
            fault(path, f"callers in {language} have to answer with keys ({cause}); add a keys_prompt")


# --- phrases ----------------------------------------------------------------------------------------------------


def _check_phrases(
    callflows: model.Callflows, path: str, node: model.QuestionNode, language: str, hearing: _Hearing, fault: _Report
) -> None:
    answer = path if isinstance(node, model.RecordNode) else f"{path}.answer"
    commands = answers.commands(callflows.universals, language)
    meanings = answers.meanings(node, callflows.universals, language)
    own = {meaning: phrases for meaning, phrases in meanings.items() if meaning not in commands}
    written = {
        name: frozenset(answers.configured_phrases(value, language))
        for name, value in (answers.values(node.answer).items() if isinstance(node, model.AskNode) else ())
    }
    for name in own:
        if not own[name] and name not in ("cues", "spot"):
            fault(f"{answer}.{name}", f"it has no phrases in {language}")
    said = {name: phrases | written.get(name, frozenset()) for name, phrases in own.items()}
    shared = _check_shared(answer, said, fault) | _check_against(answer, said, commands, language, fault)
    for name, phrases in written.items():
        for phrase in sorted(phrases - shared):
            read = answers.interpret(node, callflows.universals, language, phrase, _EARLY)
            if not (isinstance(read, Understood) and read.value == name):
                fault(f"{answer}.{name}", f"“{phrase}” is not understood as {name} in {language}")
    if language in hearing.languages:
        _check_hearing(answer, own, meanings, language, hearing, fault)


def _check_shared(path: str, meanings: Mapping[str, Collection[str]], fault: _Report) -> frozenset[str]:
    """Report and return phrases with two meanings."""
    shared: set[str] = set()
    for one, other in combinations(meanings, 2):
        for phrase in sorted(set(meanings[one]) & set(meanings[other])):
            shared.add(phrase)
            fault(path, f"“{phrase}” means both {one} and {other}")
    return frozenset(shared)


def _check_against(
    path: str,
    meanings: Mapping[str, Collection[str]],
    commands: Mapping[str, Collection[str]],
    language: str,
    fault: _Report,
) -> frozenset[str]:
    """Report and return phrases of the question that are also commands."""
    shared: set[str] = set()
    for meaning, phrases in meanings.items():
        for command, spoken in commands.items():
            for phrase in sorted(set(phrases) & set(spoken)):
                shared.add(phrase)
                fault(path, f"“{phrase}” means both {meaning} and {command}")
    return frozenset(shared)


def _check_hearing(
    path: str,
    own: Mapping[str, Collection[str]],
    meanings: Mapping[str, Collection[str]],
    language: str,
    hearing: _Hearing,
    fault: _Report,
) -> None:
    for meaning, phrases in own.items():
        for phrase, reason in hearing.unheard(language, sorted(phrases)).items():
            fault(f"{path}.{meaning}", _unheard(phrase, reason))
    meaning_of = {phrase: meaning for meaning, phrases in meanings.items() for phrase in phrases}
    for one, other in hearing.confusable(language, sorted(meaning_of)):
        if meaning_of[one] != meaning_of[other]:
            fault(path, f"“{one}” ({meaning_of[one]}) and “{other}” ({meaning_of[other]}) sound alike in {language}")


def _unheard(phrase: str, reason: str) -> str:
    return f"“{phrase}” cannot be recognised: {reason}"


# --- keys, routes, choices --------------------------------------------------------------------------------------


def _check_keys(callflows: model.Callflows, path: str, node: model.QuestionNode, fault: _Report) -> None:
    finish = keypad.finish_key(node)
    owners: dict[str, str] = {}
    for owner, keys in keypad.key_owners(node, callflows.universals):
        if keys in owners:
            fault(f"{path}.answer", f"key {keys} stands for both {owners[keys]} and {owner}")
        elif finish and finish in keys and keys != finish:
            fault(f"{path}.answer", f"key {finish} ends the input, so {keys} can never be entered for {owner}")
        owners[keys] = owner


def _check_routes(path: str, answer: model.Answer, routes: Mapping[str, str], fault: _Report) -> None:
    known = set(answers.values(answer))
    if isinstance(answer, model.Score):
        known = {str(score) for score in range(answer.low, answer.high + 1)}
    for value in routes.keys() - known - {"default"}:
        fault(f"{path}.next.{value}", f"“{value}” is not a value of this question")
    if "default" not in routes and (not known or known - routes.keys()):
        left = ", ".join(sorted(known - routes.keys())) or "every value"
        fault(f"{path}.next", f"no route for {left}; add it or a default")


def _check_choices(callflows: model.Callflows, path: str, node: model.BookNode, fault: _Report) -> None:
    for keys, said in node.choices.items():
        _check_languages(callflows, f"{path}.choices.{keys}", said, fault)
        for language in callflows.languages:
            at = f"{path}.choices.{keys}.{language}"
            if language not in said:
                fault(at, "missing")
                continue
            match answers.read_time(node, language, said[language], _EARLY, 1.0):
                case Understood():
                    continue
                case OutsideHours():
                    reason = f"is not between {node.earliest:%H:%M} and {node.latest:%H:%M}"
                case OutOfRange():
                    reason = "is in the past or more than a month ahead"
                case _:
                    reason = "is not understood as a time"
            fault(at, f"“{said[language]}” {reason}")
