"""The SLA worker: routes unrouted cases, raises each deadline alarm once, delivers the outbox to the event feeds.

Several nodes may sweep at once, and a node may restart in the middle of a sweep: a case is locked while it is processed
and changed by compare-and-set. Must not know: how many nodes sweep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol, cast
from uuid import uuid4

from sqlalchemy import Delete, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import ZONE
from ivr.complaints.case_service import escalation_route
from ivr.complaints.case_writer import STEP_DATA, SYSTEM, add_step, apply_route, route_case, sla_state
from ivr.complaints.rules import clock, life
from ivr.complaints.rules.clock import SlaAlarm
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.life import CaseState
from ivr.database import tables as t
from ivr.database.database import Database
from ivr.database.errors import describe
from ivr.errors import HuifangError
from ivr.live.feed_event import FeedEvent

log = logging.getLogger(__name__)

SWEEP_INTERVAL_S: Final = 60.0
"""Seconds between two sweeps of the deadlines."""
DELIVERY_INTERVAL_S: Final = 2.0
"""Seconds between two deliveries of the outbox: the maximum delay of an event."""
CLAIM_FOR: Final = timedelta(seconds=30)
"""Time after which another worker publishes the outbox entries that a dead one has claimed."""
BATCH_SIZE: Final = 50
"""Maximum number of cases or outbox entries per transaction, so that writes of live calls are not held up."""


class EventPublisher(Protocol):
    """A publisher of events; see ivr/live/feed.py."""

    async def publish(self, event: FeedEvent) -> None:
        """Publish an event to all subscribers."""


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """A raised alarm of a case; `what` describes its effect."""

    number: str
    alarm: SlaAlarm
    what: str


class SlaWorker:
    """The SLA worker of one process. All methods raise RecordsUnavailable when the database stays unavailable."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database, self._rules = database, rules
        self.trouble = ""
        """Why the last round of `run` failed unexpectedly; empty if it did not."""
        self._claim = uuid4().hex

    async def run(self, feed: EventPublisher, management: EventPublisher, now: Callable[[], datetime]) -> None:
        """Run until cancelled: route cases, raise and log due alarms, deliver the outbox."""
        monotonic = asyncio.get_running_loop().time
        sweep_due_s = monotonic()
        while True:
            try:
                if monotonic() >= sweep_due_s:
                    await self.route_unrouted()
                    for raised in await self.sweep(now()):
                        log.warning("case %s: %s", raised.number, raised.what)
                    sweep_due_s = monotonic() + SWEEP_INTERVAL_S
                await self.deliver_outbox(feed, management, now)
                self.trouble = ""
            except HuifangError as error:
                log.warning("complaint deadlines were not checked; retrying: %s", error)
            except Exception as error:
                self.trouble = f"the check of complaint deadlines failed: {describe(error)}"
                log.exception("the check of complaint deadlines failed")
            await asyncio.sleep(DELIVERY_INTERVAL_S)

    async def route_unrouted(self) -> int:
        """Route the cases that were opened without rules; return their number."""
        count = 0
        while routed := await self._database.write(self._route_unrouted):
            count += routed
        return count

    async def sweep(self, now: datetime) -> tuple[RaisedAlarm, ...]:
        """Raise every alarm due at `now`, including escalations; return the alarms."""
        raised: list[RaisedAlarm] = []
        while True:
            scanned, found = await self._database.write(lambda session: self._sweep(session, now))
            raised += found
            if not scanned:
                return tuple(raised)

    async def deliver_outbox(
        self, feed: EventPublisher, management: EventPublisher, now: Callable[[], datetime]
    ) -> int:
        """Publish the outbox entries, oldest first, unless another worker does; return their number.

        Delivery is at least once: if a worker dies, another publishes its entries again, with the same `id`.
        Management receives all events; confidential ones go to management only (R18).
        """
        count = 0
        while entries := await self._claim_undelivered(now()):
            for entry in entries:
                event = _feed_event(entry)
                await management.publish(event)
                if not entry.confidential:
                    await feed.publish(event)
            ids = [entry.id for entry in entries]
            delivered = delete(t.OutboxRow).where(t.OutboxRow.id.in_(ids), t.OutboxRow.claim == self._claim)
            await self._database.write(partial(_execute, delivered))
            count += len(entries)
        return count

    async def _claim_undelivered(self, now: datetime) -> list[t.OutboxRow]:
        """Claim and return the oldest outbox entries; none if there are none, or another worker publishes them."""
        if not await self._database.read(_has_undelivered):
            return []
        return await self._database.write(partial(_claim, claim=self._claim, now=now))

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
        """Record an alarm in the history; return a description of its effect.

        A breach escalates the case by one tier, unless the case is resolved or management has it.
        """
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


def _feed_event(entry: t.OutboxRow) -> FeedEvent:
    """Return the event of a step, see ivr.complaints.case_writer.add_step; early versions gave it no id."""
    step: dict[str, Any] = entry.event
    event_id, at = step.get("id") or f"outbox-{entry.id}", datetime.fromisoformat(step["at"])
    data = {name: step[name] for name in STEP_DATA}
    return FeedEvent(event_id, "case", at, call=step["call"], line=step["line"], case=step["case"], data=data)


async def _has_undelivered(session: AsyncSession) -> bool:
    return await session.scalar(select(t.OutboxRow.id).limit(1)) is not None


async def _claim(session: AsyncSession, claim: str, now: datetime) -> list[t.OutboxRow]:
    """Claim the oldest entries for a worker, in order: the holder of the very oldest is the only one who publishes."""
    oldest = select(t.OutboxRow).order_by(t.OutboxRow.id).with_for_update()
    head = await session.scalar(oldest.limit(1))
    if head is None or (head.claim != claim and head.claimed_until is not None and now < head.claimed_until):
        return []
    entries = list(await session.scalars(oldest.limit(BATCH_SIZE)))
    for entry in entries:
        entry.claim, entry.claimed_until = claim, now + CLAIM_FOR
    return entries


async def _execute(statement: Delete, session: AsyncSession) -> None:
    await session.execute(statement)
