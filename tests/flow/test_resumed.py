"""Another node goes on with a call: the open question is asked again, with the misses and the read-back it had."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ivr.actions import Ask, Hangup, Notice, Say, StartRecording, Transfer
from ivr.events import (
    CallAnswered,
    CallEnded,
    CallResumed,
    DigitsPressed,
    Event,
    Heard,
    NothingHeard,
    PromptsFinished,
    SpeechHeard,
)
from ivr.flow import engine
from ivr.flow.parse import FlowSet, parse
from ivr.flow.state import FlowTurn, dump, load
from ivr.resource_files import ROOT

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


class Conversation:
    """A survey that is saved and loaded after each turn."""

    def __init__(self, flow_set: FlowSet) -> None:
        self.flows = flow_set.flows
        self.state = engine.begin(self.flows, flow_set.version, "survey", "zh-CN", speech=True)
        self.turn = self.take(CallAnswered())

    @property
    def wait(self) -> str:
        assert self.state.wait
        return self.state.wait.id

    def take(self, event: Event) -> FlowTurn:
        self.turn = load(dump(engine.step(self.flows, self.state, event, NOW)))
        self.state = self.turn.state
        return self.turn

    def presses(self, keys: str) -> None:
        for key in keys:
            self.take(DigitsPressed(self.wait, key))

    def prompts(self) -> list[str]:
        return [prompt.name for action in self.turn.actions for prompt in getattr(action, "prompts", ())]


@pytest.fixture
def talk(flow_set: FlowSet) -> Conversation:
    return Conversation(flow_set)


def test_the_open_question_is_asked_again_after_a_notice(talk: Conversation) -> None:
    talk.take(PromptsFinished(talk.wait))
    talk.presses("11")
    answered = talk.state.answered
    turn = talk.take(CallResumed())
    assert talk.prompts() == ["common.resumed", "survey.attitude"]
    assert isinstance(turn.actions[-1], Ask) and turn.actions[-1].question == "attitude"
    assert talk.state.answered == answered == ("convenient", "resolved")
    talk.presses("1")
    assert talk.state.answered[-1] == "attitude"


def test_misses_are_kept(talk: Conversation) -> None:
    talk.take(PromptsFinished(talk.wait))
    talk.take(NothingHeard(talk.wait))
    talk.take(CallResumed())
    assert talk.state.wait and talk.state.wait.silences == 1


def test_an_answer_is_read_back_again(talk: Conversation) -> None:
    talk.take(PromptsFinished(talk.wait))
    talk.presses("1112")
    talk.take(SpeechHeard(talk.wait, (Heard("九分", 0.6),)))
    assert talk.prompts()[-1] == "confirm.score"
    talk.take(CallResumed())
    assert talk.prompts() == ["common.resumed", "confirm.score"]
    assert talk.state.wait and talk.state.wait.candidate and talk.state.wait.candidate.value == 9


def test_a_notice_without_consent_so_far_is_played_again(talk: Conversation) -> None:
    turn = talk.take(CallResumed())
    assert talk.prompts() == ["common.resumed", "survey.notice"]
    assert isinstance(turn.actions[-1], Notice)
    assert StartRecording() in talk.take(PromptsFinished(talk.wait)).actions


def test_a_transfer_is_led_again(talk: Conversation) -> None:
    talk.take(PromptsFinished(talk.wait))
    talk.presses("0")
    assert isinstance(talk.turn.actions[-1], Transfer)
    before = talk.turn.actions[-1]
    turn = talk.take(CallResumed())
    assert talk.prompts()[0] == "common.resumed"
    assert isinstance(turn.actions[-1], Transfer) and turn.actions[-1].target == before.target


def test_after_a_transfer_the_next_step_follows_without_a_notice(talk: Conversation) -> None:
    talk.take(PromptsFinished(talk.wait))
    talk.presses("0")
    talk.take(CallResumed(transferred=True))
    assert "common.resumed" not in talk.prompts()
    assert not any(isinstance(action, Transfer) for action in talk.turn.actions)


def test_a_call_whose_last_words_were_said_is_hung_up(talk: Conversation) -> None:
    talk.take(PromptsFinished(talk.wait))
    talk.presses("2")
    while talk.state.wait:
        talk.take(NothingHeard(talk.wait))
    assert talk.state.disposition
    assert talk.take(CallResumed()).actions == (Hangup(0),)


def test_an_ended_call_is_not_resumed(talk: Conversation) -> None:
    talk.take(CallEnded("caller"))
    assert talk.take(CallResumed()).actions == ()


def test_a_version_without_a_notice_asks_at_once(flow_set: FlowSet) -> None:
    source = (ROOT / "callflows.yaml").read_text(encoding="utf-8").replace("  resumed: common.resumed\n", "")
    talk = Conversation(parse(source, "callflows.yaml"))
    talk.take(PromptsFinished(talk.wait))
    talk.take(CallResumed())
    assert talk.prompts() == ["survey.opening"]
    assert not any(isinstance(action, Say) for action in talk.turn.actions)
