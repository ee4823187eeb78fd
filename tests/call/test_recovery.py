"""Calls of dead nodes are closed from the records; Redis supplies turns that the records lack."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.actions import Fact, OpenComplaint
from ivr.call.node import ServiceNode
from ivr.call.recovery import LEASE_MS, sweep
from ivr.complaints.case_service import CaseService
from ivr.complaints.rulebook import load
from ivr.events import CallAnswered, CallEnded, DigitsPressed, Event, PromptsFinished
from ivr.flow import engine
from ivr.flow.parse import FlowSet, parse
from ivr.flow.state import FlowTurn, dump
from ivr.lifecycle import Disposition
from ivr.live.calls import LiveCalls
from ivr.live.embedded import EmbeddedRedis
from ivr.prompts.library import PromptLibrary
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from ivr.telephony.port import Call
from ivr.turntaking.timing import Timing
from recognizer.endpoint import VoiceActivity
from recognizer.scripted import ScriptedRecognizer

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
CALL = Call("call-1", "asterisk", "outbound", "4001", "13812345678", "survey", "zh-CN")
KEYS = ("1", "2", "1")
"""Convenient, not resolved, satisfied."""


@pytest.fixture
async def node(url: str, tmp_path: Path) -> AsyncIterator[ServiceNode]:
    zone = ZoneInfo("Asia/Shanghai")
    async with AsyncExitStack() as stack:
        redis = await EmbeddedRedis.start(tmp_path / "redis")
        stack.push_async_callback(redis.close)
        live = await LiveCalls.open(redis.url)
        stack.push_async_callback(live.close)
        records = await CallRecords.open(url, "this node")
        stack.push_async_callback(records.close)
        yield ServiceNode(
            name="this node",
            recognizer=ScriptedRecognizer(),
            activity=VoiceActivity,
            prompts=PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(zone)),
            records=records,
            live=live,
            recordings=tmp_path / "recordings",
            timezone=zone,
            timing=Timing(),
        )


@pytest.fixture
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


class OrphanedCall:
    """A call in the state in which its node died."""

    def __init__(self, node: ServiceNode, flow_set: FlowSet) -> None:
        self.node, self.flow_set = node, flow_set
        self.state = engine.begin(flow_set.flows, flow_set.version, CALL.flow, CALL.language, speech=True)
        self.at = NOW

    async def begin(self) -> None:
        records = self.node.records
        await records.save_flow_source(self.flow_set.version, self.flow_set.source)
        await records.open_call(CALL, self.flow_set.version, NOW)
        await records.answer_call(CALL.id, NOW)
        await self.handle(CallAnswered())
        await self.handle(PromptsFinished(self.wait))

    @property
    def wait(self) -> str:
        assert self.state.wait
        return self.state.wait.id

    async def answers(self, keys: Sequence[str]) -> None:
        for key in keys:
            await self.handle(DigitsPressed(self.wait, key))

    async def handle(self, event: Event, *, records: bool = True, live: bool = True) -> None:
        self.at += timedelta(seconds=5)
        await self.save_turn(
            event, engine.step(self.flow_set.flows, self.state, event, self.at), records=records, live=live
        )

    async def save_turn(self, event: Event, turn: FlowTurn, *, records: bool = True, live: bool = True) -> None:
        self.state = turn.state
        facts = [action for action in turn.actions if isinstance(action, Fact)]
        if records:
            await self.node.records.save_turn(CALL.id, turn.state.turn, event, facts, (), self.at)
        if live:
            await self.node.live.save(CALL.id, turn.state.turn, dump(turn), "the other node")


@pytest.fixture
async def orphan(node: ServiceNode, flow_set: FlowSet) -> OrphanedCall:
    call = OrphanedCall(node, flow_set)
    await call.begin()
    return call


async def test_a_lost_call_is_closed_with_its_answers_and_the_flows_last_words(
    node: ServiceNode, orphan: OrphanedCall
) -> None:
    await orphan.answers(KEYS)
    assert await sweep(node, ()) == 1
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.PARTIAL, "failed", "us")
    assert [case.kind for case in record.cases] == ["bad_review"]
    assert await node.live.load(CALL.id) is None
    assert await sweep(node, ()) == 0


async def test_a_lost_call_on_which_misconduct_was_reported_has_its_last_words_too(
    node: ServiceNode, orphan: OrphanedCall
) -> None:
    case_service = CaseService(node.records.database, load(ROOT / "lines.yaml", ROOT / "calendar.yaml"))
    await case_service.open(OpenComplaint("fraud", "举报"), "王", NOW, CALL.id)
    await orphan.answers(KEYS)
    assert (await node.records.call(CALL.id)).call.withheld
    assert await sweep(node, ()) == 1
    record = await node.records.call(CALL.id, "management")
    assert [case.kind for case in record.cases] == ["fraud", "bad_review"]
    assert record.call.disposition == Disposition.PARTIAL


async def test_the_records_alone_suffice(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS)
    await node.live.drop(CALL.id)
    assert await sweep(node, ()) == 1
    record = await node.records.call(CALL.id)
    assert record.call.disposition is Disposition.PARTIAL and len(record.cases) == 1


async def test_an_answer_missing_from_the_records_is_taken_from_redis(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS[:2])
    await orphan.handle(DigitsPressed(orphan.wait, KEYS[2]), records=False)
    await sweep(node, ())
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert record.call.disposition is Disposition.PARTIAL


async def test_a_turn_missing_from_redis_counts(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS[:2])
    await orphan.handle(DigitsPressed(orphan.wait, KEYS[2]), live=False)
    await sweep(node, ())
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.PARTIAL


async def test_a_call_lost_during_the_apology_is_closed_like_any_other(
    node: ServiceNode, orphan: OrphanedCall, flow_set: FlowSet
) -> None:
    await orphan.answers(KEYS)
    await orphan.save_turn(CallEnded("us", "failed"), engine.fail(flow_set.flows, orphan.state, orphan.at), live=False)
    await sweep(node, ())
    record = await node.records.call(CALL.id)
    assert record.call.disposition is Disposition.PARTIAL
    assert len(record.cases) == 1


async def test_a_call_of_another_live_node_is_left_alone(node: ServiceNode, orphan: OrphanedCall) -> None:
    assert await node.live.claim(CALL.id, "the other node", LEASE_MS)
    assert await sweep(node, ()) == 0
    assert (await node.records.call(CALL.id)).call.ended_at is None


async def test_a_call_of_this_node_is_left_alone(node: ServiceNode, orphan: OrphanedCall) -> None:
    assert await sweep(node, {CALL.id}) == 0
    assert (await node.records.call(CALL.id)).call.ended_at is None


async def test_a_closed_call_only_loses_its_live_state(node: ServiceNode, orphan: OrphanedCall) -> None:
    await node.records.close_call(CALL.id, Disposition.REFUSED, "normal", "caller", NOW)
    assert await sweep(node, ()) == 0
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.REFUSED
    assert await node.live.load(CALL.id) is None


async def test_a_call_whose_flow_version_is_gone_is_closed_as_failed(node: ServiceNode) -> None:
    await node.records.open_call(replace(CALL, id="call-2"), "no such version", NOW)
    assert await sweep(node, ()) == 1
    assert (await node.records.call("call-2")).call.disposition is Disposition.FAILED


async def test_the_audio_left_by_the_dead_node_is_listed(node: ServiceNode, orphan: OrphanedCall) -> None:
    consent_at = (await node.records.call(CALL.id)).call.consent_at
    assert consent_at
    path = node.recording_path(CALL.id, consent_at)
    path.parent.mkdir(parents=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(4 * 8000 * 3))
    await sweep(node, ())
    (recording,) = (await node.records.call(CALL.id)).recordings
    assert (recording.path, recording.seconds) == (str(path), 3)
    assert recording.offset_ms == (consent_at - NOW) / timedelta(milliseconds=1)
