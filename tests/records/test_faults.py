"""The records while the database is locked, restarts, or loses a connection at the worst moment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from ivr.actions import SaveAnswer
from ivr.database.errors import RecordsUnavailable
from ivr.events import NothingHeard
from ivr.records.call_records import CallRecords
from ivr.telephony.port import Call

EVENT = NothingHeard("1")

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
CALL = Call("call-1", "browser", "inbound", "13812345678", "4001", "survey", "zh-CN")


def answer(question: str) -> SaveAnswer:
    return SaveAnswer(question, "yes", "解决了", (), 0.9, "voice", 1)


class PostgresRelay:
    """A TCP relay in front of PostgreSQL that can cut its connections and refuse new ones."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self.refusing = False
        self.refused = asyncio.Event()
        self.cut_after: bytes | None = None
        """The next message that contains this reaches the server, and the reply is lost."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            yield self._target.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
            self.cut()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self.refusing:
            writer.transport.abort()
            self.refused.set()
            return
        far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port or 5432)
        self._writers.add(far_writer)
        for source, sink, outward in ((reader, far_writer, True), (far_reader, writer, False)):
            task = asyncio.create_task(self._relay(source, sink, writer, outward))
            self._relays.add(task)

    async def _relay(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, near: asyncio.StreamWriter, outward: bool
    ) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
                if outward and self.cut_after is not None and self.cut_after in data:
                    self.cut_after = None
                    await sink.drain()
                    near.transport.abort()
        except OSError:
            pass
        finally:
            sink.close()


@pytest.fixture
async def relay(postgres: str) -> AsyncIterator[PostgresRelay]:
    yield PostgresRelay(postgres)
    connection = await asyncpg.connect(postgres)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()


async def test_connections_closed_by_the_server_are_replaced(postgres: str, relay: PostgresRelay) -> None:
    records = await CallRecords.open(postgres)
    await records.open_call(CALL, "v1", NOW)
    other = await asyncpg.connect(postgres)
    ended = await other.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    assert len(ended) >= 1
    await records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW)
    assert (await records.call(CALL.id)).values == {"q": "yes"}
    await records.close()


@pytest.mark.parametrize("moment", [b"INSERT INTO turns", b"INSERT INTO answers", b"COMMIT"])
async def test_a_connection_lost_during_a_turn_neither_loses_nor_duplicates_it(
    relay: PostgresRelay, moment: bytes
) -> None:
    async with relay.open() as url:
        records = await CallRecords.open(url)
        await records.open_call(CALL, "v1", NOW)
        relay.cut_after = moment
        await records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW)
        assert relay.cut_after is None
        record = await records.call(CALL.id)
        assert record.values == {"q": "yes"} and record.replaced_answers == ()
        await records.close()


async def test_a_server_that_returns_in_time_is_awaited(relay: PostgresRelay) -> None:
    async with relay.open() as url:
        records = await CallRecords.open(url, retry_timeout_s=60)
        await records.open_call(CALL, "v1", NOW)
        relay.refusing = True
        relay.cut()
        saving = asyncio.create_task(records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW))
        await relay.refused.wait()
        relay.refusing = False
        await saving
        assert (await records.call(CALL.id)).values == {"q": "yes"}
        await records.close()


async def test_a_server_that_stays_away_is_reported_and_later_calls_may_succeed(relay: PostgresRelay) -> None:
    async with relay.open() as url:
        records = await CallRecords.open(url, retry_timeout_s=0.2)
        await records.open_call(CALL, "v1", NOW)
        relay.refusing = True
        relay.cut()
        with pytest.raises(RecordsUnavailable, match="does not respond"):
            await records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW)
        relay.refusing = False
        await records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW)
        assert (await records.call(CALL.id)).values == {"q": "yes"}
        await records.close()


async def test_two_processes_can_write_one_sqlite_file(tmp_path: Path) -> None:
    both = [await CallRecords.open(f"sqlite:///{tmp_path}/records.db", node=node) for node in ("n1", "n2")]
    calls = [replace(CALL, id=f"call-{n}") for n in range(10)]

    async def lead(records: CallRecords, call: Call) -> None:
        await records.open_call(call, "v1", NOW)
        for turn in range(1, 6):
            await records.save_turn(call.id, turn, EVENT, [answer(f"q{turn}")], [], NOW)

    await asyncio.gather(*(lead(both[n % 2], call) for n, call in enumerate(calls)))
    for n, call in enumerate(calls):
        record = await both[0].call(call.id)
        assert len(record.answers) == 5 and record.call.node == both[n % 2]._node
    for records in both:
        await records.close()


async def test_a_sqlite_file_that_stays_locked_is_reported_and_reading_goes_on(tmp_path: Path) -> None:
    records = await CallRecords.open(f"sqlite:///{tmp_path}/records.db", retry_timeout_s=0.1)
    await records.open_call(CALL, "v1", NOW)
    with closing(sqlite3.connect(tmp_path / "records.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailable, match="database is locked"):
            await records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW)
        assert (await records.call(CALL.id)).answers == ()
        other.execute("ROLLBACK")
    await records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW)
    assert (await records.call(CALL.id)).values == {"q": "yes"}
    await records.close()


async def test_a_call_cancelled_while_saving_does_not_block_the_others(records: CallRecords) -> None:
    calls = [replace(CALL, id=f"call-{n}") for n in range(10)]
    for call in calls:
        await records.open_call(call, "v1", NOW)
    saving = [asyncio.create_task(records.save_turn(call.id, 1, EVENT, [answer("q")], [], NOW)) for call in calls]
    for n, task in enumerate(saving[:9]):
        for _ in range(n):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*saving, return_exceptions=True)
    for call in calls:
        await records.save_turn(call.id, 1, EVENT, [answer("q")], [], NOW)
        assert (await records.call(call.id)).values == {"q": "yes"}
