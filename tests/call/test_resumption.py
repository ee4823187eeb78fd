"""A call goes on at another node: with its answers, its consent and its open question, and at exactly one node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ivr.call.audio.stereo_recorder import StereoRecorder
from ivr.call.flow_versions import FlowVersions
from ivr.call.manager import CallManager
from ivr.call.node import ServiceNode
from ivr.call.recovery import LEASE_MS, sweep
from ivr.call.resumption import take_over
from ivr.errors import StaleTurn
from ivr.events import CallEnded, CallResumed, EndedBy, SpeechHeard, Value
from ivr.flow.parse import FlowSet, parse
from ivr.flow_store import FlowStore
from ivr.lifecycle import AnsweringParty, Disposition
from ivr.live.calls import LiveCalls, SavedCall
from ivr.live.errors import LiveStateUnavailable
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from ivr.telephony.media import (
    FRAME_BYTES,
    FRAME_MS,
    AudioFrame,
    CallReleased,
    KeyPressed,
    MarkReached,
    MediaClosed,
    MediaEvent,
)
from ivr.telephony.port import Call, HoldWork, NeverBegun, NotResumable, PartyGone
from ivr.transcript import Speaker
from recognizer.scripted import ScriptedRecognizer
from tests.call.caller import CLIPS
from tests.call.orphan import CALL, OrphanedCall, a_node, a_redis

SURELY_S = 30
NOTICE = "刚才线路中断了，我们继续。"


class SilentLeg:
    """A leg, and its media stream, at which prompts are heard at once. `said` is what was said by us."""

    def __init__(self, call: Call = CALL) -> None:
        self.call = call
        self.said: list[str] = []
        self._events: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self._news = asyncio.Event()

    @property
    def media(self) -> SilentLeg:
        return self

    @property
    def answered_by(self) -> AnsweringParty:
        return "unknown"

    def show(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        if who == "us":
            self.said.append(text)
            self._news.set()

    async def events(self) -> AsyncIterator[MediaEvent]:
        while True:
            yield (event := await self._events.get())
            if isinstance(event, MediaClosed | CallReleased):
                return

    def play(self, pcm: bytes) -> None:
        pass

    def mark(self, name: str) -> None:
        self._events.put_nowait(MarkReached(name))

    def clear(self) -> None:
        pass

    async def hang_up(self) -> None:
        self._events.put_nowait(MediaClosed("us", "normal"))

    async def release(self) -> bool:
        self._events.put_nowait(CallReleased())
        return True

    async def says(self, pcm: bytes) -> None:
        """The caller speaks, and falls silent for two seconds."""
        pcm += bytes(100 * FRAME_BYTES)
        for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES):
            await asyncio.sleep(FRAME_MS / 1000)
            self._events.put_nowait(AudioFrame(pcm[start : start + FRAME_BYTES]))

    def end(self) -> None:
        """The caller hangs up."""
        self._events.put_nowait(MediaClosed("caller", "normal"))

    def lose(self) -> None:
        self._events.put_nowait(MediaClosed("network", "failed"))

    def can_reach(self, name: str) -> bool:
        return False

    async def hold(self, work: HoldWork, *, overhear: bool = False) -> EndedBy:
        raise NotImplementedError

    async def hears(self, words: str) -> None:
        async with asyncio.timeout(SURELY_S):
            while not any(words in text for text in self.said):
                self._news.clear()
                await self._news.wait()

    async def presses(self, **keys: str) -> None:
        """Press a key at each question, which is named by its words."""
        for words, key in keys.items():
            await self.hears(words)
            self._events.put_nowait(KeyPressed(key))


@dataclass
class Offer:
    """A call that this node has claimed."""

    leg: SilentLeg
    id: str = CALL.id
    transferred: bool = False

    async def attach(self, call: Call) -> SilentLeg:
        self.leg.call = call
        return self.leg


class LateOffer(Offer):
    """A call whose party hangs up while this node takes it over."""

    async def attach(self, call: Call) -> SilentLeg:
        raise PartyGone("its party has hung up")


class LearningRecognizer(ScriptedRecognizer):
    """A recogniser that accepts new phrases and ignores them."""

    def learn(self, language: str, phrases: Sequence[str]) -> None:
        pass


class AwayCalls(LiveCalls):
    """A Redis that is away when a call is taken over."""

    async def take_over(self, call_id: str, node: str, ttl_ms: int) -> SavedCall | None:
        raise LiveStateUnavailable("Redis: away")


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[tuple[ServiceNode, ServiceNode]]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(a_redis(tmp_path / "redis"))
        yield tuple(  # type: ignore[misc]
            [
                await stack.enter_async_context(
                    a_node(
                        f"sqlite:///{tmp_path}/records.db", redis.url, tmp_path / name, name, f"memory:/{tmp_path}/all"
                    )
                )
                for name in ("first", "second")
            ]
        )


@pytest.fixture(scope="session")
def flow_set() -> FlowSet:
    return parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")


@pytest.fixture
def flow_store(nodes: tuple[ServiceNode, ServiceNode]) -> FlowStore:
    return FlowStore(ROOT / "callflows.yaml", nodes[0].prompts.catalog, LearningRecognizer())


@pytest.fixture
def managers(nodes: tuple[ServiceNode, ServiceNode], flow_store: FlowStore) -> tuple[CallManager, CallManager]:
    return CallManager(nodes[0], flow_store), CallManager(nodes[1], flow_store)


async def the_rest(leg: SilentLeg) -> None:
    await leg.presses(态度="1", 收费了吗="2", 打分="9", 建议="2")
    await leg.hears("感谢")
    leg.end()


async def closed(node: ServiceNode) -> CallRecord:
    return await node.records.call(CALL.id, "management")


async def taken(node: ServiceNode, flow_set: FlowSet) -> None:
    await take_over(node, FlowVersions(node.records.flow_source), flow_set, CALL.id)


async def test_a_released_call_goes_on_at_another_node(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager]
) -> None:
    first, second = SilentLeg(), SilentLeg()
    answering = asyncio.create_task(managers[0].answer(first))
    await first.presses(方便吗="1", 解决了吗="1")
    await first.hears("态度")
    await first.release()
    await asyncio.wait_for(answering, SURELY_S)
    assert (await closed(nodes[0])).call.ended_at is None
    resuming = asyncio.create_task(managers[1].resume(Offer(second)))
    await the_rest(second)
    await asyncio.wait_for(resuming, SURELY_S)
    assert second.said[0].startswith(NOTICE) and "态度" in second.said[0]
    assert second.call.caller == CALL.caller
    record = await closed(nodes[1])
    assert record.call.disposition is Disposition.COMPLETED
    assert record.values == {
        "convenient": "yes",
        "resolved": "yes",
        "attitude": "satisfied",
        "charged": "no",
        "score": 9,
        "comments": None,
    }
    assert [line.text for line in record.transcript if line.who == "caller"] == ["#1", "#1", "#1", "#2", "#9", "#2"]
    assert [line.at_ms for line in record.transcript] == sorted(line.at_ms for line in record.transcript)
    assert sum(isinstance(turn.event, CallResumed) for turn in record.turns) == 1
    parts = sorted(record.recordings, key=lambda recording: recording.offset_ms)
    assert len(parts) == 2 and parts[0].offset_ms + parts[0].seconds * 1000 <= parts[1].offset_ms + 100
    assert await nodes[1].live.load(CALL.id) is None


async def test_the_parts_of_nodes_that_died_are_indexed_from_their_spools(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager], flow_set: FlowSet
) -> None:
    orphan = OrphanedCall(nodes[0], flow_set, at=nodes[0].now())
    await orphan.begin()
    first = nodes[0].recordings.spool_path(CALL.id)
    await (StereoRecorder.start(first, 0)).close(1000)
    second = SilentLeg()
    resuming = asyncio.create_task(managers[1].resume(Offer(second)))
    await second.presses(方便吗="1")
    await second.hears("解决了吗")
    await second.hang_up()
    await asyncio.wait_for(resuming, SURELY_S)
    assert await nodes[0].recordings.catch_up() == 1
    record = await closed(nodes[1])
    resumed = next(turn.turn for turn in record.turns if isinstance(turn.event, CallResumed))
    assert {Path(part.path).name for part in record.recordings} == {f"{CALL.id}.wav", f"{CALL.id}.{resumed}.wav"}
    assert not first.exists() and await nodes[0].recordings.catch_up() == 0


async def test_a_call_of_which_nothing_was_said_begins_at_another_node(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager], flow_set: FlowSet
) -> None:
    """Its node died once it had claimed and opened the call."""
    await nodes[0].live.renew([CALL.id], nodes[0].name, LEASE_MS)
    await nodes[0].records.save_flow_source(flow_set.version, flow_set.source)
    await nodes[0].records.open_call(CALL, flow_set.version, nodes[0].now())
    second = SilentLeg()
    resuming = asyncio.create_task(managers[1].resume(Offer(second)))
    await second.presses(方便吗="1", 解决了吗="1")
    await the_rest(second)
    await asyncio.wait_for(resuming, SURELY_S)
    record = await closed(nodes[1])
    assert record.call.disposition is Disposition.COMPLETED and NOTICE not in second.said
    assert not any(isinstance(turn.event, CallResumed) for turn in record.turns)


async def test_a_call_that_no_store_knows_is_a_new_one(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager]
) -> None:
    await nodes[0].live.renew([CALL.id], nodes[0].name, LEASE_MS)
    with pytest.raises(NeverBegun):
        await managers[1].resume(Offer(SilentLeg()))


async def test_a_caller_who_hangs_up_during_the_take_over_has_ended_the_call(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager], flow_set: FlowSet
) -> None:
    await OrphanedCall(nodes[0], flow_set, at=nodes[0].now()).begin()
    await asyncio.wait_for(managers[1].resume(LateOffer(SilentLeg())), SURELY_S)
    call = (await closed(nodes[1])).call
    assert (call.ended_by, call.cause, call.disposition) == ("caller", "normal", Disposition.BREAKOFF)
    assert await nodes[1].live.load(CALL.id) is None


async def test_a_caller_who_hangs_up_during_the_take_over_while_redis_fails_is_left_to_the_sweep(
    nodes: tuple[ServiceNode, ServiceNode],
    managers: tuple[CallManager, CallManager],
    flow_set: FlowSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(call_id: str) -> None:
        raise LiveStateUnavailable("Redis: away")

    await OrphanedCall(nodes[0], flow_set, at=nodes[0].now()).begin()
    monkeypatch.setattr(nodes[1].live, "load", fails)
    await asyncio.wait_for(managers[1].resume(LateOffer(SilentLeg())), SURELY_S)
    assert (await closed(nodes[1])).call.ended_at is None


@pytest.mark.parametrize("redis_is_away", [False, True], ids=["Redis without a state", "Redis away"])
async def test_the_records_alone_suffice(
    nodes: tuple[ServiceNode, ServiceNode], flow_store: FlowStore, flow_set: FlowSet, redis_is_away: bool
) -> None:
    orphan = OrphanedCall(nodes[0], flow_set, at=nodes[0].now())
    await orphan.begin()
    await orphan.answers(("1", "1"))
    node = nodes[1]
    if redis_is_away:
        node = replace(node, live=AwayCalls(node.live._redis))
    second = SilentLeg()
    resuming = asyncio.create_task(CallManager(node, flow_store).resume(Offer(second)))
    await the_rest(second)
    await asyncio.wait_for(resuming, SURELY_S)
    assert (await closed(node)).call.disposition is Disposition.COMPLETED


async def test_what_the_lost_node_had_not_written_is_written(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager], flow_set: FlowSet
) -> None:
    orphan = OrphanedCall(nodes[0], flow_set, at=nodes[0].now())
    await orphan.begin()
    await orphan.answers(("1", "1"), records=False)
    await taken(nodes[1], flow_set)
    await nodes[1].journal.written(CALL.id)
    assert (await closed(nodes[1])).values == {"convenient": "yes", "resolved": "yes"}


async def test_one_node_takes_a_call_over(nodes: tuple[ServiceNode, ServiceNode], flow_set: FlowSet) -> None:
    orphan = OrphanedCall(nodes[0], flow_set)
    await orphan.begin()
    assert not await nodes[0].live.renew({CALL.id}, "the other node", LEASE_MS)
    await taken(nodes[1], flow_set)
    assert await nodes[0].live.renew({CALL.id}, "the other node", LEASE_MS) == {CALL.id}
    with pytest.raises(StaleTurn):
        await nodes[0].live.save(CALL.id, 99, b"", "the other node")
    await nodes[1].live.save(CALL.id, 99, b"", "second")


async def test_a_call_that_a_sweep_closes_is_not_taken_over(
    nodes: tuple[ServiceNode, ServiceNode], flow_set: FlowSet
) -> None:
    await OrphanedCall(nodes[0], flow_set).begin()
    assert await nodes[0].live.claim(CALL.id, "a third node", LEASE_MS)
    with pytest.raises(NotResumable, match="another node"):
        await taken(nodes[1], flow_set)


async def test_a_sweep_leaves_a_call_alone_that_was_taken_over(
    nodes: tuple[ServiceNode, ServiceNode], flow_set: FlowSet
) -> None:
    await OrphanedCall(nodes[0], flow_set).begin()
    await taken(nodes[1], flow_set)
    assert await sweep(nodes[0], FlowVersions(nodes[0].records.flow_source), lambda call_id: False) == 0


async def test_an_ended_call_and_an_unknown_one_are_not_resumed(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager], flow_set: FlowSet
) -> None:
    with pytest.raises(NotResumable, match="never opened"):
        await managers[1].resume(Offer(SilentLeg()))
    await OrphanedCall(nodes[0], flow_set).begin()
    await nodes[0].live.drop(CALL.id)
    await nodes[0].records.close_call(CALL.id, Disposition.BREAKOFF, "normal", "caller", nodes[0].now())
    with pytest.raises(NotResumable, match="ended"):
        await managers[1].resume(Offer(SilentLeg()))


async def test_a_node_cut_off_from_its_network_leaves_the_record_to_its_successor(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager]
) -> None:
    first, second = SilentLeg(), SilentLeg()
    answering = asyncio.create_task(managers[0].answer(first))
    await first.presses(方便吗="1", 解决了吗="1")
    await first.hears("态度")
    resuming = asyncio.create_task(managers[1].resume(Offer(second)))
    await second.hears("态度")
    first.lose()
    await asyncio.wait_for(answering, SURELY_S)
    assert (await closed(nodes[0])).call.ended_at is None
    await the_rest(second)
    await asyncio.wait_for(resuming, SURELY_S)
    record = await closed(nodes[1])
    assert record.call.disposition is Disposition.COMPLETED
    assert not any(turn.event == CallEnded("network", "failed") for turn in record.turns)


async def test_calls_of_people_who_still_talk_are_not_closed(
    nodes: tuple[ServiceNode, ServiceNode], flow_store: FlowStore, flow_set: FlowSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.call.manager.TRUST_S", 0)
    await OrphanedCall(nodes[0], flow_set).begin()
    talking = {CALL.id}

    async def carried() -> frozenset[str]:
        return frozenset(talking)

    calls = CallManager(nodes[1], flow_store, carried)
    await calls._sweep()
    assert (await closed(nodes[1])).call.ended_at is None
    talking.clear()
    await calls._sweep()
    assert (await closed(nodes[1])).call.ended_at


async def test_a_drain_hands_calls_over(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager]
) -> None:
    first, second = SilentLeg(), SilentLeg()
    answering = asyncio.create_task(managers[0].answer(first))
    await first.presses(方便吗="1")
    await first.hears("解决了吗")
    await managers[0].drain(0)
    await asyncio.wait_for(answering, SURELY_S)
    with pytest.raises(NotResumable, match="draining"):
        await managers[0].resume(Offer(SilentLeg()))
    resuming = asyncio.create_task(managers[1].resume(Offer(second)))
    await second.presses(解决了吗="1")
    await the_rest(second)
    await asyncio.wait_for(resuming, SURELY_S)
    assert (await closed(nodes[1])).call.disposition is Disposition.COMPLETED


async def test_the_rest_of_what_was_said_to_the_lost_node_is_not_taken_for_an_answer(
    nodes: tuple[ServiceNode, ServiceNode], managers: tuple[CallManager, CallManager], flow_set: FlowSet
) -> None:
    orphan = OrphanedCall(nodes[0], flow_set, at=nodes[0].now())
    await orphan.begin()
    second = SilentLeg()
    resuming = asyncio.create_task(managers[1].resume(Offer(second)))
    await second.hears(NOTICE)
    await second.says(CLIPS["方便"])
    await second.presses(方便吗="1")
    await second.hears("解决了吗")
    second.end()
    await asyncio.wait_for(resuming, SURELY_S)
    assert not any(isinstance(turn.event, SpeechHeard) for turn in (await closed(nodes[1])).turns)
