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
from ivr.complaints import clock, life
from ivr.complaints.clock import Alarm
from ivr.complaints.desk import one_up
from ivr.complaints.intake import Rules
from ivr.complaints.life import State
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.records import tables as t
from ivr.records.cases import SELF, admit, follow, step, watch
from ivr.records.database import Database

log = logging.getLogger(__name__)

SWEEP_S: Final = 60.0
"""From one look at the clocks to the next."""
TELL_S: Final = 2.0
"""News are so late at most."""
BATCH: Final = 50
"""So many cases, or news, are taken in one transaction: between them, calls that are going on have their turn."""


class Feed(Protocol):
    """Whoever is told the news; see ivr/live/feed.py."""

    async def publish(self, event: Mapping[str, Value]) -> None:
        """Tell everybody."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm of a case, and what it led to in words."""

    number: str
    alarm: Alarm
    what: str


class Rounds:
    """The rounds of one process. All methods raise RecordsUnavailable when the database stays away."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database, self._rules = database, rules

    async def keep(self, feed: Feed, management: Feed, now: Callable[[], datetime]) -> None:
        """Until cancelled: route, raise, tell; the log has every alarm."""
        passing = asyncio.get_running_loop().time
        due_s = passing()
        while True:
            try:
                if passing() >= due_s:
                    await self.admit()
                    for raised in await self.sweep(now()):
                        log.warning("case %s: %s", raised.number, raised.what)
                    due_s = passing() + SWEEP_S
                await self.tell(feed, management)
            except HuifangError as away:
                log.warning("the clocks of complaints have to wait: %s", away)
            except Exception:
                log.exception("the clocks of complaints failed")
            await asyncio.sleep(TELL_S)

    async def admit(self) -> int:
        """Route the cases that were opened without rules; gives how many."""
        count = 0
        while admitted := await self._database.write(self._admit):
            count += admitted
        return count

    async def sweep(self, now: datetime) -> tuple[Raised, ...]:
        """Raise every alarm that is due, with what follows from it."""
        raised: list[Raised] = []
        while True:
            seen, found = await self._database.write(lambda session: self._sweep(session, now))
            raised += found
            if not seen:
                return tuple(raised)

    async def tell(self, feed: Feed, management: Feed) -> int:
        """Pass the news on, oldest first; gives how many. An event may come twice, but none is lost.

        Management hears all, and it alone hears what is confidential (R18).
        """
        count = 0
        while news := await self._database.read(_news):
            for one in news:
                await management.publish(one.event)
                if not one.confidential:
                    await feed.publish(one.event)
            told = delete(t.News).where(t.News.id.in_([one.id for one in news]))
            await self._database.write(partial(_run, told))
            count += len(news)
        return count

    async def _admit(self, session: AsyncSession) -> int:
        query = (
            select(t.Case, t.Call.called)
            .outerjoin(t.Call, t.Call.id == t.Case.call_id)
            .where(t.Case.tier.is_(None))
            .limit(BATCH)
            .with_for_update(of=t.Case, skip_locked=True)
        )
        cases = (await session.execute(query)).all()
        for case, called in cases:
            admit(session, self._rules, case, called or "", case.opened_at)
        return len(cases)

    async def _sweep(self, session: AsyncSession, now: datetime) -> tuple[int, list[Raised]]:
        query = select(t.Case).where(t.Case.alarm_at <= now).order_by(t.Case.alarm_at).limit(BATCH)
        cases = (await session.scalars(query.with_for_update(skip_locked=True))).all()
        raised = []
        for case in cases:
            for alarm in clock.due(self._rules.lines.clocks, watch(case), now):
                what = self._raise(session, case, alarm, now)
                raised.append(Raised(case.number, alarm, what))
            case.watched_until = max(now, case.watched_until)
            case.alarm_at = clock.next_alarm(self._rules.lines.clocks, watch(case))
        return len(cases), raised

    def _raise(self, session: AsyncSession, case: t.Case, alarm: Alarm, now: datetime) -> str:
        """Write an alarm into the history. A breach takes the case one tier up, unless it is resolved or at the top."""
        due_at = case.contact_due if alarm.clock == "contact" else case.reply_due
        why = f"{alarm.clock} was due on {cast('datetime', due_at).astimezone(ZONE):%Y-%m-%d %H:%M}"
        if alarm.kind == "warning":
            what, why = "warned", why.replace("was due", "is due")
        elif "escalate" in life.legal(cast("State", case.state)) and (route := one_up(self._rules, case)):
            follow(case, route)
            what, why = "escalated", f"{why}; to {route.line or route.owner} ({route.article})"
        else:
            what = "breached"
        step(session, case, SELF, what, why, now)
        return f"{what}: {why}"


async def _news(session: AsyncSession) -> list[t.News]:
    return list(await session.scalars(select(t.News).order_by(t.News.id).limit(BATCH)))


async def _run(statement: Delete, session: AsyncSession) -> None:
    await session.execute(statement)
