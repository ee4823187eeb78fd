"""SLA sweep over many open cases, and the routing decision of a complaint, on SQLite."""

from __future__ import annotations

import itertools
import time
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bench.figures import Figure
from ivr.calendar import ZONE
from ivr.complaints.rulebook import load
from ivr.complaints.rules import clock
from ivr.complaints.rules.intake import Rules, assess
from ivr.complaints.sla_worker import SlaWorker
from ivr.database import tables as t
from ivr.events import Value
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT

CASES: Final = 10_000
OPENED_OVER: Final = timedelta(hours=100)
"""The cases were opened evenly over this period: less than four working days, so none is closed by its deadline."""
NOW: Final = datetime(2026, 11, 24, 10, 0, tzinfo=ZONE)
GOALS: Final = {
    "complaints_clock_pass_s": "≤ 1 (10 000 open cases, a minute after the last sweep)",
    "complaints_first_pass_s": "(10 000 open cases, first sweep: all alarms so far)",
    "complaints_routing_ms": "≤ 1 (grade, route and deadlines of a complaint)",
}


async def measure() -> dict[str, Figure]:
    """Measure the seconds of one sweep and the milliseconds of one decision."""
    rules = load(ROOT / "lines.yaml", ROOT / "calendar.yaml")
    with TemporaryDirectory() as folder:
        records = await CallRecords.open(f"sqlite:///{folder}/records.db", rules=rules)
        try:
            await records.database.write(lambda session: _insert_cases(session, rules))
            worker = SlaWorker(records.database, rules)
            first = await _timed_sweep(worker, NOW)
            passes = [await _timed_sweep(worker, NOW + timedelta(minutes=minute)) for minute in range(1, 11)]
        finally:
            await records.close()
    return {
        "complaints_clock_pass_s": round(max(passes), 3),
        "complaints_first_pass_s": round(first, 3),
        "complaints_routing_ms": round(_decision_ms(rules), 4),
    }


async def _timed_sweep(worker: SlaWorker, now: datetime) -> float:
    began = time.perf_counter()
    raised = await worker.sweep(now)
    seconds = time.perf_counter() - began
    print(f"{now:%H:%M}: {len(raised)} alarms in {seconds:.3f} s")
    return seconds


async def _insert_cases(session: AsyncSession, rules: Rules) -> None:
    details: dict[str, Value] = {"branch": "dalian", "line": "hotline"}
    rows = []
    for number in range(CASES):
        at = NOW - OPENED_OVER * (number / CASES)
        verdict = assess(rules, "complaint", details, "", at)
        seen = clock.SlaState(verdict.contact_due, None, verdict.reply_due, None, at)
        rows.append(
            {
                "number": f"{at:%Y%m%d}-{number:05}",
                "kind": "complaint",
                "reason": "",
                "details": details,
                "opened_at": at,
                "state": "registered",
                "grade": "general",
                "grade_reason": "",
                "grade_by": "huifang",
                "confidential": False,
                "responsible": "hotline",
                "tier": verdict.route.tier,
                "line": verdict.route.line,
                "owner": verdict.route.owner,
                "article": verdict.route.article,
                "handler": "",
                "contact_due": verdict.contact_due,
                "reply_due": verdict.reply_due,
                "watched_until": at,
                "alarm_at": clock.next_alarm(rules.lines.clocks, seen),
                "version": 1,
            }
        )
    await session.execute(insert(t.CaseRow), rows)


def _decision_ms(rules: Rules) -> float:
    """Return the mean over all kinds of complaint."""
    complaints: list[dict[str, Value]] = [
        {"line": line, "branch": branch, "business": business, "cues": cues, "about": about}
        for line, branch, business, cues, about in itertools.product(
            rules.lines.lines,
            (None, *rules.lines.branches),
            (None, *rules.lines.businesses),
            ("", "律师"),
            (None, "hotline"),
        )
    ]
    began = time.perf_counter()
    for details in complaints:
        assess(rules, "complaint", details, "", NOW)
    return 1000 * (time.perf_counter() - began) / len(complaints)
