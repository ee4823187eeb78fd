"""How the databases find what the service asks for again and again, among 200 000 calls.

Every statement that the service issues is explained. A query that a worker or a page repeats belongs here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ivr.actions import Fact, OpenComplaint, SaveAnswer
from ivr.callbacks.scheduler import CallbackScheduler
from ivr.campaigns.campaign_service import CampaignService
from ivr.campaigns.contact_scheduler import ContactScheduler
from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.rulebook import load
from ivr.complaints.rules.intake import Rules
from ivr.complaints.sla_worker import SlaWorker
from ivr.database.database import DRIVERS
from ivr.events import NothingHeard
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from ivr.telephony.port import Call
from tests.campaigns.town import FlowsInForce, contact
from tests.records.archive import CALLS, CASES, CONTACTS, NOW, fill

pytestmark = pytest.mark.slow

LARGE = frozenset({"customers", "calls", "turns", "answers", "cases", "case_steps", "bookings", "attempts", "contacts"})
"""The tables that grow for as long as the service runs."""
ROWS_MAX = 1000
"""Rows that one query may read in PostgreSQL: some batches, never a share of a table."""
STEPS_MAX = 100_000
"""Steps of SQLite's virtual machine that one query may take: about a hundred for each of so many rows."""
STEPS_APART = 1000


@dataclass(frozen=True)
class Issued:
    """A statement as the service issued it, with its parameters (the first ones if it was executed for many)."""

    statement: str
    parameters: Any


