from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.rulebook import load
from ivr.complaints.sla_worker import SlaWorker
from ivr.database.database import DRIVERS
from ivr.database.errors import RecordsUnavailable
from ivr.database.tables import Base
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from ivr.telephony.port import Call

CALL = Call("call-1", "browser", "inbound", "13812345678", "4001", "survey", "zh-CN")


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


async def test_the_migrations_lead_to_the_tables_of_the_program(url: str) -> None:
    await (await CallRecords.open(url)).close()
    scheme, rest = url.split(":", 1)
    engine = create_async_engine(f"{DRIVERS[scheme]}:{rest}")
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_opening_again_keeps_what_is_there(url: str) -> None:
    for _ in range(2):
        records = await CallRecords.open(url)
        await records.open_call(CALL, "v1", datetime(2026, 11, 21, tzinfo=UTC))
        assert len(await records.calls(10)) == 1
        await records.close()


async def test_nodes_that_start_together_make_the_tables_once(url: str) -> None:
    nodes = await asyncio.gather(*(CallRecords.open(url, retry_timeout_s=30) for _ in range(4)))
    for records in nodes:
        assert await records.calls(1) == ()
        await records.close()


async def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    await (await CallRecords.open(url)).close()
    with closing(sqlite3.connect(tmp_path / "records.db")) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()
    with pytest.raises(RecordsUnavailable, match=r"another version of this program.*9999"):
        await CallRecords.open(url)


async def test_a_new_sqlite_file_is_private_and_keeps_a_journal_ahead(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "records.db"
    await (await CallRecords.open(f"sqlite:///{file}")).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "URL is invalid"),
        ("mysql://localhost/x", "mysql is not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:////proc/nowhere/records.db", "cannot be opened"),
        ("postgresql://postgres@127.0.0.1:1/x", "is unavailable"),
    ],
)
async def test_a_database_that_cannot_be_opened_is_reported_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(RecordsUnavailable, match=reason):
        await CallRecords.open(url, retry_timeout_s=0.1)


async def test_a_database_that_does_not_exist_on_the_server_is_reported(postgres: str) -> None:
    with pytest.raises(RecordsUnavailable, match="huifang_nowhere"):
        await CallRecords.open(postgres.rsplit("/", 1)[0] + "/huifang_nowhere", retry_timeout_s=0.1)


async def test_cases_of_the_first_version_are_kept_and_routed_later(url: str) -> None:
    scheme, rest = url.split(":", 1)
    engine = create_async_engine(f"{DRIVERS[scheme]}:{rest}")
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade_to_the_first)
        for statement in OF_THE_FIRST:
            await connection.exec_driver_sql(statement)
    await engine.dispose()

    rules = load(ROOT / "lines.yaml", ROOT / "calendar.yaml")
    records = await CallRecords.open(url, rules=rules)
    files = CaseQueries(records.database)
    plain = await files.cases(CaseFilter(), "staff", 9)
    assert [(case.number, case.customer, case.tier, case.state) for case in plain] == [
        ("20261120-0001", "13812345678", None, "registered")
    ]
    assert await SlaWorker(records.database, rules).route_unrouted() == 2
    [case] = await files.cases(CaseFilter(), "staff", 9)
    assert (case.line, case.opened_at) == ("hotline", datetime(2026, 11, 20, tzinfo=UTC))
    assert [each.kind for each in await files.cases(CaseFilter(), "management", 9)] == ["fraud", "bad_review"]
    assert [booking.spoken for booking in (await records.call("call-1", "management")).bookings] == ["明天"]
    await records.close()


OF_THE_FIRST = (
    "INSERT INTO customers (id, number, name, language) VALUES (1, '13812345678', '', 'zh-CN')",
    "INSERT INTO calls (id, customer_id, network, direction, caller, called, flow, flow_version, language, variables, "
    "node, turn, started_at) VALUES ('call-1', 1, 'browser', 'inbound', '13812345678', '4001', 'survey', 'v1', "
    "'zh-CN', '{}', 'n', 0, '2026-11-20 00:00:00+00')",
    "INSERT INTO cases (number, call_id, kind, reason, details, opened_at) VALUES "
    "('20261120-0001', 'call-1', 'bad_review', '回访差评', '{}', '2026-11-20 00:00:00+00')",
    "INSERT INTO cases (number, call_id, kind, reason, details, opened_at) VALUES "
    "('20261120-0002', 'call-1', 'fraud', '举报', '{}', '2026-11-20 00:00:00+00')",
    "INSERT INTO bookings (call_id, at, spoken, state) VALUES ('call-1', '2026-11-21 00:00:00+00', '明天', 'open')",
)


def _upgrade_to_the_first(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "ivr" / "database" / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
