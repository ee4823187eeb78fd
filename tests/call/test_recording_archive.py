"""Recordings are copied from the spool to the store and indexed, also after crashes and by several nodes."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.call import recording_archive
from ivr.call.audio.stereo_recorder import StereoRecorder
from ivr.call.flow_versions import FlowVersions
from ivr.call.node import ServiceNode
from ivr.call.recording_archive import RecordingArchive
from ivr.call.recovery import sweep
from ivr.flow.parse import FlowSet, parse
from ivr.lifecycle import Disposition
from ivr.live.embedded import EmbeddedRedis
from ivr.recordings.fsspec_store import FsspecStore
from ivr.recordings.store import RecordingsUnavailable
from ivr.records.record import CallRecord, RecordingRecord
from ivr.resource_files import ROOT
from tests.call.orphan import CALL, NOW, ZONE, OrphanedCall, a_node, a_redis

BEFORE_MIDNIGHT = datetime(2026, 11, 21, 23, 59, 52, tzinfo=ZONE)
"""Answer of a call whose consent falls on the next day, ten seconds later."""


class AwayStore(FsspecStore):
    """A store that is unavailable while `away` is set."""

    away = True

    async def put(self, file: Path, key: str) -> None:
        if self.away:
            raise RecordingsUnavailable("the bucket is away")
        await super().put(file, key)


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    async with a_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def nodes(redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[tuple[ServiceNode, ServiceNode]]:
    """A node that dies and another one. Each has its own data folder; they share one bucket."""
    async with AsyncExitStack() as stack:
        dead, other = [
            await stack.enter_async_context(
                a_node(
                    f"sqlite:///{tmp_path}/records.db", redis.url, tmp_path / name, name, f"memory:/{tmp_path}/bucket"
                )
            )
            for name in ("dead", "other")
        ]
        yield dead, other


@pytest.fixture
async def node(nodes: tuple[ServiceNode, ServiceNode]) -> ServiceNode:
    return nodes[0]


@pytest.fixture(scope="session")
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


@pytest.fixture
async def orphan(node: ServiceNode, flow_set: FlowSet) -> OrphanedCall:
    """A call of the dead node, recorded from its second turn on."""
    call = OrphanedCall(node, flow_set)
    await call.begin()
    return call


def record(node: ServiceNode, call_id: str = CALL.id, seconds: float = 3) -> Path:
    """Write a recording into a node's spool, as a crash leaves it."""
    path = node.recordings.spool_path(call_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(round(seconds * 32_000)))
    return path


async def sweeps(node: ServiceNode) -> int:
    return await sweep(node, FlowVersions(node.records.flow_source), lambda call_id: False)


async def closes(node: ServiceNode, call_id: str = CALL.id) -> None:
    await node.records.close_call(call_id, Disposition.PARTIAL, "failed", "us", node.now())


async def recordings(node: ServiceNode, call_id: str = CALL.id) -> tuple[RecordingRecord, ...]:
    record: CallRecord = await node.records.call(call_id, "management")
    return record.recordings


async def test_a_recording_is_stored_by_the_local_day_of_the_consent(node: ServiceNode, tmp_path: Path) -> None:
    recorder = StereoRecorder.start(node.recordings.spool_path("call-1"), 0)
    recorder.add_caller(0, bytes(16_000))
    recording = await recorder.close(1000)
    consent_at = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
    stored = await node.recordings.store(recording, consent_at)
    assert stored and stored.url == f"memory://{tmp_path}/bucket/2026-11-22/call-1.wav"
    assert (stored.seconds, stored.sha256) == (recording.seconds, recording.sha256)


async def test_a_file_stays_in_the_spool_until_it_is_indexed(node: ServiceNode, orphan: OrphanedCall) -> None:
    path = record(node)
    assert await node.recordings.catch_up() == 0 and path.exists()
    await closes(node)
    assert await node.recordings.catch_up() == 1 and not path.exists()
    assert len(await recordings(node)) == 1


async def test_an_indexed_recording_is_only_deleted_from_the_spool(node: ServiceNode, orphan: OrphanedCall) -> None:
    path = record(node)
    await node.records.add_recording(CALL.id, f"memory:///elsewhere/{CALL.id}.wav", "wav", 3, 0, "ab")
    await closes(node)
    assert await node.recordings.catch_up() == 0 and not path.exists()
    assert [kept.path for kept in await recordings(node)] == [f"memory:///elsewhere/{CALL.id}.wav"]


async def test_a_recording_is_kept_while_the_store_is_unavailable(
    node: ServiceNode, orphan: OrphanedCall, tmp_path: Path
) -> None:
    store = AwayStore(f"memory:/{tmp_path}/bucket")
    archive = RecordingArchive(tmp_path / "spool", store, node.records, ZONE)
    recorder = StereoRecorder.start(archive.spool_path(CALL.id), 0)
    recorder.add_caller(0, bytes(16_000))
    assert await archive.store(await recorder.close(1000), orphan.at) is None
    await closes(node)
    with pytest.raises(RecordingsUnavailable, match="away"):
        await archive.catch_up()
    store.away = False
    assert await archive.catch_up() == 1
    (kept,) = await recordings(node)
    assert kept.seconds == 1 and not archive.spool_path(CALL.id).exists()
    store.close()


