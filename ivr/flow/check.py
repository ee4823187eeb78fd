"""Validation of flows before they take calls: names, prompts, conditions. `ways` and `check_questions` do the rest.

Must not know: files, audio.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, Protocol

from ivr.errors import Fault
from ivr.flow import answers, conditions, model
from ivr.flow.check_questions import check_question, check_universals
from ivr.flow.check_variables import check_values, check_variables, never_holds, unknown, unspeakable
from ivr.flow.kinds import Variable
from ivr.flow.nearest import suggestion
from ivr.flow.salvage import NOTHING_UNREAD, Unread
from ivr.flow.spoken.text import LANGUAGES
from ivr.flow.variables import declared
from ivr.flow.ways import check_graph
from ivr.flow.whisper import whisper_faults


class Prompts(Protocol):
    """The catalogue's interface for the check."""

    def absent(self, name: str, language: str) -> str | None:
        """Return why the prompt cannot be played in the language; None if it can."""

    def variables(self, name: str) -> Mapping[str, str]:
        """Return the variables in the prompt's text with the types they are spoken as; empty for an unknown prompt."""


class PhraseLint(Protocol):
    """The recogniser's interface for the check."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages with an installed model; in other languages callers answer with keys."""

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases that cannot be recognised, each with a reason."""

    def confusable(self, language: str, phrases: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Return pairs of different phrases that sound alike to the model."""


def check(
    callflows: model.Callflows,
    file: str,
    prompts: Prompts,
    hearing: PhraseLint,
    timing: Collection[str],
    unread: Unread = NOTHING_UNREAD,
) -> list[Fault]:
    """Return all faults of the flows, sorted by path; empty if they are ready for calls.

    `timing` names the thresholds that a question may override. Faults that may only follow from `unread` parts of the
    file are left out.
    """
    unsupported = {language for language in callflows.languages if language not in LANGUAGES}
    faults: set[Fault] = set()

    def fault(path: str, reason: str) -> None:
        if not unread.hides(path) and unsupported.isdisjoint(path.split(".")):
            faults.add(Fault(file, path, reason))

    if unsupported:
        reason = f"{', '.join(sorted(unsupported))} is not supported; supported languages: {', '.join(LANGUAGES)}"
        fault("languages", reason)
        supported = tuple(language for language in callflows.languages if language in LANGUAGES)
        callflows = callflows.model_copy(update={"languages": supported})
    check_variables(callflows, fault)
    check_universals(callflows, hearing, fault)
    for name, flow in callflows.flows.items():
        for path, reason in check_graph(callflows, name, unread):
            fault(path, reason)
        _check_flow(callflows, name, flow, prompts, unread, fault)
        for node_name, node in flow.nodes.items():
            if isinstance(node, model.AskNode | model.BookNode | model.RecordNode):
                check_question(callflows, f"{name}.{node_name}", node, hearing, timing, fault)
    everywhere = callflows.variables.keys() | unread.names
    for common, prompt in callflows.common:
        if prompt is None:
            continue
        _check_prompt(callflows, f"common.{common}", prompt, prompts, everywhere, (), fault)
    return sorted(faults)


CASE_RESULTS: Final = frozenset({"case_number", "case_kind", "case_open", "case_opened_on", "case_tier", "case_roster"})
"""The variables that a lookup sets."""

_Report = Callable[[str, str], None]


def _check_flow(
    callflows: model.Callflows, name: str, flow: model.Flow, prompts: Prompts, unread: Unread, fault: _Report
) -> None:
    for language in callflows.languages:
        if language not in flow.title:
            fault(f"{name}.title", f"no title in {language}")
    for variable in sorted((callflows.variables.keys() | flow.variables.keys()) & {key for key, _ in _questions(flow)}):
        fault(f"{name}.{variable}", "a variable has the same name as this question")
    known, variables = _known(callflows, unread), declared(callflows)
    questions = {key: node for each in callflows.flows.values() for key, node in _questions(each)}
    for node_name, node in flow.nodes.items():
        path = f"{name}.{node_name}"
        for key, prompt, extra in _prompts(node):
            _check_prompt(callflows, f"{path}.{key}", prompt, prompts, known, extra, fault)
        if isinstance(node, model.BranchNode):
            for number, case in enumerate(node.cases, 1):
                for reason in _condition_faults(case.when, known, questions, variables):
                    fault(f"{path}.cases.{number}", reason)
        if isinstance(node, model.SetNode):
            check_values(node, path, variables, questions.keys() | unread.names, fault)
        for key, reason in _own_faults(node, known, prompts):
            fault(f"{path}.{key}", reason)


def _own_faults(node: model.FlowNode, known: Collection[str], prompts: Prompts) -> Iterator[tuple[str, str]]:
    """Yield the faults of fields that only this type of node has."""
    match node:
        case model.ComplaintNode(details=details):
            yield from (("details", unknown(name, known)) for name in set(details) - set(known))
        case model.LookupNode(value=str() as name) if name not in known:
            yield "value", unknown(name, known)
        case model.TransferNode(line=line, whisper=whisper):
            if line is not None and line not in known:
                yield "line", unknown(line, known)
            if node.play is not None and f"{node.play}_span" not in known:
                yield "play", f"“{node.play}” is not a free-speech question (a record node)"
            yield from (("whisper", reason) for phrase in whisper for reason in whisper_faults(phrase, known))
        case model.AskNode(answer=model.Digits(offer=model.OfferedAnswer(variable=variable))) if variable not in known:
            yield "answer.offer.variable", unknown(variable, known)
        case model.RecordNode(read_back=model.ReadBack(prompt=prompt)) if "said" not in prompts.variables(prompt):
            yield (
                "read_back.prompt",
                f"prompt “{prompt}” does not play the caller's words; use the variable {{said:recording}} in it",
            )


