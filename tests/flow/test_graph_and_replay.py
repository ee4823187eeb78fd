"""The flow chart, and the replay of a recorded call."""

from __future__ import annotations

from datetime import datetime

import pytest

from ivr.events import CallAnswered, CallEnded, Event, Heard, NothingHeard, PromptsFinished, SpeechHeard
from ivr.flow.engine import EngineFault
from ivr.flow.graph import mermaid
from ivr.flow.model import Flow
from ivr.flow.parse import FlowSet
from ivr.flow.replay import Replay

PAST: list[Event] = [
    CallAnswered({"fee_unpaid": True}),
    PromptsFinished("1"),
    SpeechHeard("2", (Heard("方便", 0.9),)),
    NothingHeard("3"),
    SpeechHeard("4", (Heard("解决了", 0.9),)),
    CallEnded("caller"),
]


def test_reserved_words_of_mermaid_become_names() -> None:
    nodes = {
        "end": {"type": "say", "prompt": "p.one", "next": "default"},
        "default": {"type": "subflow", "flow": "more", "next": "choose"},
        "choose": {"type": "branch", "cases": [{"when": "a < 'b'", "next": "return"}], "otherwise": "bye"},
        "bye": {"type": "hangup"},
    }
    chart = mermaid("main", Flow.model_validate({"title": {"en-US": "Trial"}, "start": "end", "nodes": nodes}))
    assert chart.splitlines() == [
        "flowchart TD",
        "    %% main: Trial",
        "    Start(main) --> End",
        '    End("end<br/><i>p.one</i>")',
        "    End --> Default",
        '    Default[["default<br/><i>more</i>"]]',
        "    Default --> choose",
        '    choose{"choose<br/><i>branch</i>"}',
        "    choose -->|\"a #lt; 'b'\"| Return",
        '    choose -->|"otherwise"| bye',
        '    bye(["bye<br/><i>hangup</i>"])',
    ]


def test_a_replayed_call_gives_the_same_answers(flow_set: FlowSet, now: datetime) -> None:
    again = Replay(flow_set, "survey", "zh-CN", speech=True)
    heard = []
    for event in PAST:
        again.apply(event, now)
        heard.append([prompt.name for prompt in again.prompts])
    assert again.answers == {"convenient": "yes", "resolved": "yes"}
    assert heard == [
        ["survey.notice"],
        ["survey.opening"],
        ["survey.resolved"],
        ["resolved.silent1"],
        ["survey.attitude"],
        [],
    ]


def test_a_call_that_does_not_fit_the_flow_is_a_fault(flow_set: FlowSet, now: datetime) -> None:
    again = Replay(flow_set, "survey", "zh-CN", speech=True)
    again.apply(PAST[0], now)
    with pytest.raises(EngineFault, match="SpeechHeard while waiting for notice"):
        again.apply(PAST[2], now)
