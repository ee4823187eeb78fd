"""Rosters: which agents are on duty for a line at a given time, by shifts and swaps. Pure.

Must not know: files, presence, calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who takes calls. `phone` is the name that their telephone registers under."""

    id: str
    name: str
    phone: str
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shift:
    """A recurring shift from `starts` to `ends` (local time), overnight if `ends` is not later than `starts`.

    It begins on every `every`-th day from `first` to `last`, on the weekdays in `days` (1 is Monday).
    """

    starts: time
    ends: time
    agents: tuple[str, ...]
    first: date = date.min
    last: date = date.max
    every: int = 1
    days: frozenset[int] = frozenset(range(1, 8))

    def begins_on(self, day: date) -> bool:
        """Return whether the shift begins on this day."""
        on_cycle = self.every == 1 or (day - self.first).days % self.every == 0
        return self.first <= day <= self.last and on_cycle and day.isoweekday() in self.days

    def span(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Return start and end of the shift that begins on `day`.

        In UTC: Python compares aware times of one zone by local time, which is wrong across a clock change.
        """
        ends_on = day if self.ends > self.starts else day + ONE_DAY
        return _utc(day, self.starts, zone), _utc(ends_on, self.ends, zone)


@dataclass(frozen=True, slots=True)
class Swap:
    """A change for one day, approved by a supervisor (R16): `takes` works the shift instead of `leaves`."""

    day: date
    shift: str
    leaves: str
    takes: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Roster:
    """The roster of a line. `needs` are the skills that its calls require; agents are on duty `handover` before shifts.

    `wait_s` is the longest time a caller waits in the queue, `wrap_up_s` an agent's wrap-up after a call.
    """

    shifts: Mapping[str, Shift]
    swaps: tuple[Swap, ...] = ()
    supervisors: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    handover: timedelta = timedelta(minutes=10)
    wait_s: int = 120
    wrap_up_s: int = 30

    def on_duty(self, at: datetime, zone: tzinfo) -> frozenset[str]:
        """Return the agents on duty at a given time. During a handover both the outgoing and the incoming shift are."""
        today = at.astimezone(zone).date()
        found: set[str] = set()
        for name, shift in self.shifts.items():
            for day in (today - ONE_DAY, today, today + ONE_DAY):
                start, end = shift.span(day, zone)
                if shift.begins_on(day) and start - self.handover <= at < end:
                    found |= self.staff(name, day)
        return frozenset(found)

    def staff(self, shift: str, day: date) -> frozenset[str]:
        """Return the agents who work the shift that begins on `day`, with swaps applied."""
        people = set(self.shifts[shift].agents)
        for swap in self.swaps:
            if (swap.day, swap.shift) == (day, shift):
                people = people - {swap.leaves} | {swap.takes}
        return frozenset(people)


@dataclass(frozen=True, slots=True)
class Rosters:
    """All agents and the rosters of all lines. `zone` is the local time zone; every agent speaks `language`."""

    zone: tzinfo
    language: str
    agents: Mapping[str, Agent]
    lines: Mapping[str, Roster]

    def on_duty(self, line: str, at: datetime) -> tuple[Agent, ...]:
        """Return the agents on duty for a line at a given time, sorted by id.

        Raises:
            KeyError: no such line.
        """
        return tuple(self.agents[agent] for agent in sorted(self.lines[line].on_duty(at, self.zone)))

    def lines_of(self, agent: str, at: datetime) -> tuple[str, ...]:
        """Return the lines that an agent is on duty for."""
        return tuple(name for name, roster in self.lines.items() if agent in roster.on_duty(at, self.zone))

    def needs(self, line: str, language: str) -> frozenset[str]:
        """Return the skills required for a call on this line in this language; a non-default language is a skill."""
        return self.lines[line].needs | ({language} - {self.language})


def _utc(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
