"""`service.py lines …`: complaint lines and routing rules. Must not know: cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ivr.agents.roster_store import RosterStore
from ivr.cli.console import out, refuse_faults
from ivr.complaints.rulebook import load
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.model import ComplaintLine, Lines, RoutingRule
from ivr.errors import Fault, FaultyFile
from ivr.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Show and check the complaint lines.")

LinesFileArg = Annotated[Path | None, typer.Argument(help="The lines file; default: the configured one.")]


@app.command()
def show(file: LinesFileArg = None) -> None:
    """Show the lines and the routing rules."""
    lines = _load(file).lines
    table = Table("line", "tier", "number", "owner", "roster", "answered", "then", title=lines.organisation, box=None)
    for name, line in lines.lines.items():
        table.add_row(name, line.tier, line.number, line.owner, line.roster, _hours(line), line.overflow or "")
    out.print(table)
    rules = Table("article", "when", "to", box=None)
    rules.add_row("R18", "kind fraud", "management")
    for rule in lines.rules:
        rules.add_row(rule.article, _format_conditions(rule) or "always", rule.to)
    out.print("\n", rules)


@app.command()
def check(file: LinesFileArg = None) -> None:
    """Check a lines file, also against the configured rosters, and print its faults; status 2 if there are any."""
    lines = _load(file).lines
    if faults := list(_missing_rosters(lines, file or Settings().lines, Settings().rosters)):
        refuse_faults(faults)
    out.print(f"{file or Settings().lines}: fine ({len(lines.lines)} lines, {len(lines.rules)} rules)", markup=False)


def _load(file: Path | None) -> Rules:
    settings = Settings()
    try:
        return load(file or settings.lines, settings.calendar)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)


def _missing_rosters(lines: Lines, file: Path, rosters: Path | None) -> Iterator[Fault]:
    """Yield a fault for each line whose roster does not exist; none if no rosters are configured."""
    if rosters is None:
        return
    try:
        staffed = RosterStore(rosters, None).rosters.lines
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    for name, line in lines.lines.items():
        if line.roster not in staffed:
            yield Fault(str(file), f"lines.{name}.roster", f"there is no line “{line.roster}” in {rosters}")


def _hours(line: ComplaintLine) -> str:
    if line.hours is None:
        return "always"
    return f"{line.hours.days.replace('_', ' ')} {line.hours.opens:%H:%M}–{line.hours.closes:%H:%M}"


def _format_conditions(rule: RoutingRule) -> str:
    conditions = rule.when.model_dump(exclude_defaults=True)
    return ", ".join(f"{name} {_describe(value)}" for name, value in conditions.items())


def _describe(value: object) -> str:
    if isinstance(value, bool):
        return "known" if value else "not known"
    return " or ".join(value) if isinstance(value, tuple) else str(value)
