"""The records while the database is locked, restarts, or loses a connection at the worst moment."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from ivr.actions import SaveAnswer
from ivr.database.database import Database
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
        with pytest.raises(RecordsUnavailable, match="is unavailable"):
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


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def opened(url: str, retry_timeout_s: float = 0.3) -> AsyncIterator[CallRecords]:
    """The records of a database, with one call; the tables are dropped at the end."""
    records = await CallRecords.open(url, retry_timeout_s=retry_timeout_s)
    await records.open_call(CALL, "v1", NOW)
    try:
        yield records
    finally:
        await records.close()


def save(records: CallRecords) -> Awaitable[None]:
    return records.save_turn(CALL.id, 1, EVENT, [answer("q")], [], NOW)


ERRORS = """
    CREATE TABLE refusal(sqlstate text);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE why text := (SELECT sqlstate FROM refusal);
    BEGIN
        IF why IS NOT NULL THEN RAISE EXCEPTION 'refused' USING ERRCODE = why; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON turns FOR EACH ROW EXECUTE FUNCTION refuse();
"""
"""Lets the database fail with any error as long as it stands in the table `refusal`."""
FAULTS_OF_THE_DATABASE = {
    "08006": "connection failure",
    "25006": "read-only transaction",
    "25P03": "idle in a transaction",
    "25P04": "transaction timed out",
    "28P01": "wrong password",
    "40001": "serialization failure",
    "42501": "insufficient privilege",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57014": "query cancelled",
    "57P01": "admin shutdown",
    "57P03": "cannot connect now",
    "58030": "I/O error",
    "XX000": "internal error",
}
FAULTS_OF_THE_ENTRY = {"22001": "too long", "23505": "not unique", "23514": "check violated", "P0001": "raised"}


@pytest.mark.parametrize("sqlstate", FAULTS_OF_THE_DATABASE)
async def test_a_fault_of_postgresql_passes_and_nothing_is_lost(
    relay: PostgresRelay, postgres: str, sqlstate: str
) -> None:
    async with opened(postgres) as records:
        await execute(postgres, ERRORS, f"INSERT INTO refusal VALUES ('{sqlstate}')")
        with pytest.raises(RecordsUnavailable, match="refused"):
            await save(records)
        await execute(postgres, "DELETE FROM refusal")
        await save(records)
        assert (await records.call(CALL.id)).values == {"q": "yes"}


@pytest.mark.parametrize("sqlstate", FAULTS_OF_THE_ENTRY)
async def test_an_error_of_the_entry_itself_is_told_apart(relay: PostgresRelay, postgres: str, sqlstate: str) -> None:
    async with opened(postgres) as records:
        await execute(postgres, ERRORS, f"INSERT INTO refusal VALUES ('{sqlstate}')")
        with pytest.raises(DBAPIError):
            await save(records)


async def test_a_server_that_becomes_read_only_is_left_for_the_one_that_takes_writes(
    relay: PostgresRelay, postgres: str
) -> None:
    """The connections of the pool stay read-only; only new ones reach a server that takes writes."""
    name = make_url(postgres).database
    async with opened(postgres) as records:
        pass
    await execute(postgres, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    records = await CallRecords.open(postgres, retry_timeout_s=10)
    try:
        await asyncio.gather(*(records.calls(1) for _ in range(8)))
        admin = postgres.replace(f"/{name}", "/postgres")
        await execute(admin, f"ALTER DATABASE {name} SET default_transaction_read_only = off")
        await asyncio.gather(*(save(records) for _ in range(8)))
        assert (await records.call(CALL.id)).values == {"q": "yes"}
    finally:
        await records.close()
        admin = postgres.replace(f"/{name}", "/postgres")
        await execute(admin, f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def test_tables_that_another_node_has_migrated_are_used_at_once(relay: PostgresRelay, postgres: str) -> None:
    """The statements that the connections have prepared are then invalid."""
    async with opened(postgres) as records:
        await save(records)
        await records.call(CALL.id)
        await execute(postgres, "ALTER TABLE calls ALTER COLUMN flow TYPE varchar(90)")
        await records.save_turn(CALL.id, 2, EVENT, [answer("q2")], [], NOW)
        assert (await records.call(CALL.id)).values == {"q": "yes", "q2": "yes"}


async def test_a_server_without_a_free_connection_is_waited_for(relay: PostgresRelay, postgres: str) -> None:
    role = f"guest_{secrets.token_hex(4)}"
    async with opened(postgres):
        await execute(
            postgres,
            f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0",
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}",
        )
    guest = Database(make_url(postgres).set(username=role).render_as_string(hide_password=False), 0.3)
    records = CallRecords(guest, "node-1", None)
    try:
        with pytest.raises(RecordsUnavailable, match="too many connections"):
            await save(records)
        await execute(postgres, f"ALTER ROLE {role} CONNECTION LIMIT 1")
        await save(records)
        assert (await records.call(CALL.id)).values == {"q": "yes"}
    finally:
        await records.close()
        await execute(postgres, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


async def test_of_several_servers_the_one_that_takes_writes_is_found(relay: PostgresRelay, postgres: str) -> None:
    """The first host of the URL is away, as after a fail-over."""
    url = make_url(postgres)
    several = {"host": (f"{url.host}:1", f"{url.host}:{url.port or 5432}"), "target_session_attrs": "read-write"}
    found = url.set(host=None, port=None).update_query_dict(several)
    async with opened(found.render_as_string(hide_password=False), 5) as records:
        await save(records)
        assert (await records.call(CALL.id)).values == {"q": "yes"}


async def test_a_full_disk_is_reported_and_the_next_write_may_work(tmp_path: Path) -> None:
    """SQLite may not grow beyond its present size."""
    async with opened(f"sqlite:///{tmp_path}/records.db") as records:
        limit = "PRAGMA max_page_count = 1"

        def fill(connection: DBAPIConnection, *_: object) -> None:
            connection.cursor().execute(limit)

        event.listen(records.database._engine.sync_engine, "checkout", fill)
        big = replace(answer("q"), heard="x" * 100_000)
        with pytest.raises(RecordsUnavailable, match="full"):
            await records.save_turn(CALL.id, 1, EVENT, [big], [], NOW)
        assert (await records.call(CALL.id)).answers == ()
        limit = "PRAGMA max_page_count = 100000"
        await records.save_turn(CALL.id, 1, EVENT, [big], [], NOW)
        assert (await records.call(CALL.id)).values == {"q": "yes"}


async def test_a_file_that_may_not_be_written_is_a_fault_of_the_database(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/records.db") as records:
        setting = "PRAGMA query_only = ON"

        def protect(connection: DBAPIConnection, *_: object) -> None:
            connection.cursor().execute(setting)

        event.listen(records.database._engine.sync_engine, "checkout", protect)
        with pytest.raises(RecordsUnavailable, match="readonly"):
            await save(records)
        setting = "PRAGMA query_only = OFF"
        await save(records)
        assert (await records.call(CALL.id)).values == {"q": "yes"}


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
