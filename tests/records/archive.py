"""The records of a service that has run for long, written in bulk: years of calls that are over, and a day's work."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.complaints.case_writer import STEP_DATA
from ivr.events import NothingHeard
from ivr.records.reading import EVENTS

CALLS: Final = 200_000
BEGAN: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""When the first call began; every fifth minute another did."""
APART: Final = timedelta(minutes=5)
NOW: Final = BEGAN + CALLS * APART
CASES: Final = CALLS // 4
OPEN_CASES: Final = 400
BOOKINGS: Final = CALLS // 10
CONTACTS: Final = 200_000
OVER: Final = 150_000
"""Contacts that have ended; one attempt at each was made."""
DUE: Final = 100
CLAIMED: Final = 3
"""Contacts that a dead node has claimed."""
LIVE: Final = 20
"""Calls in progress."""
UNROUTED: Final = 3
EVENT: Final = json.dumps(EVENTS.dump(NothingHeard("1")))
STEP: Final = json.dumps(
    dict.fromkeys(("call", "line", *STEP_DATA)) | {"id": "step", "case": "1", "at": "2026-11-29T09:00:00+00:00"}
)

_INSERT: Final = (
    # the rows come from `n`, the numbers from 1 to {count}
    "INSERT INTO {table} ({columns}) "
    "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) SELECT {values} FROM n"
)
_TIMES: Final = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', '{now:%Y-%m-%d %H:%M:%S}', -({minutes}) || ' minutes')",
    "postgresql": "timestamptz '{now:%Y-%m-%d %H:%M:%S}+00' - ({minutes}) * interval '1 minute'",
}


async def fill(connection: AsyncConnection) -> None:
    """Write the archive into a database that has tables but no rows."""
    dialect = connection.dialect.name

    def ago(minutes: str) -> str:
        """Return a time so many minutes before NOW, as an SQL expression of `n`."""
        return _TIMES[dialect].format(now=NOW, minutes=minutes)

    async def insert(table: str, count: int, **values: str) -> None:
        names = ", ".join(f'"{name}"' for name in values)
        rows = ", ".join(values.values())
        await connection.exec_driver_sql(_INSERT.format(table=table, columns=names, count=count, values=rows))

    begun = ago(f"({CALLS} - n) * 5")
    ended = f"CASE WHEN n <= {CALLS - LIVE} THEN {ago(f'({CALLS} - n) * 5 - 3')} END"
    await insert("customers", CASES, number="'138' || (10000000 + n)", name="''", language="'zh-CN'")
    await insert(
        "calls", CALLS, id="'call-' || n", customer_id=f"1 + n % {CASES}", network="'asterisk'",
        direction="'inbound'", caller=f"'138' || (10000001 + n % {CASES})", called="'95500'", flow="'hotline'",
        flow_version="'v1'", language="'zh-CN'", variables="'{}'", node="'node-1'", turn="1", started_at=begun,
        answered_at=begun, ended_at=ended, disposition=f"CASE WHEN n <= {CALLS - LIVE} THEN 'completed' END",
        cause=f"CASE WHEN n <= {CALLS - LIVE} THEN 'normal' END", ended_by="'caller'", duration_ms="180000",
    )  # fmt: skip
    await insert("turns", CALLS, call_id="'call-' || n", turn="1", event=f"'{EVENT}'", node="'node-1'", at=begun)
    await insert(
        "answers", CALLS // 2, call_id="'call-' || (n * 2)", turn="1", question="'solved'", value="'\"yes\"'",
        heard="'是'", alternatives="'[]'", confidence="1", by="'key'", attempts="1", confirmed="false", at=begun,
    )  # fmt: skip
    is_open, alarm = f"n > {CASES - OPEN_CASES}", ago(f"60 - ({CASES} - n) * 10")
    await insert(
        "cases", CASES, number="'20240101-' || n", call_id="'call-' || (n * 4)", customer_id="n", kind="'complaint'",
        reason="'客户投诉'", details="'{}'", opened_at=ago(f"({CASES} - n) * 20"),
        state=f"CASE WHEN {is_open} THEN 'replied' WHEN n % 9001 = 0 THEN 'resolved' ELSE 'archived' END",
        grade="'general'", grade_reason="''", grade_by="'huifang'", confidential="n % 500 = 0",
        tier=f"CASE WHEN n <= {CASES - UNROUTED} THEN 'assistance' END",
        line="CASE WHEN n % 9001 = 0 THEN 'hotline' ELSE 'aid_dalian' END", handler="''",
        contact_due=f"CASE WHEN {is_open} THEN {alarm} END", watched_until=ago("90"),
        alarm_at=f"CASE WHEN {is_open} THEN {alarm} END", version="1",
    )  # fmt: skip
    await insert("case_steps", CASES, case_id="n", at=begun, who="'王'", what="'registered'", why="''")
    await insert("outbox", 120, event=f"'{STEP}'", confidential="false")
    # the latest hundred bookings are open: half of them are due at intervals, half are left to a person
    latest = f"n > {BOOKINGS - 100}"
    await insert(
        "bookings", BOOKINGS, call_id="'call-' || n", case_id=f"{CASES - BOOKINGS} + n", at=ago("n"),
        spoken="''", state=f"CASE WHEN {latest} THEN 'open' ELSE 'done' END", wished="false",
        do_not_call_proposed="false",
        next_at=f"CASE WHEN {latest} AND n % 2 = 0 THEN {ago(f'{BOOKINGS} - n - 50')} END",
    )  # fmt: skip
    await insert(
        "attempts", BOOKINGS, booking_id="n", call_id="'call-' || (n + 100000)", at=ago("n"),
        outcome=f"CASE WHEN n <= {BOOKINGS - 4} THEN 'completed' END", counted="true",
        answered="true",
    )  # fmt: skip
    plan = json.dumps({"flow": "survey", "purpose": "回访"}, ensure_ascii=False)
    for key, name in ((1, "回访"), (2, "完")):
        await insert(
            "projects", 1, id=str(key), name=f"'{name}'", department="''", proposed_by="'王'", proposed_at=ago("0"),
            state="'running'", revision="1", suggestion="''",
        )  # fmt: skip
        await insert(
            "project_revisions", 1, project_id=str(key), revision="1", plan=f"'{plan}'", by="'王'", at=ago("0")
        )
    waiting = f"CASE WHEN n > {CONTACTS - DUE} THEN {ago('5')} ELSE {ago('-n')} END"
    await insert(
        "contacts", CONTACTS, project_id="CASE WHEN n = 1 THEN 2 ELSE 1 END", number="'+86139' || (10000000 + n)",
        line_type="'mobile'", name="''", language="''", zone="''", variables="'{}'", line="n", added_at=ago("5000"),
        wished_at=f"CASE WHEN n > {OVER} AND n % 1000 = 0 THEN {waiting} END",
        next_at=f"CASE WHEN n > {OVER + CLAIMED} THEN {waiting} END",
        ended=f"CASE WHEN n <= {OVER} THEN 'reached' END", ended_why="''",
    )  # fmt: skip
    over = f"n <= {OVER}"
    await insert(
        "attempts", OVER + CLAIMED, contact_id="n", call_id="'out-' || n", number="'+86139' || (10000000 + n)",
        at=ago("n + 10"), ended_at=f"CASE WHEN {over} THEN {ago('n + 9')} END", revision="1",
        outcome=f"CASE WHEN {over} THEN 'completed' END", result=f"CASE WHEN {over} THEN 'reached' END",
        counted="true", answered="true",
    )  # fmt: skip
    if dialect == "postgresql":
        await connection.exec_driver_sql("ANALYZE")  # as its autovacuum does
