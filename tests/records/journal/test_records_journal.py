"""No entry is lost: it is written, waits, or goes to the local journal for the next process."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.actions import SaveAnswer
from ivr.database.errors import RecordsUnavailable
from ivr.errors import IllegalMove
from ivr.events import DigitsPressed
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.records.journal import entries, write_queue
from ivr.records.journal.entries import JournalEntry
from ivr.records.journal.records_journal import RecordsJournal
from ivr.records.journal.write_queue import WriteQueue
from ivr.telephony.port import Call

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
CALL = Call("call-1", "browser", "inbound", "13812345678", "4001", "survey", "zh-CN")
OPENING = (entries.OpeningEntry(CALL, "v1", NOW), entries.PickUpEntry("call-1", NOW))
CLOSING = entries.ClosingEntry("call-1", Disposition.PARTIAL, "normal", "caller", NOW)


def turn(number: int, heard: str = "一", call_id: str = "call-1") -> entries.TurnEntry:
    said = SaveAnswer(f"q{number}", number, heard, (), 1.0, "key", 1)
    return entries.TurnEntry(call_id, number, DigitsPressed(str(number), "1"), (said,), (), NOW)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(write_queue, "LAST_RETRY_S", 0.01)


# --- the queue of one call ----------------------------------------------------------------------------------------


class Book:
    """Takes entries; while `away`, it does not."""

    def __init__(self, *, away: bool = False, fault: Exception | None = None) -> None:
        self.written: list[JournalEntry] = []
        self.asked = asyncio.Event()
        self.away, self.fault = away, fault or RecordsUnavailable("away")

    async def write(self, entry: JournalEntry) -> None:
        self.asked.set()
        if self.away:
            raise self.fault
        self.written.append(entry)


@pytest.mark.parametrize("fault", [RecordsUnavailable("away"), RuntimeError("never seen before")])
async def test_entries_wait_in_order_until_they_are_taken(fault: Exception) -> None:
    book = Book(away=True, fault=fault)
    queue = WriteQueue("call-1", book.write)
    for number in (1, 2):
        queue.add(turn(number))
    await book.asked.wait()
    while not queue.fault:  # noqa: ASYNC110
        await asyncio.sleep(0)
    queue.add(turn(3))
    assert queue.pending == (turn(1), turn(2), turn(3)) and queue.fault == str(fault)
    book.away = False
    await queue.written()
    assert book.written == [turn(1), turn(2), turn(3)] and queue.pending == () and queue.fault == ""


async def test_who_waits_for_a_queue_may_give_up_without_disturbing_it() -> None:
    book = Book(away=True)
    queue = WriteQueue("call-1", book.write)
    queue.add(turn(1))
    waiting = asyncio.create_task(queue.written())
    await book.asked.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    book.away = False
    await queue.written()
    assert book.written == [turn(1)]


async def test_a_queue_that_is_stopped_gives_back_what_it_has() -> None:
    started = asyncio.Event()

    async def hangs(entry: JournalEntry) -> None:
        started.set()
        await asyncio.Event().wait()

    queue = WriteQueue("call-1", hangs)
    for number in (1, 2):
        queue.add(turn(number))
    await started.wait()
    assert queue.stop() == (turn(1), turn(2))
    await queue.written()
    assert queue.pending == ()


# --- the journal of a process -------------------------------------------------------------------------------------


@asynccontextmanager
async def a_process(records: CallRecords, folder: Path) -> AsyncIterator[RecordsJournal]:
    journal = RecordsJournal(records, folder)
    yield journal
    await journal.close()


async def test_entries_are_written_in_the_background(records: CallRecords, tmp_path: Path) -> None:
    async with a_process(records, tmp_path / "journal") as journal:
        for entry in (*OPENING, turn(1), CLOSING):
            journal.add("call-1", entry)
        assert journal.backlog == 4 and journal.pending("call-1")[2] == turn(1) and journal.pending("other") == ()
        await journal.written("call-1")
        assert journal.backlog == 0 and journal.pending("call-1") == ()
        journal.add("call-1", CLOSING)
        await journal.written("call-1")
    assert (await records.call("call-1")).values == {"q1": 1}
    assert list((tmp_path / "journal").iterdir()) == []


class Unreachable(CallRecords):
    """Records whose database is away until it is `back`."""

    back = False

    async def save_turn(self, *args: object, **options: object) -> None:
        if not self.back:
            raise RecordsUnavailable("away")
        await super().save_turn(*args, **options)  # type: ignore[arg-type]


@pytest.fixture
async def unreachable(records: CallRecords) -> Unreachable:
    return Unreachable(records.database, "node-1", None)


async def test_while_the_database_is_away_the_journal_says_so_and_loses_nothing(
    unreachable: Unreachable, records: CallRecords, tmp_path: Path
) -> None:
    async with a_process(unreachable, tmp_path / "journal") as journal:
        for entry in (*OPENING, turn(1), turn(2)):
            journal.add("call-1", entry)
        while not journal.trouble:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert journal.trouble == "away" and journal.backlog == 2
        unreachable.back = True
        await journal.written("call-1")
        assert journal.trouble == ""
    assert (await records.call("call-1")).values == {"q1": 1, "q2": 2}


async def test_what_cannot_be_written_by_the_end_is_written_by_the_next_process(
    unreachable: Unreachable, records: CallRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.records.journal.records_journal.CLOSING_S", 0.05)
    other = replace(CALL, id="call-2")
    async with a_process(unreachable, tmp_path / "journal") as journal:
        for entry in (*OPENING, turn(1), turn(2), CLOSING):
            journal.add("call-1", entry)
        journal.add("call-2", entries.OpeningEntry(other, "v1", NOW))
        journal.add("call-2", turn(1, call_id="call-2"))
        while journal.backlog > 4:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    async with a_process(records, tmp_path / "journal") as journal:
        assert await journal.replay() == 4
        assert await journal.replay() == 0
    record = await records.call("call-1")
    assert record.values == {"q1": 1, "q2": 2} and record.call.disposition is Disposition.PARTIAL
    assert (await records.call("call-2")).values == {"q1": 1}
    assert list((tmp_path / "journal").iterdir()) == []


async def test_a_replay_that_is_broken_off_is_repeated_without_harm(
    unreachable: Unreachable, records: CallRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.records.journal.records_journal.CLOSING_S", 0.05)
    async with a_process(unreachable, tmp_path / "journal") as journal:
        for entry in (*OPENING, turn(1)):
            journal.add("call-1", entry)
        while not journal.trouble:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    async with a_process(unreachable, tmp_path / "journal") as journal:
        with pytest.raises(RecordsUnavailable):
            await journal.replay()
    async with a_process(records, tmp_path / "journal") as journal:
        assert await journal.replay() == 1
    assert (await records.call("call-1")).values == {"q1": 1}


class Strict(CallRecords):
    """Records that refuse turn 2, until its fault is `mended`."""

    mended = False

    async def save_turn(self, call_id: str, turn: int, *args: object, **options: object) -> None:
        if turn == 2 and not self.mended:
            raise IllegalMove("turn 2 violates a constraint")
        await super().save_turn(call_id, turn, *args, **options)  # type: ignore[arg-type]


async def test_an_entry_that_the_database_refuses_is_kept_and_holds_up_nobody(
    records: CallRecords, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strict = Strict(records.database, "node-1", None)
    async with a_process(strict, tmp_path / "journal") as journal:
        for entry in (*OPENING, turn(1), turn(2), turn(3), CLOSING):
            journal.add("call-1", entry)
        await journal.written("call-1")
        assert journal.kept_locally == 1 and "call call-1: TurnEntry 2: refused" in caplog.text
    assert (await records.call("call-1")).values == {"q1": 1, "q3": 3}
    async with a_process(strict, tmp_path / "journal") as journal:
        await journal.replay()
        assert journal.kept_locally == 1
    strict.mended = True
    async with a_process(strict, tmp_path / "journal") as journal:
        assert await journal.replay() == 1
        assert journal.kept_locally == 0
    record = await records.call("call-1")
    assert record.values == {"q1": 1, "q2": 2, "q3": 3} and record.call.ended_at == NOW
    assert list((tmp_path / "journal").iterdir()) == []


async def test_what_is_refused_again_is_kept_although_the_local_journal_cannot_be_written(
    records: CallRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Strict(records.database, "node-1", None)
    async with a_process(strict, tmp_path) as journal:
        for entry in (*OPENING, turn(1), turn(2), CLOSING):
            journal.add("call-1", entry)
        await journal.written("call-1")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.pwrite", full)
        async with a_process(strict, tmp_path) as journal:
            await journal.replay()
    strict.mended = True
    async with a_process(strict, tmp_path) as journal:
        assert await journal.replay() == 1
    assert (await records.call("call-1")).values == {"q1": 1, "q2": 2}


async def test_a_value_that_postgresql_cannot_store_is_refused_without_being_logged(
    postgres: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = await CallRecords.open(postgres)
    call = replace(CALL, id="call-nul")
    async with a_process(records, tmp_path / "journal") as journal:
        journal.add(call.id, entries.OpeningEntry(call, "v1", NOW))
        journal.add(call.id, turn(1, heard="张三\x00", call_id=call.id))
        journal.add(call.id, turn(2, call_id=call.id))
        await journal.written(call.id)
        assert journal.kept_locally == 1
    assert (await records.call(call.id)).values == {"q2": 2}
    assert "DBAPIError 22021" in caplog.text and "张三" not in caplog.text
    await records.close()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_many_calls_wait_for_a_database_and_none_is_forgotten(tmp_path: Path) -> None:
    records = await CallRecords.open(f"sqlite:///{tmp_path}/records.db", retry_timeout_s=0.05)
    calls = [replace(CALL, id=f"call-{number}") for number in range(20)]
    async with a_process(records, tmp_path / "journal") as journal:
        with locked(tmp_path / "records.db"):
            for call, number in itertools.product(calls, range(4)):
                journal.add(call.id, turn(number, call_id=call.id) if number else entries.OpeningEntry(call, "v1", NOW))
            while not journal.trouble:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.gather(*(journal.written(call.id) for call in calls))
    for call in calls:
        assert (await records.call(call.id)).values == {"q1": 1, "q2": 2, "q3": 3}
    await records.close()
