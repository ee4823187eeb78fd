"""A turn is saved as soon as one store has it and the other has had a moment; without both, the caller is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from ivr.call.journal import call_journal
from ivr.call.journal.call_journal import CallJournal, NoStoreAvailable
from ivr.call.node import ServiceNode
from ivr.errors import StaleTurn
from ivr.events import CallEnded
from ivr.lifecycle import Disposition
from ivr.live.errors import LiveStateUnavailable
from ivr.records.journal import entries
from ivr.records.journal.entries import JournalEntry
from ivr.telephony.port import Call

CALL = Call("call-1", "browser", "inbound", "", "", "survey", "zh-CN")
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@dataclass
class Stores:
    """The database takes entries while it is `there`; `answer` is what Redis does with a turn."""

    there: asyncio.Event = field(default_factory=asyncio.Event)
    entries: list[JournalEntry] = field(default_factory=list)
    kept: dict[int, bytes] = field(default_factory=dict)
    answer: Callable[[], Awaitable[None]] | None = None

    def add(self, call_id: str, entry: JournalEntry) -> None:
        self.entries.append(entry)

    def pending(self, call_id: str) -> list[JournalEntry]:
        return [] if self.there.is_set() else self.entries

    async def written(self, call_id: str) -> None:
        await self.there.wait()

    async def save(self, call_id: str, turn: int, payload: bytes, node: str, state: bytes = b"") -> None:
        if self.answer:
            await self.answer()
        self.kept[turn] = payload


@dataclass
class Node:
    """A node with these stores."""

    stores: Stores
    name: str = "node"

    @property
    def journal(self) -> Stores:
        return self.stores

    @property
    def live(self) -> Stores:
        return self.stores

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Stores:
    monkeypatch.setattr(call_journal, "SAVE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(call_journal, "SECOND_STORE_S", 0.01)
    return Stores()


def journal(stores: Stores) -> CallJournal:
    made = CallJournal(cast("ServiceNode", Node(stores)), CALL)
    made.open(cast("Any", _Source()), NOW)
    return made


class _Source:
    version, source = "v1", "flows"


async def refuses() -> None:
    raise LiveStateUnavailable("Redis: away")


async def hangs() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise RuntimeError("a fault of ours")


async def test_with_both_stores_a_turn_is_saved_in_both(stores: Stores) -> None:
    stores.there.set()
    await journal(stores).save(1)
    assert stores.kept == {1: b""} and len(stores.entries) == 3


@pytest.mark.parametrize("answer", [refuses, hangs, fails])
async def test_without_redis_the_database_suffices(stores: Stores, answer: Callable[[], Awaitable[None]]) -> None:
    stores.there.set()
    stores.answer = answer
    await journal(stores).save(1)
    assert stores.kept == {}


async def test_without_the_database_redis_suffices_and_holds_what_is_to_be_written(stores: Stores) -> None:
    made = journal(stores)
    await made.save(1)
    assert entries.load_all(stores.kept[1]) == stores.entries
    await made.close(CallEnded("caller"), Disposition.PARTIAL, None)
    assert isinstance(entries.load_all(stores.kept[2])[-1], entries.ClosingEntry)


@pytest.mark.parametrize("answer", [refuses, hangs, fails])
async def test_without_both_the_caller_is_not_kept_waiting_for_long(
    stores: Stores, answer: Callable[[], Awaitable[None]]
) -> None:
    stores.answer = answer
    with pytest.raises(NoStoreAvailable):
        await journal(stores).save(1)


async def test_a_call_that_another_node_runs_is_not_gone_on_with(stores: Stores) -> None:
    async def stale() -> None:
        raise StaleTurn("call-1 is at turn 7")

    stores.answer = stale
    stores.there.set()
    with pytest.raises(StaleTurn):
        await journal(stores).save(1)


async def test_a_look_up_waits_for_what_the_call_has_said_so_far(stores: Stores) -> None:
    made = journal(stores)
    with pytest.raises(TimeoutError):
        await made.written()
    stores.there.set()
    await made.written()
