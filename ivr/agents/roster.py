"""Who is on duty for a line at a moment: agents, shifts, swaps. Pure.

Must not know: files, who is free just now, calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who takes calls. `phone` is the name that their telephone registers with."""

    id: str
    name: str
    phone: str
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours that come again: from `starts` to `ends` on the clock on the wall, on the next day where that is not later.

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
        """Whether the shift begins on this day."""
        on_cycle = self.every == 1 or (day - self.first).days % self.every == 0
        return self.first <= day <= self.last and on_cycle and day.isoweekday() in self.days

    def span(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """From when to when it lasts if it begins on `day`, in UTC: aware times of one zone compare by the wall."""
        ends_on = day if self.ends > self.starts else day + ONE_DAY
        return _utc(day, self.starts, zone), _utc(ends_on, self.ends, zone)


@dataclass(frozen=True, slots=True)
class Swap:
    """On one day somebody else takes a shift, as a supervisor has approved (R16)."""

    day: date
    shift: str
    leaves: str
    takes: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Roster:
    """Who answers a line. `needs` are skills that its calls take; people come `handover` before their shift.

    A caller waits for `wait_s` at most; an agent has `wrap_up_s` to write things down after a call.
    """

    shifts: Mapping[str, Shift]
    swaps: tuple[Swap, ...] = ()
    supervisors: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    handover: timedelta = timedelta(minutes=10)
    wait_s: int = 120
    wrap_up_s: int = 30

    def on_duty(self, at: datetime, zone: tzinfo) -> frozenset[str]:
        """The agents on duty at a moment. At a handover both shifts are: those who come and those who go."""
        today = at.astimezone(zone).date()
        found: set[str] = set()
        for name, shift in self.shifts.items():
            for day in (today - ONE_DAY, today, today + ONE_DAY):
                start, end = shift.span(day, zone)
                if shift.begins_on(day) and start - self.handover <= at < end:
                    found |= self.staff(name, day)
        return frozenset(found)

    def staff(self, shift: str, day: date) -> frozenset[str]:
        """Who works a shift that begins on `day`, swaps considered."""
        people = set(self.shifts[shift].agents)
        for swap in self.swaps:
            if (swap.day, swap.shift) == (day, shift):
                people = people - {swap.leaves} | {swap.takes}
        return frozenset(people)


@dataclass(frozen=True, slots=True)
class Rosters:
    """All agents and the rosters of all lines. `zone` is that of the clock on the wall, `language` what all speak."""

    zone: tzinfo
    language: str
    agents: Mapping[str, Agent]
    lines: Mapping[str, Roster]

    def on_duty(self, line: str, at: datetime) -> tuple[Agent, ...]:
        """The agents on duty for a line at a moment, by id.

        Raises:
            KeyError: there is no such line.
        """
        return tuple(self.agents[agent] for agent in sorted(self.lines[line].on_duty(at, self.zone)))

    def lines_of(self, agent: str, at: datetime) -> tuple[str, ...]:
        """The lines that an agent is on duty for."""
        return tuple(name for name, roster in self.lines.items() if agent in roster.on_duty(at, self.zone))

    def needs(self, line: str, language: str) -> frozenset[str]:
        """The skills that a call on this line in this language takes; a language is a skill too."""
        return self.lines[line].needs | ({language} - {self.language})


def _utc(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
