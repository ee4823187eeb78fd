from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

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


@pytest.fixture
def url(bare_url: str) -> str:
    """The URL of a database without tables."""
    return bare_url


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


async def test_the_migrations_produce_the_tables_in_the_code(url: str) -> None:
    await (await CallRecords.open(url)).close()
    scheme, rest = url.split(":", 1)
    engine = create_async_engine(f"{DRIVERS[scheme]}:{rest}")
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_reopening_keeps_the_data(url: str) -> None:
    for _ in range(2):
        records = await CallRecords.open(url)
        await records.open_call(CALL, "v1", datetime(2026, 11, 21, tzinfo=UTC))
        assert len(await records.calls(10)) == 1
        await records.close()


async def test_nodes_that_start_together_create_the_tables_once(url: str) -> None:
    nodes = await asyncio.gather(*(CallRecords.open(url, retry_timeout_s=30) for _ in range(4)))
    for records in nodes:
        assert await records.calls(1) == ()
        await records.close()


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    await (await CallRecords.open(url)).close()
    with closing(sqlite3.connect(tmp_path / "records.db")) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()
    with pytest.raises(RecordsUnavailable, match=r"another version of this program.*9999"):
        await CallRecords.open(url)


async def test_a_new_sqlite_file_is_private_and_uses_write_ahead_logging(tmp_path: Path) -> None:
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
    async with _at_version(url, "0001") as connection:
        for statement in OF_THE_FIRST:
            await connection.exec_driver_sql(statement)

    rules = load(ROOT / "lines.yaml", ROOT / "calendar.yaml")
    records = await CallRecords.open(url, rules=rules)
    files = CaseQueries(records.database)
    plain = await files.cases(CaseFilter(), "staff", 9)
    assert [(case.number, case.customer, case.tier, case.state) for case in plain] == [
        ("20261120-0001", "+8613812345678", None, "registered")
    ]
    assert await SlaWorker(records.database, rules).route_unrouted() == 2
    [case] = await files.cases(CaseFilter(), "staff", 9)
    assert (case.line, case.opened_at) == ("hotline", datetime(2026, 11, 20, tzinfo=UTC))
    assert [each.kind for each in await files.cases(CaseFilter(), "management", 9)] == ["fraud", "bad_review"]
    assert [booking.spoken for booking in (await records.call("call-1", "management")).bookings] == ["明天"]
    await records.close()


async def test_customers_under_several_spellings_become_one(url: str) -> None:
    records = await _with_spellings(url)
    spelled = ("138 1234 5678", "0411-83612345转801", "1001", "8361 2345", "010 6234 5678")
    person, company, short, local, named = [await records.customer(number) for number in spelled]
    assert person and company and short and local and named
    assert (person.number, person.name, person.language) == ("+8613812345678", "张珊", "en-US")
    assert [(change.name, change.by) for change in person.changes] == [("张三", "王"), ("张三丰", "赵"), ("张珊", "李")]
    assert [call.id for call in person.calls] == ["call-out", "call-3", "call-2", "call-1"]
    assert {call.caller for call in person.calls if call.direction == "inbound"} == {"+8613812345678"}
    assert (company.number, company.name) == ("+8641183612345;ext=801", "大连供暖")
    assert (short.number, short.calls[0].called) == ("1001", "02462000")
    assert (local.number, local.calls[0].caller) == ("83612345", "83612345")
    assert (named.number, named.name, len(named.calls)) == ("+861062345678", "李四", 2)
    await records.close()


async def test_calls_made_have_one_form_of_number_and_lines_keep_theirs(url: str) -> None:
    records = await _with_spellings(url)
    numbers = {call.id: (call.caller, call.called) for call in await records.calls(99)}
    await records.close()
    assert numbers["call-1"] == ("+8613812345678", "02462000")
    assert numbers["call-out"] == ("+862462000000", "+8613812345678")


async def test_a_withheld_number_is_no_customer_any_more(url: str) -> None:
    records = await _with_spellings(url)
    calls = {call.id: call for call in await records.calls(99)}
    assert (calls["call-7"].caller, calls["call-8"].caller) == ("", "")
    assert await records.customer("anonymous") is None
    cases = {case.number: case for case in await CaseQueries(records.database).cases(CaseFilter(), "staff", 99)}
    assert cases["20261120-0007"].customer is None
    await records.close()


async def test_cases_follow_their_customer_and_name_numbers_in_one_form(url: str) -> None:
    records = await _with_spellings(url)
    cases = {case.number: case for case in await CaseQueries(records.database).cases(CaseFilter(), "staff", 99)}
    assert cases["20261120-0002"].customer == cases["20261120-0003"].customer == "+8613812345678"
    assert cases["20261120-0002"].details == {"what": "13812345678", "phone": "+8613912345678", "score": 2}
    assert cases["20261120-0003"].details == {"callback_phone": "+8641183612345;ext=801", "phone": None}
    found = await records.find_case("", "phone", "０１３９－１２３４－５６７８")
    assert found is not None and found.number == "20261120-0002"
    await records.close()


