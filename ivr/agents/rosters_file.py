"""The parser of rosters.yaml: text → rosters, or all faults, each with file and path. Pure.

Must not know: where the text comes from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, time, timedelta
from typing import Annotated, Final, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from ivr import document
from ivr.agents.roster import Agent, Roster, Rosters, Shift, Swap
from ivr.errors import Fault, FaultyFile

RosterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
PhoneName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
WeekdayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[Mapping[WeekdayName, int]] = {day: number for number, day in enumerate(get_args(WeekdayName), 1)}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Agent(_Part):
    name: str
    phone: PhoneName
    skills: frozenset[str] = frozenset()


class _Shift(_Part):
    starts: time
    ends: time
    agents: tuple[RosterName, ...] = Field(min_length=1)
    first: date = date.min
    last: date = date.max
    every: Annotated[int, Field(ge=1, le=366)] = 1
    days: tuple[WeekdayName, ...] = Field(tuple(WEEKDAYS), min_length=1)

    @model_validator(mode="after")
    def _counted(self) -> _Shift:
        if self.every > 1 and self.first == date.min:
            raise ValueError(f"`every: {self.every}` counts days from `first`, which is missing")
        return self


class _Swap(_Part):
    day: date
    shift: RosterName
    leaves: RosterName
    takes: RosterName
    approved_by: RosterName


class _Roster(_Part):
    supervisors: frozenset[RosterName] = frozenset()
    needs: frozenset[str] = frozenset()
    handover_min: Annotated[int, Field(ge=0, le=120)] = 10
    wait_s: Annotated[int, Field(ge=0)] = 120
    wrap_up_s: Annotated[int, Field(ge=0)] = 30
    shifts: dict[RosterName, _Shift] = Field(min_length=1)
    swaps: tuple[_Swap, ...] = ()


class _File(_Part):
    version: Literal[1]
    timezone: str = "Asia/Shanghai"
    language: str = "zh-CN"
    agents: dict[RosterName, _Agent]
    lines: dict[RosterName, _Roster]

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (LookupError, OSError, ValueError) as error:
            raise ValueError(f"there is no time zone “{name}”") from error
        return name


def parse(source: str, file: str, phones: Collection[str] | None = None) -> Rosters:
    """Parse the text of a rosters file; `phones` are the names that phones can register under (None: not known).

    Raises:
        FaultyFile: invalid YAML, a schema violation, or a reference to an agent, shift or phone that does not exist.
    """
    content = document.parse(_File, source, file)
    if faults := sorted({Fault(file, path, reason) for path, reason in _faults(content, phones)}):
        raise FaultyFile(faults)
    agents = {key: Agent(key, one.name, one.phone, one.skills) for key, one in content.agents.items()}
    lines = {name: _roster(roster) for name, roster in content.lines.items()}
    return Rosters(ZoneInfo(content.timezone), content.language, agents, lines)


def _roster(roster: _Roster) -> Roster:
    return Roster(
        shifts={
            name: Shift(
                shift.starts,
                shift.ends,
                shift.agents,
                shift.first,
                shift.last,
                shift.every,
                frozenset(WEEKDAYS[day] for day in shift.days),
            )
            for name, shift in roster.shifts.items()
        },
        swaps=tuple(Swap(one.day, one.shift, one.leaves, one.takes, one.approved_by) for one in roster.swaps),
        supervisors=roster.supervisors,
        needs=roster.needs,
        handover=timedelta(minutes=roster.handover_min),
        wait_s=roster.wait_s,
        wrap_up_s=roster.wrap_up_s,
    )


def _faults(content: _File, phones: Collection[str] | None) -> Iterator[tuple[str, str]]:
    owners: dict[str, str] = {}
    for key, agent in content.agents.items():
        if owners.setdefault(agent.phone, key) != key:
            yield f"agents.{key}.phone", f"{agent.phone} is {owners[agent.phone]}'s phone"
        if phones is not None and agent.phone not in phones:
            yield f"agents.{key}.phone", f"{agent.phone} is not a phone of the site"
    for name, roster in content.lines.items():
        path = f"lines.{name}"
        for person in sorted(roster.supervisors - content.agents.keys()):
            yield f"{path}.supervisors", f"there is no agent “{person}”"
        for key, shift in roster.shifts.items():
            for person in sorted({*shift.agents} - content.agents.keys()):
                yield f"{path}.shifts.{key}.agents", f"there is no agent “{person}”"
        for position, swap in enumerate(roster.swaps):
            for field, reason in _swap_faults(content, roster, swap):
                yield f"{path}.swaps.{position}.{field}", reason


def _swap_faults(content: _File, roster: _Roster, swap: _Swap) -> Iterator[tuple[str, str]]:
    if swap.takes not in content.agents:
        yield "takes", f"there is no agent “{swap.takes}”"
    if swap.approved_by not in roster.supervisors:
        yield (
            "approved_by",
            f"“{swap.approved_by}” is not a supervisor of this line, so they cannot approve a swap",
        )
    shift = roster.shifts.get(swap.shift)
    if shift is None:
        yield "shift", f"there is no shift “{swap.shift}”"
    elif swap.leaves not in shift.agents:
        yield "leaves", f"“{swap.leaves}” does not work the shift “{swap.shift}”"
    elif not _roster(roster).shifts[swap.shift].begins_on(swap.day):
        yield "day", f"the shift “{swap.shift}” does not begin on {swap.day}"
