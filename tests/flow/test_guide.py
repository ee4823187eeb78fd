"""The examples in docs/flows.md are correct."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from ivr.flow import model
from ivr.flow.check import check
from ivr.flow.kinds import KIND_NAMES, Variable
from ivr.flow.parse import parse
from ivr.flow_store import THRESHOLDS
from ivr.prompts.catalog import load
from recognizer.grammar import confusable, unpronounceable

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
NODES = TypeAdapter(dict[str, model.FlowNode])


def examples(kind: str) -> list[str]:
    return re.findall(rf"```yaml {kind}\n(.*?)```", GUIDE, re.DOTALL)


def data(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


class Hearing:
    languages = frozenset({"zh-CN", "en-US"})

    def unheard(self, language: str, phrases: list[str]) -> dict[str, str]:
        return unpronounceable(language, phrases)

    def confusable(self, language: str, phrases: list[str]) -> tuple[tuple[str, str], ...]:
        return confusable(language, phrases)


def test_the_complete_file_is_well_formed() -> None:
    [source] = examples("file")
    flow_set = parse(source, "docs/flows.md").flows
    assert check(flow_set, "docs/flows.md", load(ROOT / "prompts"), Hearing(), THRESHOLDS) == []


def test_every_type_of_variable_is_shown() -> None:
    [text] = examples("variables")
    variables = TypeAdapter(dict[str, Variable]).validate_python(data(text))
    assert {variable.type for variable in variables.values()} == set(KIND_NAMES)
    for variable in variables.values():
        variable.read(variable.default)


@pytest.mark.parametrize("text", examples("nodes"))
def test_every_node_is_well_formed(text: str) -> None:
    nodes = NODES.validate_python(data(text))
    for node in nodes.values():
        assert set(getattr(node, "timing", {})) <= THRESHOLDS


def test_every_node_type_has_an_example() -> None:
    shown = {node.type for text in examples("nodes") for node in NODES.validate_python(data(text)).values()}
    assert shown == {
        "ask",
        "book",
        "record",
        "say",
        "notice",
        "branch",
        "set",
        "complaint",
        "lookup",
        "transfer",
        "subflow",
        "hangup",
    }
    answers = {
        node.answer.type
        for text in examples("nodes")
        for node in NODES.validate_python(data(text)).values()
        if isinstance(node, model.AskNode)
    }
    assert answers == {"yes_no", "choice", "score", "digits", "phone"}


def test_the_flow_with_last_words_is_well_formed() -> None:
    [text] = examples("flow")
    assert model.Flow.model_validate(data(text)).lastly == "review"


def test_every_field_of_a_question_is_explained() -> None:
    for field in {*model.AskNode.model_fields, *model.BookNode.model_fields, *model.RecordNode.model_fields} - {
        "type",
        "next",
    }:
        assert re.search(rf"\b{field}\b", GUIDE), field
