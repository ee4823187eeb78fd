"""The clocks of a case (R10): first contact within hours, reply within working days; warnings, breaches. Pure.

What is due depends on the case and the time alone, not on how often somebody looked: a clock pass that comes late
finds what the passes before it would have found. Must not know: how a warning reaches anybody, what a breach leads to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ivr.calendar import Calendar
from ivr.complaints.rules.model import Lines, SlaClocks

SlaClock = Literal["contact", "reply"]
AlarmKind = Literal["warning", "breach"]


@dataclass(frozen=True, slots=True)
class SlaState:
    """What the clocks know of a case; `contacted_at` and `replied_at` are None while it is not done.

    Alarms up to `watched_until` have been raised. A case without due times (None) has no clock.
    """

    contact_due: datetime | None
    contacted_at: datetime | None
    reply_due: datetime | None
    replied_at: datetime | None
    watched_until: datetime


@dataclass(frozen=True, slots=True, order=True)
class SlaAlarm:
    """Something that falls due at `at`: a warning that `clock` runs out, or that it has run out (`breach`)."""

    at: datetime
    clock: SlaClock
    kind: AlarmKind


def contact_due(clocks: SlaClocks, opened_at: datetime) -> datetime:
    """Until when the customer must have been contacted."""
    return opened_at + clocks.contact.within


def reply_due(clocks: SlaClocks, calendar: Calendar, opened_at: datetime) -> datetime:
    """Until when the customer must have been told the result."""
    return calendar.add_working_days(opened_at, clocks.reply.working_days)


def due_alarms(clocks: SlaClocks, state: SlaState, now: datetime) -> tuple[SlaAlarm, ...]:
    """The alarms that nobody has raised yet, in their order."""
    return tuple(alarm for alarm in _pending(clocks, state) if alarm.at <= now)


def next_alarm(clocks: SlaClocks, state: SlaState) -> datetime | None:
    """When the case must be looked at next; None: never, as things stand."""
    return next((alarm.at for alarm in _pending(clocks, state)), None)


def verifying_call(lines: Lines, calendar: Calendar, resolved_at: datetime) -> datetime:
    """When to call the customer back, within the hours of calls that we make."""
    return lines.calling.hours.next_within(calendar, resolved_at + lines.clocks.verify.after)


def _pending(clocks: SlaClocks, state: SlaState) -> list[SlaAlarm]:
    """A deed done late was still late: its alarm counts when the deed was not done at the alarm's own time."""
    alarms: list[SlaAlarm] = []
    if state.contact_due:
        alarms += _alarms("contact", state.contact_due, clocks.contact.warn, state.contacted_at)
    if state.reply_due:
        alarms += _alarms("reply", state.reply_due, clocks.reply.warn, state.replied_at)
    return sorted(alarm for alarm in alarms if alarm.at > state.watched_until)


def _alarms(clock: SlaClock, due_at: datetime, warn: tuple[timedelta, ...], done_at: datetime | None) -> list[SlaAlarm]:
    alarms = [SlaAlarm(due_at - before, clock, "warning") for before in warn] + [SlaAlarm(due_at, clock, "breach")]
    return [alarm for alarm in alarms if done_at is None or done_at > alarm.at]
