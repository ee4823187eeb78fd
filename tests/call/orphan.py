"""A node without a telephone network, and calls in the state in which their node died."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from ivr.actions import Fact
from ivr.call.node import ServiceNode
from ivr.call.recording_archive import RecordingArchive
from ivr.events import CallAnswered, DigitsPressed, Event, PromptsFinished
from ivr.flow import engine
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowTurn
from ivr.live.calls import LiveCalls
from ivr.live.embedded import EmbeddedRedis
from ivr.prompts.library import PromptLibrary
from ivr.recordings.fsspec_store import FsspecStore
from ivr.records.call_records import CallRecords
from ivr.records.journal import entries
from ivr.records.journal.entries import JournalEntry
from ivr.records.journal.records_journal import RecordsJournal
from ivr.resource_files import ROOT
from ivr.telephony.port import Call
from ivr.turntaking.timing import Timing
from recognizer.endpoint import VoiceActivity
from recognizer.scripted import ScriptedRecognizer

NOW: Final = datetime(2026, 11, 21, 8, tzinfo=UTC)
CALL: Final = Call("call-1", "asterisk", "outbound", "4001", "13812345678", "survey", "zh-CN")
ZONE: Final = ZoneInfo("Asia/Shanghai")


@asynccontextmanager
async def a_node(
    database: str, redis: str, folder: Path, name: str = "this node", recordings: str = ""
) -> AsyncIterator[ServiceNode]:
    """Open a node. `recordings` is the URL of its store; by default the store is in `folder`, as is the spool."""
    async with AsyncExitStack() as stack:
        live = await LiveCalls.open(redis)
        stack.push_async_callback(live.close)
        records = await CallRecords.open(database, name)
        stack.push_async_callback(records.close)
        journal = RecordsJournal(records, folder / "journal")
        stack.push_async_callback(journal.close)
        store = FsspecStore(recordings or str(folder / "recordings"))
        stack.callback(store.close)
        yield ServiceNode(
            name=name,
            recognizer=ScriptedRecognizer(),
            activity=VoiceActivity,
            prompts=PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(ZONE)),
            records=records,
            journal=journal,
            live=live,
            recordings=RecordingArchive(folder / "spool", store, records, ZONE),
            timezone=ZONE,
            timing=Timing(),
        )


@asynccontextmanager
async def a_redis(folder: Path) -> AsyncIterator[EmbeddedRedis]:
    server = await EmbeddedRedis.start(folder)
    try:
        yield server
    finally:
        await server.close()


class OrphanedCall:
    """A survey in the state in which its node died; it was answered at `at`."""

    def __init__(self, node: ServiceNode, flow_set: FlowSet, call: Call = CALL, at: datetime = NOW) -> None:
        self.node, self.flow_set, self.call, self.at = node, flow_set, call, at
        self.pending: list[JournalEntry] = []
        """The entries that the records have not taken."""
        self.state = engine.begin(flow_set.flows, flow_set.version, call.flow, call.language, speech=True)

    async def begin(self, *, records: bool = True) -> None:
        await self.write(entries.FlowSourceEntry(self.flow_set.version, self.flow_set.source), records=records)
        await self.write(entries.OpeningEntry(self.call, self.flow_set.version, self.at), records=records)
        await self.write(entries.PickUpEntry(self.call.id, self.at), records=records)
        await self.handle(CallAnswered(), records=records)
        await self.handle(PromptsFinished(self.wait), records=records)

    async def write(self, entry: JournalEntry, *, records: bool = True) -> None:
        """Write an entry to the records, or leave it pending."""
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
            await self.handle(DigitsPressed(self.wait, key), records=records)

    async def handle(self, event: Event, *, records: bool = True, live: bool = True) -> None:
        self.at += timedelta(seconds=5)
        await self.save_turn(
            event, engine.step(self.flow_set.flows, self.state, event, self.at), records=records, live=live
        )

    async def save_turn(self, event: Event, turn: FlowTurn, *, records: bool = True, live: bool = True) -> None:
        self.state = turn.state
        facts = tuple(action for action in turn.actions if isinstance(action, Fact))
        await self.write(entries.TurnEntry(self.call.id, turn.state.turn, event, facts, (), self.at), records=records)
        if live:
            await self.save_live(turn.state.turn)

    async def save_live(self, turn: int) -> None:
        """Save the pending entries in Redis."""
        await self.node.live.save(self.call.id, turn, entries.dump_all(self.pending), "the other node")


class SlowRecords(CallRecords):
    """Records that return the open calls only when `go` is set; `waiting` is set when they are asked."""

    def __init__(self, records: CallRecords) -> None:
        super().__init__(records.database, "this node", None)
        self.waiting, self.go = asyncio.Event(), asyncio.Event()

    async def open_calls(self) -> tuple[str, ...]:
        self.waiting.set()
        await self.go.wait()
        return await super().open_calls()
