"""Answers that a call confirms, and answers that it does not."""

from __future__ import annotations

from ivr.flow.parse import FlowSet
from ivr.speech.confirmed import confirmed_answers
from tests.speech.conftest import CallSource, RecordedCall


async def confirmed_texts(flow_set: FlowSet, call: RecordedCall) -> list[str]:
    record = await call.records.call(call.call.id)
    return [one.text for one in confirmed_answers(flow_set, record)]


async def test_an_answer_confirmed_at_its_read_back_counts(line: CallSource, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("解决了", 0.6))
    await call.hears(("对", 0.9))
    assert await confirmed_texts(flow_set, call) == ["解决了"]


async def test_an_answer_confirmed_by_key_counts(line: CallSource, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.6))
    await call.presses("1")
    assert await confirmed_texts(flow_set, call) == ["没解决"]


async def test_an_answer_accepted_without_read_back_does_not_count(line: CallSource, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("解决了", 0.99))
    await call.hears(("满意", 0.99))
    assert await confirmed_texts(flow_set, call) == []


async def test_an_unclear_answer_counts_when_the_key_agrees(line: CallSource, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.3), ("解决了", 0.28))
    await call.presses("1")
    assert await confirmed_texts(flow_set, call) == ["解决了"]


async def test_a_denied_hypothesis_does_not_count_and_another_counts_when_its_key_is_pressed(
    line: CallSource, flow_set: FlowSet
) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.6), ("解决了", 0.2))
    await call.hears(("不对", 0.9))
    await call.presses("1")
    assert await confirmed_texts(flow_set, call) == ["解决了"]


async def test_an_answer_contradicted_by_key_does_not_count(line: CallSource, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("没解决", 0.3))
    await call.presses("1")
    await call.hears(("满意", 0.6))
    await call.hears(("不满意", 0.95))
    assert await confirmed_texts(flow_set, call) == []


async def test_answers_are_confirmed_per_question(line: CallSource, flow_set: FlowSet) -> None:
    """没有 answers both “solved” and “charged” with no."""
    call = await line.call()
    await call.hears(("没有", 0.6))
    await call.hears(("对", 0.9))
    await call.hears(("满意", 0.95))
    await call.hears(("没有", 0.3))
    await call.presses("2")
    await call.hears(("八分", 0.6))
    await call.hears(("对", 0.9))
    assert await confirmed_texts(flow_set, call) == ["没有", "没有", "八分"]


async def test_a_record_that_does_not_fit_the_flow_confirms_nothing(line: CallSource, flow_set: FlowSet) -> None:
    call = await line.call()
    await call.hears(("解决了", 0.6))
    await call.hears(("对", 0.9))
    record_so_far = await call.records.call(call.call.id)
    other = flow_set.flows.model_copy(update={"flows": {**flow_set.flows.flows, "survey": _shorter(flow_set)}})
    assert list(confirmed_answers(FlowSet(flow_set.version, flow_set.source, other), record_so_far)) == []


def _shorter(flow_set: FlowSet) -> object:
    survey = flow_set.flows.flows["survey"]
    return survey.model_copy(update={"start": "closing"})