async def test_many_rows_are_rewritten_page_by_page(url: str) -> None:
    count = 2050
    async with _at_version(url, "0005") as connection:
        rows = ", ".join(f"({number + 1}, '138{number:08}', '', 'zh-CN')" for number in range(count))
        await connection.exec_driver_sql(f"INSERT INTO customers (id, number, name, language) VALUES {rows}")
    records = await CallRecords.open(url)
    for number in (0, 999, 1000, 1001, count - 1):
        found = await records.customer(f"138{number:08}")
        assert found is not None and found.number == f"+86138{number:08}"
    await records.close()


SPELLINGS = {
    1: ("13812345678", "13812345678", ""),
    2: ("008613812345678", "0086 138 1234 5678", ""),
    3: ("+8613812345678", "+8613812345678", "张三丰"),
    4: ("1001", "1001", ""),
    5: ("83612345", "8361-2345", ""),
    6: ("0411-83612345转801", "041183612345-801", "大连供暖"),
    7: ("anonymous", "anonymous", "某人"),
    8: ("Unknown", "Unknown", ""),
    9: ("01062345678", "01062345678", ""),
    10: ("+861062345678", "010-62345678", "李四"),
}
"""Customer → the number they were known under, that of their call, their name."""
CHANGES = (
    (1, "张三", "zh-CN", "王"),
    (3, "张三丰", "zh-CN", "赵"),
    (2, "张珊", "en-US", "李"),
    (7, "某人", "zh-CN", "王"),
)
CASES = {
    2: '{"what": "13812345678", "phone": "139 1234 5678", "score": 2}',
    3: '{"callback_phone": "0411-83612345转801", "phone": null}',
    7: "{}",
}
CALL_COLUMNS = (
    "network, flow, flow_version, language, variables, node, turn, id, customer_id, direction, caller, called"
)
CALL_VALUES = "'asterisk', 'hotline', 'v1', 'zh-CN', '{}', 'n', 0"
CASE_COLUMNS = (
    "kind, reason, state, grade, grade_reason, grade_by, confidential, handler, version, opened_at, watched_until, "
    "number, call_id, customer_id, details"
)
CASE_VALUES = "'repair', '报修', 'registered', 'general', '', 'huifang', false, '', 1"
NIGHT = "2026-11-20 00:00:{:02}+00"
WITH_SPELLINGS = (
    *(
        f"INSERT INTO customers (id, number, name, language) VALUES ({key}, '{number}', '{name}', 'zh-CN')"
        for key, (number, _, name) in SPELLINGS.items()
    ),
    *(
        f"INSERT INTO calls ({CALL_COLUMNS}, started_at) VALUES ({CALL_VALUES}, 'call-{key}', {key}, 'inbound', "
        f"'{caller}', '02462000', '{NIGHT.format(key)}')"
        for key, (_, caller, _) in SPELLINGS.items()
    ),
    f"INSERT INTO calls ({CALL_COLUMNS}, started_at) VALUES ({CALL_VALUES}, 'call-out', 2, 'outbound', '024-62000000', "
    f"'138 1234 5678', '{NIGHT.format(11)}')",
    *(
        'INSERT INTO customer_changes (id, customer_id, name, language, "by", at) VALUES '
        f"({key}, {customer}, '{name}', '{language}', '{by}', '{NIGHT.format(key)}')"
        for key, (customer, name, language, by) in enumerate(CHANGES, 1)
    ),
    *(
        f"INSERT INTO cases ({CASE_COLUMNS}) VALUES ({CASE_VALUES}, '{NIGHT.format(0)}', '{NIGHT.format(0)}', "
        f"'20261120-000{key}', 'call-{key}', {key}, '{details}')"
        for key, details in CASES.items()
    ),
)
"""The rows of a service whose networks, forms and people spelled numbers as they liked."""


async def _with_spellings(url: str) -> CallRecords:
    async with _at_version(url, "0005") as connection:
        for statement in WITH_SPELLINGS:
            await connection.exec_driver_sql(statement)
    return await CallRecords.open(url)


@asynccontextmanager
async def _at_version(url: str, version: str) -> AsyncIterator[AsyncConnection]:
    """A database of an earlier version, to be filled."""
    scheme, rest = url.split(":", 1)
    engine = create_async_engine(f"{DRIVERS[scheme]}:{rest}")
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade_to, version)
        yield connection
    await engine.dispose()


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


def _upgrade_to(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "ivr" / "database" / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)
