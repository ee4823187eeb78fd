"""Goes round the cases: routes those that nobody has, raises each alarm once, passes the news on.

Several nodes may go round at once, and a node may start again in the middle: a case is locked while it is looked at and
changed by compare-and-set. Must not know: how often anybody goes round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol, cast

from sqlalchemy import Delete, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import ZONE
from ivr.complaints.case_service import escalation_route
from ivr.complaints.case_writer import SYSTEM, add_step, apply_route, route_case, sla_state
from ivr.complaints.rules import clock, life
from ivr.complaints.rules.clock import SlaAlarm
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.life import CaseState
from ivr.database import tables as t
from ivr.database.database import Database
from ivr.errors import HuifangError
from ivr.events import Value

log = logging.getLogger(__name__)

SWEEP_INTERVAL_S: Final = 60.0
"""From one look at the clocks to the next."""
DELIVERY_INTERVAL_S: Final = 2.0
"""News are so late at most."""
BATCH_SIZE: Final = 50
"""So many cases, or news, are taken in one transaction: between them, calls that are going on have their turn."""


class EventPublisher(Protocol):
    """Whoever is told the news; see ivr/live/feed.py."""

    async def publish(self, event: Mapping[str, Value]) -> None:
        """Tell everybody."""


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm of a case, and what it led to in words."""

    number: str
    alarm: SlaAlarm
    what: str


class SlaWorker:
    """The rounds of one process. All methods raise RecordsUnavailable when the database stays away."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database, self._rules = database, rules

    async def run(self, feed: EventPublisher, management: EventPublisher, now: Callable[[], datetime]) -> None:
        """Until cancelled: route, raise, tell; the log has every alarm."""
        monotonic = asyncio.get_running_loop().time
        sweep_due_s = monotonic()
        while True:
            try:
                if monotonic() >= sweep_due_s:
                    await self.route_unrouted()
                    for raised in await self.sweep(now()):
                        log.warning("case %s: %s", raised.number, raised.what)
                    sweep_due_s = monotonic() + SWEEP_INTERVAL_S
                await self.deliver_outbox(feed, management)
            except HuifangError as error:
                log.warning("the clocks of complaints have to wait: %s", error)
            except Exception:
                log.exception("the clocks of complaints failed")
            await asyncio.sleep(DELIVERY_INTERVAL_S)

    async def route_unrouted(self) -> int:
        """Route the cases that were opened without rules; gives how many."""
        count = 0
        while routed := await self._database.write(self._route_unrouted):
            count += routed
        return count

    async def sweep(self, now: datetime) -> tuple[RaisedAlarm, ...]:
        """Raise every alarm that is due, with what follows from it."""
        raised: list[RaisedAlarm] = []
        while True:
            scanned, found = await self._database.write(lambda session: self._sweep(session, now))
            raised += found
            if not scanned:
                return tuple(raised)

    async def deliver_outbox(self, feed: EventPublisher, management: EventPublisher) -> int:
        """Pass the news on, oldest first; gives how many. An event may come twice, but none is lost.

        Management hears all, and it alone hears what is confidential (R18).
        """
        count = 0
        while entries := await self._database.read(_undelivered):
            for entry in entries:
                await management.publish(entry.event)
                if not entry.confidential:
                    await feed.publish(entry.event)
            delivered = delete(t.OutboxRow).where(t.OutboxRow.id.in_([entry.id for entry in entries]))
            await self._database.write(partial(_execute, delivered))
            count += len(entries)
        return count

    async def _route_unrouted(self, session: AsyncSession) -> int:
        query = (
            select(t.CaseRow, t.CallRow.called)
            .outerjoin(t.CallRow, t.CallRow.id == t.CaseRow.call_id)
            .where(t.CaseRow.tier.is_(None))
            .limit(BATCH_SIZE)
            .with_for_update(of=t.CaseRow, skip_locked=True)
        )
        cases = (await session.execute(query)).all()
        for case, called in cases:
            route_case(session, self._rules, case, called or "", case.opened_at)
        return len(cases)

    async def _sweep(self, session: AsyncSession, now: datetime) -> tuple[int, list[RaisedAlarm]]:
        query = select(t.CaseRow).where(t.CaseRow.alarm_at <= now).order_by(t.CaseRow.alarm_at).limit(BATCH_SIZE)
        cases = (await session.scalars(query.with_for_update(skip_locked=True))).all()
        raised = []
        for case in cases:
            for alarm in clock.due_alarms(self._rules.lines.clocks, sla_state(case), now):
                what = self._raise(session, case, alarm, now)
                raised.append(RaisedAlarm(case.number, alarm, what))
            case.watched_until = max(now, case.watched_until)
            case.alarm_at = clock.next_alarm(self._rules.lines.clocks, sla_state(case))
        return len(cases), raised

    def _raise(self, session: AsyncSession, case: t.CaseRow, alarm: SlaAlarm, now: datetime) -> str:
        """Write an alarm into the history. A breach takes the case one tier up, unless it is resolved or at the top."""
        due_at = case.contact_due if alarm.clock == "contact" else case.reply_due
        why = f"{alarm.clock} was due on {cast('datetime', due_at).astimezone(ZONE):%Y-%m-%d %H:%M}"
        if alarm.kind == "warning":
            what, why = "warned", why.replace("was due", "is due")
        elif "escalate" in life.legal_moves(cast("CaseState", case.state)) and (
            route := escalation_route(self._rules, case)
        ):
            apply_route(case, route)
            what, why = "escalated", f"{why}; to {route.line or route.owner} ({route.article})"
        else:
            what = "breached"
        add_step(session, case, SYSTEM, what, why, now)
        return f"{what}: {why}"


async def _undelivered(session: AsyncSession) -> list[t.OutboxRow]:
    return list(await session.scalars(select(t.OutboxRow).order_by(t.OutboxRow.id).limit(BATCH_SIZE)))


async def _execute(statement: Delete, session: AsyncSession) -> None:
    await session.execute(statement)
