"""What is certain in a call, and what is not."""

from __future__ import annotations

from ivr.flow.parse import FlowSet
from ivr.speech.confirmed import confirmed_answers
from tests.speech.conftest import Line, Recorded


async def certain(flow_set: FlowSet, call: Recorded) -> list[str]:
    record = await call.records.call(call.call.id)
    return [one.text for one in confirmed_answers(flow_set, record)]


async def test_an_answer_read_back_and_agreed_to_is_certain(line: Line, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("解决了", 0.6))
    await call.hears(("对", 0.9))
    assert await certain(flow_set, call) == ["解决了"]


async def test_so_is_one_agreed_to_by_key(line: Line, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.6))
    await call.presses("1")
    assert await certain(flow_set, call) == ["没解决"]


async def test_an_answer_taken_at_once_is_not(line: Line, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("解决了", 0.99))
    await call.hears(("满意", 0.99))
    assert await certain(flow_set, call) == []


async def test_an_unclear_answer_is_certain_when_the_same_is_keyed(line: Line, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.3), ("解决了", 0.28))
    await call.presses("1")
    assert await certain(flow_set, call) == ["解决了"]


async def test_one_denied_is_not_and_the_other_reading_is_when_it_is_keyed(line: Line, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.6), ("解决了", 0.2))
    await call.hears(("不对", 0.9))
    await call.presses("1")
    assert await certain(flow_set, call) == ["解决了"]


async def test_one_keyed_otherwise_is_not(line: Line, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.3))
    await call.presses("1")
    await call.hears(("满意", 0.6))
    await call.hears(("不满意", 0.95))
    assert await certain(flow_set, call) == []


async def test_each_question_has_its_own(line: Line, flow_set: FlowSet) -> None:
    """没有 is no to “solved” and to “charged”."""
    call = await line.call()
    await call.hears(("没有", 0.6))
    await call.hears(("对", 0.9))
    await call.hears(("满意", 0.95))
    await call.hears(("没有", 0.3))
    await call.presses("2")
    await call.hears(("八分", 0.6))
    await call.hears(("对", 0.9))
    assert await certain(flow_set, call) == ["没有", "没有", "八分"]


async def test_a_record_that_does_not_fit_the_flow_says_nothing(line: Line, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("解决了", 0.6))
    await call.hears(("对", 0.9))
    reached = await call.records.call(call.call.id)
    other = flow_set.flows.model_copy(update={"flows": {**flow_set.flows.flows, "survey": _shorter(flow_set)}})
    assert list(confirmed_answers(FlowSet(flow_set.version, flow_set.source, other), reached)) == []


def _shorter(flow_set: FlowSet) -> object:
    survey = flow_set.flows.flows["survey"]
    return survey.model_copy(update={"start": "closing"})
