"""An English caller in the shipped flows: learning, recognition and understanding, with a model of chords."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.events import Heard, Value
from ivr.flow import answers, model
from ivr.flow.outcome import Command, Understood
from ivr.flow_store import FlowStore
from ivr.prompts.catalog import load
from recognizer.base import Grammar
from recognizer.english import PHONES, pronunciations
from recognizer.vosk import SHIPPED, VoskRecognizer
from tests.recognizer.chords import say, write_model

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoskRecognizer]:
    folder = tmp_path_factory.mktemp("english")
    models = {"zh-CN": SHIPPED["zh-CN"], "en-US": write_model(folder / "chords", PHONES)}
    recognizer = VoskRecognizer(folder / "graphs", models)
    yield recognizer
    recognizer.close()


@pytest.fixture(scope="module")
def flow_store(recognizer: VoskRecognizer) -> FlowStore:
    return FlowStore(ROOT / "callflows.yaml", load(ROOT / "prompts"), recognizer)


async def understood(flow_store: FlowStore, recognizer: VoskRecognizer, question: str, *phrases: str) -> object:
    """The outcome of the question for phrases spoken one by one."""
    callflows = flow_store.current.flows
    node = callflows.flows["survey"].nodes[question]
    assert isinstance(node, model.AskNode | model.BookNode)
    speech = answers.speech(node, callflows.universals, "en-US")
    listener = recognizer.listen(Grammar(speech.language, speech.kind, speech.phrases))
    for phrase in phrases:
        listener.feed(say(PHONES, pronunciations(phrase)[0]))
    heard = tuple(Heard(one.text, one.confidence) for one in await listener.hypotheses())
    listener.close()
    return answers.understand(node, callflows.universals, "en-US", heard, NOW)


@pytest.mark.parametrize(
    ("question", "phrases", "value"),
    [
        ("convenient", ["go ahead"], "yes"),
        ("resolved", ["well", "it is fixed"], "yes"),
        ("resolved", ["not yet"], "no"),
        ("attitude", ["i think", "very satisfied"], "satisfied"),
        ("attitude", ["so so"], "neutral"),
        ("charged", ["it was free", "thank you"], "no"),
        ("score", ["eight"], 8),
        ("score", ["i would say", "ten out of ten", "please"], 10),
        ("book", ["tomorrow", "at", "three", "o'clock"], "2026-11-25T15:00+00:00"),
    ],
)
async def test_an_answer_is_understood(
    flow_store: FlowStore, recognizer: VoskRecognizer, question: str, phrases: list[str], value: Value
) -> None:
    outcome = await understood(flow_store, recognizer, question, *phrases)
    assert isinstance(outcome, Understood)
    assert outcome.value == value


async def test_a_command_is_understood(flow_store: FlowStore, recognizer: VoskRecognizer) -> None:
    assert await understood(flow_store, recognizer, "score", "say that again") == Command("repeat")
