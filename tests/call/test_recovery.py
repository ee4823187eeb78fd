"""Calls that nobody leads any more are closed from the records, with Redis filling in what these never got."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.actions import OpenComplaint
from ivr.call import flow_versions
from ivr.call.flow_versions import FlowVersions
from ivr.call.node import ServiceNode
from ivr.call.recovery import LEASE_MS, sweep
from ivr.complaints.case_service import CaseService
from ivr.complaints.rulebook import load
from ivr.complaints.rules.case import ReaderRole
from ivr.events import CallEnded, DigitsPressed
from ivr.flow import engine
from ivr.flow.parse import FlowSet, parse
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.records.journal import entries
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from tests.call.orphan import CALL, NOW, OrphanedCall, SlowRecords, a_node, a_redis

KEYS = ("1", "2", "1")
"""Convenient, not resolved, satisfied."""


@pytest.fixture
async def node(url: str, tmp_path: Path) -> AsyncIterator[ServiceNode]:
    async with a_redis(tmp_path / "redis") as redis, a_node(url, redis.url, tmp_path) as node:
        yield node


@pytest.fixture(scope="session")
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


@pytest.fixture
async def orphan(node: ServiceNode, flow_set: FlowSet) -> OrphanedCall:
    call = OrphanedCall(node, flow_set)
    await call.begin()
    return call


async def sweeps(node: ServiceNode, owned: Collection[str] = ()) -> int:
    return await sweep(node, FlowVersions(node.records.flow_source), lambda call_id: call_id in owned)


async def test_a_lost_call_is_closed_with_its_answers_and_the_flows_last_words(
    node: ServiceNode, orphan: OrphanedCall
) -> None:
    await orphan.answers(KEYS)
    assert await sweeps(node) == 1
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.PARTIAL, "failed", "us")
    assert [case.kind for case in record.cases] == ["bad_review"]
    assert await node.live.load(CALL.id) is None
    assert await sweeps(node) == 0


async def test_a_lost_call_on_which_misconduct_was_reported_has_its_last_words_too(
    node: ServiceNode, orphan: OrphanedCall
) -> None:
    case_service = CaseService(node.records.database, load(ROOT / "lines.yaml", ROOT / "calendar.yaml"))
    await case_service.open(OpenComplaint("fraud", "举报"), "王", NOW, CALL.id)
    await orphan.answers(KEYS)
    assert (await node.records.call(CALL.id)).call.withheld
    assert await sweeps(node) == 1
    record = await node.records.call(CALL.id, "management")
    assert [case.kind for case in record.cases] == ["fraud", "bad_review"]
    assert record.call.disposition == Disposition.PARTIAL


async def test_the_records_alone_suffice(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS)
    await node.live.drop(CALL.id)
    assert await sweeps(node) == 1
    record = await node.records.call(CALL.id)
    assert record.call.disposition is Disposition.PARTIAL and len(record.cases) == 1


async def test_an_answer_missing_from_the_records_is_taken_from_redis(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS[:2])
    await orphan.handle(DigitsPressed(orphan.wait, KEYS[2]), records=False)
    await sweeps(node)
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert record.call.disposition is Disposition.PARTIAL


async def test_all_turns_missing_from_the_records_are_taken_from_redis(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS, records=False)
    await sweeps(node)
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert record.call.disposition is Disposition.PARTIAL and len(record.cases) == 1
    assert await node.live.load(CALL.id) is None


async def test_a_call_missing_from_the_records_is_taken_from_redis(node: ServiceNode, flow_set: FlowSet) -> None:
    orphan = OrphanedCall(node, flow_set)
    await orphan.begin(records=False)
    await orphan.answers(KEYS, records=False)
    assert await sweeps(node) == 1
    record = await node.records.call(CALL.id)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert record.call.answered_at == NOW


async def test_a_call_that_its_node_had_closed_keeps_its_own_end(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS, records=False)
    closing = entries.ClosingEntry(CALL.id, Disposition.BREAKOFF, "normal", "caller", orphan.at)
    await orphan.write(closing, records=False)
    await orphan.save_live(99)
    assert await sweeps(node) == 0
    record = await node.records.call(CALL.id)
    assert len(record.values) == 3 and (record.call.disposition, record.call.ended_by) == ("breakoff", "caller")


async def test_a_damaged_live_state_does_not_keep_a_call_open(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS)
    await node.live.save(CALL.id, 99, b'{"state": {}}', "another version")
    assert await sweeps(node) == 1
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.PARTIAL
    assert node.live.damaged.count == 1


async def test_an_entry_that_the_records_refuse_does_not_keep_a_call_open(
    node: ServiceNode, orphan: OrphanedCall
) -> None:
    await orphan.write(entries.RecordingEntry("no such call", "/a.wav", "wav", 1.0, 0, ""), records=False)
    await orphan.answers(KEYS, records=False)
    assert await sweeps(node) == 1
    assert len((await node.records.call(CALL.id)).values) == 3
    assert node.journal.kept_locally == 1


async def test_a_turn_missing_from_redis_counts(node: ServiceNode, orphan: OrphanedCall) -> None:
    await orphan.answers(KEYS[:2])
    await orphan.handle(DigitsPressed(orphan.wait, KEYS[2]), live=False)
    await sweeps(node)
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.PARTIAL


async def test_a_call_lost_during_the_apology_is_closed_like_any_other(
    node: ServiceNode, orphan: OrphanedCall, flow_set: FlowSet
) -> None:
    await orphan.answers(KEYS)
    await orphan.save_turn(CallEnded("us", "failed"), engine.fail(flow_set.flows, orphan.state, orphan.at), live=False)
    await sweeps(node)
    record = await node.records.call(CALL.id)
    assert record.call.disposition is Disposition.PARTIAL
    assert len(record.cases) == 1


async def test_a_call_of_another_live_node_is_left_alone(node: ServiceNode, orphan: OrphanedCall) -> None:
    assert await node.live.claim(CALL.id, "the other node", LEASE_MS)
    assert await sweeps(node) == 0
    assert (await node.records.call(CALL.id)).call.ended_at is None


async def test_a_call_of_this_node_is_left_alone_with_or_without_its_lease(
    node: ServiceNode, orphan: OrphanedCall
) -> None:
    assert await sweeps(node, {CALL.id}) == 0
    await node.live.renew({CALL.id}, node.name, LEASE_MS)
    assert await sweeps(node) == 0
    assert (await node.records.call(CALL.id)).call.ended_at is None


@pytest.mark.parametrize("leased", [True, False])
async def test_a_call_answered_here_while_the_sweep_waits_for_sql_is_left_alone(
    node: ServiceNode, flow_set: FlowSet, leased: bool
) -> None:
    records, answered = SlowRecords(node.records), set[str]()
    sweeping = asyncio.create_task(sweeps(replace(node, records=records), answered))
    await records.waiting.wait()
    if leased:
        await node.live.renew({CALL.id}, node.name, LEASE_MS)
    else:
        answered.add(CALL.id)
    await OrphanedCall(node, flow_set).begin()
    records.go.set()
    assert await sweeping == 0
    assert (await node.records.call(CALL.id)).call.ended_at is None


async def test_nodes_that_sweep_at_once_close_each_call_once(node: ServiceNode, flow_set: FlowSet) -> None:
    for n in range(6):
        await OrphanedCall(node, flow_set, replace(CALL, id=f"call-{n}")).begin()
    others = [replace(node, name=f"node {n}") for n in range(3)]
    assert sum(await asyncio.gather(*map(sweeps, others))) == 6
    for n in range(6):
        record = await node.records.call(f"call-{n}")
        assert [change.disposition for change in record.dispositions] == [Disposition.BREAKOFF]


async def test_a_call_that_cannot_be_closed_holds_up_no_other(
    node: ServiceNode, flow_set: FlowSet, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(3):
        await OrphanedCall(node, flow_set, replace(CALL, id=f"call-{n}")).begin()
    records = BrokenRecords(node.records.database, "this node", None)
    assert await sweeps(replace(node, records=records)) == 2
    assert "call call-0: the orphaned call could not be closed" in caplog.text
    assert await node.records.open_calls() == ("call-0",)


class BrokenRecords(CallRecords):
    """Records of which the first call cannot be read."""

    async def call(self, call_id: str, role: ReaderRole = "staff") -> CallRecord:
        if call_id == "call-0":
            raise ValueError("damaged")
        return await super().call(call_id, role)


async def test_a_version_of_the_flows_is_parsed_once_and_off_the_event_loop(
    node: ServiceNode, flow_set: FlowSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []

    def parse_noting_the_thread(source: str, version: str) -> FlowSet:
        parsed.append(threading.get_ident())
        return parse(source, version)

    monkeypatch.setattr(flow_versions, "parse", parse_noting_the_thread)
    for n in range(4):
        await OrphanedCall(node, flow_set, replace(CALL, id=f"call-{n}")).begin()
    assert await sweeps(node) == 4
    assert len(parsed) == 1 and parsed[0] != threading.get_ident()


async def test_calls_in_a_version_that_can_no_longer_be_parsed_are_closed_as_failed(
    node: ServiceNode, caplog: pytest.LogCaptureFixture
) -> None:
    await node.records.save_flow_source("old", "flows: 1")
    for n in range(2):
        await node.records.open_call(replace(CALL, id=f"call-{n}"), "old", NOW)
    assert await sweeps(node) == 2
    assert caplog.text.count("version old of the flows can no longer be parsed") == 1
    for n in range(2):
        assert (await node.records.call(f"call-{n}")).call.disposition is Disposition.FAILED


async def test_a_closed_call_only_loses_its_live_state(node: ServiceNode, orphan: OrphanedCall) -> None:
    await node.records.close_call(CALL.id, Disposition.REFUSED, "normal", "caller", NOW)
    assert await sweeps(node) == 0
    assert (await node.records.call(CALL.id)).call.disposition is Disposition.REFUSED
    assert await node.live.load(CALL.id) is None


async def test_a_call_whose_flow_version_is_gone_is_closed_as_failed(node: ServiceNode) -> None:
    await node.records.open_call(replace(CALL, id="call-2"), "no such version", NOW)
    assert await sweeps(node) == 1
    assert (await node.records.call("call-2")).call.disposition is Disposition.FAILED
