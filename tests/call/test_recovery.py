"""Calls that nobody leads any more are closed from the records, with Redis filling in what these never got."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
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
from ivr.flow.state import FlowTurn
from ivr.lifecycle import Disposition
from ivr.live.calls import LiveCalls
from ivr.live.embedded import EmbeddedRedis
from ivr.prompts.library import PromptLibrary
from ivr.records.call_records import CallRecords
from ivr.records.journal import entries
from ivr.records.journal.entries import JournalEntry
from ivr.records.journal.records_journal import RecordsJournal
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
        journal = RecordsJournal(records, tmp_path / "journal")
        stack.push_async_callback(journal.close)
        yield ServiceNode(
            name="this node",
            recognizer=ScriptedRecognizer(),
            activity=VoiceActivity,
            prompts=PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(zone)),
            records=records,
            journal=journal,
            live=live,
            recordings=tmp_path / "recordings",
            timezone=zone,
            timing=Timing(),
        )


@pytest.fixture
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


class Lost:
    """A call as another node was leading it when that node died."""

    def __init__(self, node: ServiceNode, flow_set: FlowSet) -> None:
        self.node, self.flow_set = node, flow_set
        self.pending: list[JournalEntry] = []
        """What the records have not taken."""
        self.state = engine.begin(flow_set.flows, flow_set.version, CALL.flow, CALL.language, speech=True)
        self.at = NOW

    async def begin(self, *, records: bool = True) -> None:
        await self.write(entries.FlowSourceEntry(self.flow_set.version, self.flow_set.source), records)
        await self.write(entries.OpeningEntry(CALL, self.flow_set.version, NOW), records)
        await self.write(entries.PickUpEntry(CALL.id, NOW), records)
        await self.meets(CallAnswered(), records=records)
        await self.meets(PromptsFinished(self.wait), records=records)

    async def write(self, entry: JournalEntry, records: bool = True) -> None:
        if records:
            await entry.write(self.node.records)
        else:
            self.pending.append(entry)

    @property
    def wait(self) -> str:
        assert self.state.wait
        return self.state.wait.id

    async def answers(self, keys: Sequence[str], *, records: bool = True) -> None:
        for key in keys:
            await self.meets(DigitsPressed(self.wait, key), records=records)

    async def meets(self, event: Event, *, records: bool = True, live: bool = True) -> None:
        self.at += timedelta(seconds=5)
        await self.keep(event, engine.step(self.flow_set.flows, self.state, event, self.at), records=records, live=live)

    async def keep(self, event: Event, turn: FlowTurn, *, records: bool = True, live: bool = True) -> None:
        self.state = turn.state
        facts = tuple(action for action in turn.actions if isinstance(action, Fact))
        await self.write(entries.TurnEntry(CALL.id, turn.state.turn, event, facts, (), self.at), records)
        if live:
            await self.node.live.save(CALL.id, turn.state.turn, entries.dump_all(self.pending), "the other node")


@pytest.fixture
async def lost(node: ServiceNode, flow_set: FlowSet) -> Lost:
    call = Lost(node, flow_set)
    await call.begin()
    return call


async def test_a_lost_call_is_closed_with_its_answers_and_the_flows_last_words(node: ServiceNode, lost: Lost) -> None:
    await lost.answers(KEYS)
    assert await sweep(node, ()) == 1
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.PARTIAL, "failed", "us")
    assert [case.kind for case in record.cases] == ["bad_review"]
    assert await node.live.load(CALL.id) is None
    assert await sweep(node, ()) == 0


async def test_a_lost_call_on_which_misconduct_was_reported_has_its_last_words_too(
    node: ServiceNode, lost: Lost
) -> None:
    desk = CaseService(node.records.database, load(ROOT / "lines.yaml", ROOT / "calendar.yaml"))
    await desk.open(OpenComplaint("fraud", "举报"), "王", NOW, CALL.id)
    await lost.answers(KEYS)
    assert (await node.records.call(CALL.id)).call.withheld
    assert await sweep(node, ()) == 1
    record = await node.records.call(CALL.id, "management")
    assert [case.kind for case in record.cases] == ["fraud", "bad_review"]
    assert record.call.disposition == Disposition.PARTIAL


async def test_the_records_alone_are_enough(node: ServiceNode, lost: Lost) -> None:
    await lost.answers(KEYS)
    await node.live.drop(CALL.id)
    assert await sweep(node, ()) == 1
    record = await node.records.call(CALL.id)
    assert record.call.disposition is Disposition.PARTIAL and len(record.cases) == 1


async def test_an_answer_that_the_records_never_got_is_taken_from_redis(node: ServiceNode, lost: Lost) -> None:
    await lost.answers(KEYS[:2])
    await lost.meets(DigitsPressed(lost.wait, KEYS[2]), records=False)
    await sweep(node, ())
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert record.call.disposition is Disposition.PARTIAL


async def test_all_turns_that_the_records_never_got_are_taken_from_redis(node: ServiceNode, lost: Lost) -> None:
    await lost.answers(KEYS, records=False)
    await sweep(node, ())
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert record.call.disposition is Disposition.PARTIAL and len(record.cases) == 1
    assert await node.live.load(CALL.id) is None


async def test_a_call_that_the_records_never_got_is_taken_from_redis(node: ServiceNode, flow_set: FlowSet) -> None:
    lost = Lost(node, flow_set)
    await lost.begin(records=False)
    await lost.answers(KEYS, records=False)
    assert await sweep(node, ()) == 1
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert (record.call.caller, record.call.answered_at) == (CALL.caller, NOW)


async def test_a_call_that_its_node_had_closed_keeps_its_own_end(node: ServiceNode, lost: Lost) -> None:
    await lost.answers(KEYS, records=False)
    await lost.write(entries.ClosingEntry(CALL.id, Disposition.BREAKOFF, "normal", "caller", lost.at), records=False)
    await node.live.save(CALL.id, 99, entries.dump_all(lost.pending), "the other node")
    assert await sweep(node, ()) == 0
    record = await node.records.call(CALL.id)
    assert len(record.values) == 3 and (record.call.disposition, record.call.ended_by) == ("breakoff", "caller")


async def test_a_damaged_live_state_does_not_keep_a_call_open(node: ServiceNode, lost: Lost) -> None:
    await lost.answers(KEYS)
    await node.live.save(CALL.id, 99, b'{"state": {}}', "another version")
    assert await sweep(node, ()) == 1
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.PARTIAL
    assert node.live.damaged.count == 1


async def test_an_entry_that_the_records_refuse_does_not_keep_a_call_open(node: ServiceNode, lost: Lost) -> None:
    refused = entries.RecordingEntry("no such call", "/a.wav", "wav", 1.0, 0, "")
    await lost.write(refused, records=False)
    await lost.answers(KEYS, records=False)
    assert await sweep(node, ()) == 1
    assert len((await node.records.call(CALL.id)).values) == 3
    assert node.journal.kept_locally == 1


async def test_a_call_that_cannot_be_closed_does_not_keep_others_open(
    node: ServiceNode, lost: Lost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await node.records.open_call(replace(CALL, id="a-call"), "no such version", NOW)
    close_call = node.records.close_call

    async def refusing(call_id: str, *closing: Any) -> None:
        if call_id == "a-call":
            raise KeyError("a fault")
        await close_call(call_id, *closing)

    monkeypatch.setattr(node.records, "close_call", refusing)
    assert await sweep(node, ()) == 1
    assert (await node.records.call(CALL.id)).call.ended_at is not None
    assert "call a-call: the orphaned call could not be closed" in caplog.text


async def test_a_turn_that_redis_never_got_counts(node: ServiceNode, lost: Lost) -> None:
    await lost.answers(KEYS[:2])
    await lost.meets(DigitsPressed(lost.wait, KEYS[2]), live=False)
    await sweep(node, ())
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.PARTIAL


async def test_a_call_lost_during_our_apology_is_closed_like_any_other(
    node: ServiceNode, lost: Lost, flow_set: FlowSet
) -> None:
    await lost.answers(KEYS)
    await lost.keep(CallEnded("us", "failed"), engine.fail(flow_set.flows, lost.state, lost.at), live=False)
    await sweep(node, ())
    record = await node.records.call(CALL.id)
    assert record.call.disposition is Disposition.PARTIAL
    assert len(record.cases) == 1


async def test_a_call_that_another_node_leads_is_left_alone(node: ServiceNode, lost: Lost) -> None:
    assert await node.live.claim(CALL.id, "the other node", LEASE_MS)
    assert await sweep(node, ()) == 0
    assert (await node.records.call(CALL.id)).call.ended_at is None


async def test_a_call_that_this_node_leads_is_left_alone(node: ServiceNode, lost: Lost) -> None:
    assert await sweep(node, {CALL.id}) == 0
    assert (await node.records.call(CALL.id)).call.ended_at is None


async def test_of_a_call_that_is_closed_only_the_live_state_is_dropped(node: ServiceNode, lost: Lost) -> None:
    await node.records.close_call(CALL.id, Disposition.REFUSED, "normal", "caller", NOW)
    assert await sweep(node, ()) == 0
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.REFUSED
    assert await node.live.load(CALL.id) is None


async def test_a_call_in_a_version_of_the_flows_that_is_gone_is_closed_as_failed(node: ServiceNode) -> None:
    await node.records.open_call(replace(CALL, id="call-2"), "no such version", NOW)
    assert await sweep(node, ()) == 1
    assert (await node.records.call("call-2")).call.disposition is Disposition.FAILED


async def test_the_audio_that_the_lost_node_left_is_listed(node: ServiceNode, lost: Lost) -> None:
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
