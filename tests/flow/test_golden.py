"""Golden conversations: each in tests/flows/*.yaml is played from start to end. docs/flows.md describes the format."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from ivr.actions import BookCallback, OpenComplaint, SaveAnswer, Transfer
from ivr.complaints.rulebook import load as load_rules
from ivr.complaints.rules.intake import handled_by
from ivr.events import Value
from ivr.flow.parse import FlowSet
from ivr.flow.simulate import SimulatedCall
from ivr.resource_files import ROOT

FOLDER = Path(__file__).parents[1] / "flows"
RULES = load_rules(ROOT / "lines.yaml", ROOT / "calendar.yaml")


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    caller: str
    heard: list[str]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: Value
    by: Literal["voice", "key"] | None = None
    attempts: int | None = None
    confirmed: bool | None = None


class Golden(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    flow: str = "survey"
    language: str = "zh-CN"
    keys_only: bool = False
    variables: dict[str, Value] = {}
    opening: list[str] | None = None
    given: list[str] = []
    talk: list[Line]
    answers: dict[str, Answer | Value]
    disposition: str
    cases: list[str] = []
    details: dict[str, Value] = {}
    bookings: list[str] = []
    rung: list[str] | None = None
    whispered: list[str] | None = None


def load(file: Path) -> list[Golden]:
    return [Golden.model_validate(one) for one in YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))]


GOLDEN = [
    pytest.param(one, id=f"{file.stem}: {one.name}") for file in sorted(FOLDER.glob("*.yaml")) for one in load(file)
]


def difference(golden: Golden, flow_set: FlowSet, now: datetime) -> str:
    """Diff between the expected and the actual conversation; empty if they agree."""
    speech = not golden.keys_only
    talk = SimulatedCall(flow_set, golden.flow, golden.language, now, golden.variables, speech=speech, route=_route)
    had = [] if golden.opening is None else [_heard(talk)]
    handed = []
    for typed in golden.given:
        talk.type(typed)
        handed += _handed(talk)
    for line in golden.talk:
        had.append(f"caller: {line.caller}")
        try:
            talk.type(line.caller)
        except ValueError as impossible:
            had.append(f"  impossible: {impossible}")
            break
        had.append(_heard(talk))
        handed += _handed(talk)
    expected = [] if golden.opening is None else [_prompts(golden.opening)]
    for line in golden.talk:
        expected += [f"caller: {line.caller}", _prompts(line.heard)]
    if golden.rung is not None:
        expected += [f"rung: {name}" for name in golden.rung]
        had += [f"rung: {action.line or action.target}" for action in handed]
    if golden.whispered is not None:
        expected += [f"whispered: {words}" for words in golden.whispered]
        had += [f"whispered: {action.whisper}" for action in handed]
    expected += _expected_outcome(golden)
    had += _outcome(talk, golden)
    return "\n".join(unified_diff(expected, had, "expected", "had", lineterm="", n=100))


def _route(case: OpenComplaint, at: datetime) -> tuple[str, str]:
    return handled_by(RULES, case.kind, case.details, at)


def _handed(talk: SimulatedCall) -> list[Transfer]:
    return [action for action in talk.actions if isinstance(action, Transfer)]


def _heard(talk: SimulatedCall) -> str:
    return _prompts([prompt.name for prompt in talk.prompts])


def _prompts(names: list[str]) -> str:
    return f"  heard: {', '.join(names)}"


def _expected_outcome(golden: Golden) -> list[str]:
    answers = {question: _detail(given, given) for question, given in golden.answers.items()}
    return _lines(answers, golden.disposition, golden.cases, golden.bookings, golden.details, over=True)


def _outcome(talk: SimulatedCall, golden: Golden) -> list[str]:
    kept = {fact.question: fact for fact in talk.facts if isinstance(fact, SaveAnswer)}
    answers = {question: _detail(fact, golden.answers.get(question)) for question, fact in kept.items()}
    opened = [fact for fact in talk.facts if isinstance(fact, OpenComplaint)]
    cases = [fact.kind for fact in opened]
    said = {name: opened[-1].details.get(name) for name in golden.details} if opened else {}
    bookings = [fact.at for fact in talk.facts if isinstance(fact, BookCallback)]
    return _lines(answers, str(talk.state.disposition), cases, bookings, said, over=talk.over)


def _detail(answer: SaveAnswer | Answer | Value, asked: Answer | Value) -> str:
    """The answer, with those details that `asked` sets."""
    shown = asked.model_fields_set if isinstance(asked, Answer) else ()
    names = [name for name in ("by", "attempts", "confirmed") if name in shown]
    value = answer.value if isinstance(answer, SaveAnswer | Answer) else answer
    return " ".join([repr(value), *(f"{name}={getattr(answer, name)}" for name in names)])


def _lines(
    answers: dict[str, str],
    disposition: str,
    cases: list[str],
    bookings: list[str],
    details: dict[str, Value],
    *,
    over: bool,
) -> list[str]:
    return [
        *(f"answer: {question}: {answer}" for question, answer in answers.items()),
        f"disposition: {disposition}",
        *(f"case: {kind}" for kind in cases),
        *(f"detail: {name}: {value!r}" for name, value in details.items()),
        *(f"booking: {at}" for at in bookings),
        "the call is over" if over else "the call goes on",
    ]


@pytest.mark.parametrize("golden", GOLDEN)
def test_conversation(golden: Golden, flow_set: FlowSet, now: datetime) -> None:
    if diff := difference(golden, flow_set, now):
        pytest.fail(diff, pytrace=False)


def test_the_example_in_the_guide(flow_set: FlowSet, now: datetime) -> None:
    guide = (FOLDER.parents[1] / "docs" / "flows.md").read_text(encoding="utf-8")
    [text] = re.findall(r"```yaml golden\n(.*?)```", guide, re.DOTALL)
    [example] = YAML(typ="safe", pure=True).load(text)
    assert difference(Golden.model_validate(example), flow_set, now) == ""


def test_no_two_conversations_have_the_same_name() -> None:
    names = Counter((file.stem, one.name) for file in FOLDER.glob("*.yaml") for one in load(file))
    assert len(names) >= 40
    assert [name for name, count in names.items() if count > 1] == []


def test_a_deviating_conversation_shows_where_it_deviates(flow_set: FlowSet, now: datetime) -> None:
    golden = Golden(
        name="wrong on purpose",
        opening=["survey.notice", "survey.opening"],
        talk=[Line(caller="方便", heard=["survey.score"]), Line(caller="<hangup>", heard=[])],
        answers={"convenient": Answer(value="no", by="voice")},
        disposition="completed",
    )
    changed = [line for line in difference(golden, flow_set, now).splitlines()[3:] if line[0] in "+-"]
    assert changed == [
        "-  heard: survey.score",
        "+  heard: survey.resolved",
        "-answer: convenient: 'no' by=voice",
        "-disposition: completed",
        "+answer: convenient: 'yes' by=voice",
        "+disposition: breakoff",
    ]
