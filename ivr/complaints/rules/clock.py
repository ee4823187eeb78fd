"""The SLA clocks of a case (R10): first contact within hours, reply within working days; warnings, breaches. Pure.

Alarms are computed from the case's timestamps and `watched_until`, so a late sweep raises exactly the alarms that
earlier sweeps would have raised. Must not know: how a warning is delivered, what a breach leads to.
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
    """The timestamps of a case that its clocks depend on; `contacted_at` and `replied_at` are None until done.

    Alarms up to `watched_until` have been raised. A due time of None means that the clock does not run.
    """

    contact_due: datetime | None
    contacted_at: datetime | None
    reply_due: datetime | None
    replied_at: datetime | None
    watched_until: datetime


@dataclass(frozen=True, slots=True, order=True)
class SlaAlarm:
    """An alarm due at `at`: a `warning` that the deadline of `clock` is near, or a `breach` of it."""

    at: datetime
    clock: SlaClock
    kind: AlarmKind


def contact_due(clocks: SlaClocks, opened_at: datetime) -> datetime:
    """Return the deadline for the first contact with the customer."""
    return opened_at + clocks.contact.within


def reply_due(clocks: SlaClocks, calendar: Calendar, opened_at: datetime) -> datetime:
    """Return the deadline for telling the customer the result."""
    return calendar.add_working_days(opened_at, clocks.reply.working_days)


def due_alarms(clocks: SlaClocks, state: SlaState, now: datetime) -> tuple[SlaAlarm, ...]:
    """Return the alarms due at `now` that have not been raised, in chronological order."""
    return tuple(alarm for alarm in _pending(clocks, state) if alarm.at <= now)


def next_alarm(clocks: SlaClocks, state: SlaState) -> datetime | None:
    """Return the time of the next alarm; None if no alarm is pending."""
    return next((alarm.at for alarm in _pending(clocks, state)), None)


def verifying_call(lines: Lines, calendar: Calendar, resolved_at: datetime) -> datetime:
    """Return when to place the verifying call, within the calling hours."""
    return lines.calling.hours.next_within(calendar, resolved_at + lines.clocks.verify.after)


def _pending(clocks: SlaClocks, state: SlaState) -> list[SlaAlarm]:
    """Return the alarms not yet raised, in chronological order.

    An alarm counts if the contact or reply was not made by the alarm's time, even if it was made later.
    """
    alarms: list[SlaAlarm] = []
    if state.contact_due:
        alarms += _alarms("contact", state.contact_due, clocks.contact.warn, state.contacted_at)
    if state.reply_due:
        alarms += _alarms("reply", state.reply_due, clocks.reply.warn, state.replied_at)
    return sorted(alarm for alarm in alarms if alarm.at > state.watched_until)


def _alarms(clock: SlaClock, due_at: datetime, warn: tuple[timedelta, ...], done_at: datetime | None) -> list[SlaAlarm]:
    alarms = [SlaAlarm(due_at - before, clock, "warning") for before in warn] + [SlaAlarm(due_at, clock, "breach")]
    return [alarm for alarm in alarms if done_at is None or done_at > alarm.at]