def _known(callflows: model.Callflows, unread: Unread) -> frozenset[str]:
    """Return every name that can hold a value."""
    known = {"language", "cues", "unconfirmed", *callflows.variables}
    known |= {*unread.names, *(f"{name}_span" for name in unread.names), *(CASE_RESULTS if unread.flows else ())}
    for flow in callflows.flows.values():
        known |= {*flow.variables, *(key for key, _ in _questions(flow))}
        known.update(key for node in flow.nodes.values() if isinstance(node, model.SetNode) for key in node.values)
        if any(isinstance(node, model.LookupNode) for node in flow.nodes.values()):
            known |= CASE_RESULTS
        known.update(f"{key}_span" for key, node in _questions(flow) if isinstance(node, model.RecordNode))
    return frozenset(known)


def _questions(flow: model.Flow) -> Iterator[tuple[str, model.QuestionNode]]:
    for key, node in flow.nodes.items():
        if isinstance(node, model.AskNode | model.BookNode | model.RecordNode):
            yield key, node


# --- conditions -------------------------------------------------------------------------------------------------


def _condition_faults(
    condition: str, known: Collection[str], questions: dict[str, model.QuestionNode], variables: Mapping[str, Variable]
) -> Iterator[str]:
    try:
        named = conditions.names(condition)
    except conditions.ConditionFault as invalid:
        yield f"“{condition}”: {invalid}"
        return
    for variable in sorted(named - set(known)):
        yield unknown(variable, known)
    for variable in sorted(conditions.bare_names(condition)):
        match questions.get(variable):
            case model.AskNode(answer=model.YesNo() | model.Choice() as answer):
                first = next(iter(answers.values(answer)))
                yield f"“{variable}” alone is true for every answer; compare it, as in {variable} == '{first}'"
    for comparison in conditions.comparisons(condition):
        if comparison.value is not None and (reason := _mismatch(comparison, questions, variables)):
            yield reason


def _mismatch(
    comparison: conditions.Comparison, questions: dict[str, model.QuestionNode], variables: Mapping[str, Variable]
) -> str | None:
    """Return why a comparison can never be true or cannot be evaluated; None if it is valid."""
    name, value = comparison.name, comparison.value
    match questions.get(name):
        case model.AskNode(answer=model.YesNo() | model.Choice() as answer):
            known = answers.values(answer)
            if comparison.ordered:
                return f"“{name}” is a word and cannot be compared with <, <=, > or >="
            return None if value in known else f"“{name}” is never {value!r}; it is one of {', '.join(known)}"
        case model.AskNode(answer=model.Score(low=low, high=high)):
            fits = type(value) is int and (comparison.ordered or low <= value <= high)
            return None if fits else f"“{name}” is never {value!r}; it is a number from {low} to {high}"
    variable = variables.get(name)
    return never_holds(comparison, variable) if variable else None


# --- prompts ----------------------------------------------------------------------------------------------------


def _prompts(node: model.FlowNode) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield the prompts of a node: key, name, and the variables that the node itself provides."""
    nothing: frozenset[str] = frozenset()
    for key in ("prompt", "keys_prompt", "out_of_range", "outside_hours"):
        if prompt := getattr(node, key, None):
            yield key, prompt, nothing
    for key in ("no_input", "no_match"):
        yield from ((f"{key}.{n}", prompt, nothing) for n, prompt in enumerate(getattr(node, key, ()), 1))
    match node:
        case model.BookNode(confirm=confirm):
            yield "confirm", confirm, frozenset({"when"})
        case model.AskNode(answer=model.YesNo() | model.Choice() as answer):
            for key, value in answers.values(answer).items():
                yield f"answer.{key}.confirm", value.confirm, nothing
        case model.AskNode(answer=model.Score() as score):
            yield "answer.confirm", score.confirm, frozenset({"value"})
            yield "answer.out_of_range", score.out_of_range, nothing
            yield "answer.not_whole", score.not_whole, nothing
        case model.AskNode(answer=model.Digits(confirm=confirm, offer=offer)):
            yield "answer.confirm", confirm, frozenset({"value"})
            if offer:
                yield "answer.offer.prompt", offer.prompt, frozenset({"value"})
        case model.RecordNode(read_back=model.ReadBack(prompt=prompt, unplayed=unplayed)):
            yield "read_back.prompt", prompt, frozenset({"said"})
            yield "read_back.unplayed", unplayed, nothing


def _check_prompt(
    callflows: model.Callflows,
    path: str,
    prompt: str,
    prompts: Prompts,
    known: Collection[str],
    extra: Collection[str],
    fault: _Report,
) -> None:
    """Report a prompt that cannot be played; `extra` names the variables that its node provides."""
    for language in callflows.languages:
        if reason := prompts.absent(prompt, language):
            fault(path, reason)
    variables = declared(callflows)
    for name, spoken_as in sorted(prompts.variables(prompt).items()):
        if name in extra:
            continue
        if name not in known:
            near = suggestion(name, known)
            fault(path, f"prompt “{prompt}” uses “{name}”, which no variable or question provides{near}")
        elif name in variables and (reason := unspeakable(name, variables[name], spoken_as)):
            fault(path, f"prompt “{prompt}” speaks {reason}")