async def test_a_slow_store_does_not_delay_the_end_of_a_call(
    node: ServiceNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowStore(FsspecStore):
        async def put(self, file: Path, key: str) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(recording_archive, "STORE_TIMEOUT_S", 0.01)
    archive = RecordingArchive(tmp_path / "spool", SlowStore(str(tmp_path)), node.records, ZONE)
    recorder = StereoRecorder.start(archive.spool_path(CALL.id), 0)
    assert await archive.store(await recorder.close(1000), NOW) is None


async def test_a_file_is_left_alone_while_it_is_written(node: ServiceNode, orphan: OrphanedCall) -> None:
    """Another node has closed the call as lost while this one still runs it."""
    path = node.recordings.spool_path(CALL.id)
    recorder = StereoRecorder.start(path, 0)
    for at in range(0, 3000, 20):
        recorder.add_caller(at, bytes(320))
    while not path.exists() or path.stat().st_size < 32_000:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await closes(node)
    assert await node.recordings.catch_up() == 0 and path.exists()
    await recorder.close(3000)
    assert await node.recordings.catch_up() == 1
    (kept,) = await recordings(node)
    assert kept.seconds == 3


@pytest.mark.parametrize("began_at", [NOW, BEFORE_MIDNIGHT])
async def test_a_recording_in_the_spool_of_a_dead_node_is_indexed_when_the_node_starts_again(
    nodes: tuple[ServiceNode, ServiceNode], flow_set: FlowSet, began_at: datetime, tmp_path: Path
) -> None:
    dead, other = nodes
    await OrphanedCall(dead, flow_set, at=began_at).begin()
    path = record(dead)
    assert await sweeps(other) == 1
    assert await other.recordings.catch_up() == 0 and await recordings(other) == ()
    assert await dead.recordings.catch_up() == 1 and not path.exists()
    (kept,) = await recordings(other)
    day = "2026-11-22" if began_at is BEFORE_MIDNIGHT else "2026-11-21"
    assert (kept.path, kept.seconds) == (f"memory://{tmp_path}/bucket/{day}/{CALL.id}.wav", 3)
    assert kept.offset_ms == (kept.consent_at - began_at) / timedelta(milliseconds=1)


@pytest.mark.parametrize("began_at", [NOW, BEFORE_MIDNIGHT])
async def test_a_recording_stored_by_a_dead_node_is_indexed_whichever_node_closes_the_call(
    nodes: tuple[ServiceNode, ServiceNode], flow_set: FlowSet, began_at: datetime, tmp_path: Path
) -> None:
    dead, other = nodes
    orphan = OrphanedCall(dead, flow_set, at=began_at)
    await orphan.begin()
    recorder = StereoRecorder.start(dead.recordings.spool_path(CALL.id), 0)
    stored = await dead.recordings.store(await recorder.close(2000), orphan.at)
    assert stored
    assert await sweeps(other) == 1
    assert await other.recordings.catch_up() == 1
    (kept,) = await recordings(other)
    assert (kept.path, kept.seconds, kept.sha256) == (stored.url, 2, stored.sha256)
    assert await dead.recordings.catch_up() == 0 and not dead.recordings.spool_path(CALL.id).exists()
    assert await recordings(other) == (kept,)


async def test_a_recording_is_looked_for_as_soon_as_an_orphaned_call_is_closed(
    nodes: tuple[ServiceNode, ServiceNode], orphan: OrphanedCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_archive, "CATCH_UP_S", 600)
    dead, other = nodes
    recorder = StereoRecorder.start(dead.recordings.spool_path(CALL.id), 0)
    await dead.recordings.store(await recorder.close(2000), orphan.at)
    catching_up = asyncio.create_task(other.recordings.run())
    await asyncio.sleep(0)
    await sweeps(other)
    async with asyncio.timeout(30):
        while not await recordings(other):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    catching_up.cancel()
    await asyncio.gather(catching_up, return_exceptions=True)


async def test_nodes_that_share_a_spool_index_a_recording_once(node: ServiceNode, orphan: OrphanedCall) -> None:
    path = record(node)
    await closes(node)
    await asyncio.gather(*(node.recordings.catch_up() for _ in range(4)), return_exceptions=True)
    await node.recordings.catch_up()
    assert len(await recordings(node)) == 1 and not path.exists()


async def test_a_recording_without_recorded_consent_is_not_stored(node: ServiceNode) -> None:
    path = record(node)
    assert await node.recordings.catch_up() == 0
    await node.records.open_call(CALL, "v1", NOW)
    await closes(node)
    assert await node.recordings.catch_up() == 0 and path.exists()
    node.recordings.look_for(CALL.id)
    assert await node.recordings.catch_up() == 0 and await recordings(node) == ()


async def test_a_damaged_file_is_kept_and_reported_once(
    node: ServiceNode, flow_set: FlowSet, caplog: pytest.LogCaptureFixture
) -> None:
    for call_id in ("call-1", "call-2"):
        await OrphanedCall(node, flow_set, replace(CALL, id=call_id)).begin()
        await closes(node, call_id)
    damaged = record(node, "call-1")
    damaged.write_bytes(damaged.read_bytes()[:30])
    record(node, "call-2")
    assert await node.recordings.catch_up() == 1
    assert await node.recordings.catch_up() == 0
    assert caplog.text.count(f"{damaged} is not a playable recording") == 1 and damaged.exists()


async def test_the_search_continues_after_a_fault(
    node: ServiceNode,
    orphan: OrphanedCall,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(recording_archive, "CATCH_UP_S", 0.01)
    store = AwayStore(f"memory:/{tmp_path}/bucket")
    archive = RecordingArchive(tmp_path / "dead" / "spool", store, node.records, ZONE)
    record(node)
    await closes(node)
    catching_up = asyncio.create_task(archive.run())
    async with asyncio.timeout(30):
        while "the bucket is away" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        store.away = False
        while not await recordings(node):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    catching_up.cancel()
    await asyncio.gather(catching_up, return_exceptions=True)
    assert caplog.text.count("the bucket is away") == 1
    store.close()