@dataclass
class Archive:
    """The records of a long time, and their database as somebody sees it who wants to know how it works."""

    records: CallRecords
    rules: Rules
    connection: AsyncConnection

    async def faults(self, issued: Issued) -> list[str]:
        """How a statement reads a large table without need; it is executed for that, and rolled back."""
        sqlite = self.connection.dialect.name == "sqlite"
        try:
            return await (self._faults_in_sqlite if sqlite else self._faults_in_postgresql)(issued)
        finally:
            await self.connection.rollback()

    async def _faults_in_sqlite(self, issued: Issued) -> list[str]:
        explained = await self._execute("EXPLAIN QUERY PLAN", issued)
        plan = [row.detail for row in explained]
        page = " LIMIT " in issued.statement and "USE TEMP B-TREE FOR ORDER BY" not in plan
        scans = [step for step in plan if step.removeprefix("SCAN ") in LARGE and not page]
        driver: Any = (await self.connection.get_raw_connection()).driver_connection
        ticks: list[None] = []
        await driver.set_progress_handler(lambda: ticks.append(None), STEPS_APART)
        await self._execute("", issued)
        await driver.set_progress_handler(None, 0)
        steps = len(ticks) * STEPS_APART
        return [*scans, *([f"{steps} steps: {plan}"] if steps > STEPS_MAX else ())]

    async def _faults_in_postgresql(self, issued: Issued) -> list[str]:
        [[plan]] = await self._execute("EXPLAIN (ANALYZE, FORMAT JSON)", issued)
        [root] = json.loads(plan) if isinstance(plan, str) else plan
        nodes = list(_nodes(root["Plan"]))
        scans = [
            f"{node['Node Type']} on {node['Relation Name']}"
            for node in nodes
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
        ]
        reads = [
            (node["Node Type"], node["Relation Name"], rows)
            for node in nodes
            if "Relation Name" in node
            and (rows := (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        ]
        rows = sum(rows for _, _, rows in reads)
        return [*scans, *([f"{rows} rows: {reads}"] if rows > ROWS_MAX else ())]

    async def _execute(self, prefix: str, issued: Issued) -> Sequence[Any]:
        done = await self.connection.exec_driver_sql(f"{prefix} {issued.statement}", issued.parameters)
        return done.fetchall() if done.returns_rows else ()


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


@pytest.fixture
async def archive(url: str) -> AsyncIterator[Archive]:
    rules = load(ROOT / "lines.yaml", ROOT / "calendar.yaml")
    records = await CallRecords.open(url, rules=rules)
    scheme, rest = url.split(":", 1)
    engine = create_async_engine(f"{DRIVERS[scheme]}:{rest}")
    async with engine.begin() as connection:
        await fill(connection)
    async with engine.connect() as connection:
        yield Archive(records, rules, connection)
    await engine.dispose()
    await records.close()


@contextmanager
def noted() -> Iterator[list[Issued]]:
    """Every query, update and deletion that the service issues within the block."""
    issued: list[Issued] = []

    def note(_: Connection, __: object, statement: str, parameters: Any, ___: object, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            issued.append(Issued(statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield issued
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class Nobody:
    """A feed that nobody reads."""

    async def publish(self, event: Any) -> None: ...


async def a_call(records: CallRecords) -> CallRecord:
    """A call with an answer, from its beginning to its end."""
    call = Call("new", "asterisk", "inbound", "13812345678", "95500", "hotline", "zh-CN")
    await records.open_call(call, "v1", NOW)
    await records.answer_call(call.id, NOW)
    facts: list[Fact] = [SaveAnswer("solved", "yes", "是", (), 1.0, "key", 1), OpenComplaint("complaint", "客户投诉")]
    await records.save_turn(call.id, 1, NothingHeard("1"), facts, (), NOW)
    await records.close_call(call.id, Disposition.COMPLETED, "normal", "caller", NOW)
    return await records.call(call.id)


async def test_what_the_service_does_again_and_again_reads_no_large_table_through(archive: Archive) -> None:
    records, rules = archive.records, archive.rules
    sla, callbacks = SlaWorker(records.database, rules), CallbackScheduler(records.database, rules)
    cases = CaseQueries(records.database).cases
    contacts = ContactScheduler(records.database, rules.calendar, FlowsInForce())
    campaigns = CampaignService(records.database, rules.calendar)
    early_call, early_case = f"call-{CALLS // 3}", f"20240101-{CASES // 3}"
    work: dict[str, Callable[[], Awaitable[Any]]] = {
        "routing of unrouted cases": sla.route_unrouted,
        "sweep of deadlines": lambda: sla.sweep(NOW),
        "delivery of the outbox": lambda: sla.deliver_outbox(Nobody(), Nobody(), lambda: NOW),
        "settling of callbacks": lambda: callbacks.settle(NOW),
        "claim of a callback": lambda: callbacks.claim("call", NOW),
        "settling of attempts at contacts": lambda: contacts.settle(NOW),
        "claim of contacts": lambda: contacts.claim("回访", 20, NOW),
        "why a contact is called": lambda: contacts.why("回访", f"+86139{10000000 + CONTACTS // 2}", NOW),
        "import of contacts": lambda: campaigns.import_contacts("回访", [contact(1)], "list.csv", "王", NOW),
        "completion of projects": lambda: campaigns.complete_finished(NOW),
        "sweep of orphaned calls": records.open_calls,
        "a call": lambda: a_call(records),
        "the latest calls": lambda: records.calls(20),
        "early calls": lambda: records.calls(20, early_call),
        "the latest cases": lambda: cases(CaseFilter(), "staff", 50),
        "early cases": lambda: cases(CaseFilter(), "staff", 50, early_case),
        "cases of a common state": lambda: cases(CaseFilter(state="archived"), "staff", 50),
        "cases of a rare state": lambda: cases(CaseFilter(state="resolved"), "staff", 50),
        "cases of a busy line": lambda: cases(CaseFilter(line="aid_dalian"), "management", 50, early_case),
        "cases of a quiet line": lambda: cases(CaseFilter(line="hotline"), "management", 50),
        "cases left to a person": lambda: cases(CaseFilter(unreached=True), "staff", 50),
    }
    faults = []
    for name, does in work.items():
        with noted() as issued:
            assert await does(), f"{name}: there was nothing to do"
        for each in {one.statement: one for one in reversed(issued)}.values():
            faults += [f"{name}: {fault} ({each.statement})" for fault in await archive.faults(each)]
    assert not faults, "\n".join(faults)
