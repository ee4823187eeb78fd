"""`service.py complaints …`: cases, for supervisors. Must not know: the rules, how cases are stored."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields
from datetime import datetime, timedelta, tzinfo
from io import TextIOWrapper
from typing import Annotated, Final, Literal, TextIO, TypeVar

import typer
from rich.markup import escape
from rich.table import Column, Table

from ivr.cli.console import out, refuse, refuse_faults
from ivr.cli.management import Token, role_of
from ivr.cli.records import query
from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rulebook import load
from ivr.complaints.rules.case import Case, CaseFile, plain
from ivr.complaints.rules.form import ComplaintForm, FaultyForm, FormKind
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.life import CaseMove, CaseState, legal_moves
from ivr.complaints.rules.model import Grade, Tier
from ivr.errors import FaultyFile
from ivr.settings import Settings

T = TypeVar("T")

BYTE_ORDER_MARK: Final = "\ufeff"
"""Begins a CSV file in UTF-8: without it, Excel reads the file in the system's own encoding, GBK in China."""

app = typer.Typer(no_args_is_help=True, help="Show and handle complaint cases.")

CaseNumberArg = Annotated[str, typer.Argument(help="Number of the case, as `complaints list` prints it.")]
WhoOption = Annotated[str, typer.Option(help="Your name, for the case's history.")]
SinceOption = Annotated[datetime | None, typer.Option(help="Only cases opened at or after this time.")]
UntilOption = Annotated[datetime | None, typer.Option(help="Only cases opened before this time.")]


@app.command("list")
def list_(
    state: Annotated[CaseState | None, typer.Option(help="Only cases in this state.")] = None,
    tier: Annotated[Tier | None, typer.Option(help="Only cases handled by this tier.")] = None,
    line: Annotated[str | None, typer.Option(help="Only cases handled by this line.")] = None,
    grade: Annotated[Grade | None, typer.Option(help="Only cases of this grade.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only cases of this kind.")] = None,
    unreached: Annotated[
        bool, typer.Option("--unreached", help="Only cases whose customer has to be called by a person.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 20,
    before: Annotated[str | None, typer.Option(help="Only cases older than the case with this number.")] = None,
    management_token: Token = "",
) -> None:
    """List the latest cases."""
    settings = Settings()
    role = role_of(settings, management_token)
    wanted = CaseFilter(kind=kind, state=state, tier=tier, line=line, grade=grade, unreached=unreached)
    cases = query(settings, lambda records: CaseQueries(records.database).cases(wanted, role, limit, before))
    table = Table(
        Column("case", no_wrap=True), "opened", "kind", "grade", "state", "tier", "line", "handler", "due", box=None
    )
    for case in cases:
        table.add_row(
            case.number, _format_time(case.opened_at, settings.zone), case.kind, case.grade, case.state,
            case.tier or "?", case.line or case.owner or "?", escape(case.handler), _next_deadline(case, settings.zone),
        )  # fmt: skip
    out.print(table)


@app.command()
def show(number: CaseNumberArg, management_token: Token = "") -> None:
    """Show a case with its history."""
    settings = Settings()
    role = role_of(settings, management_token)
    _print(query(settings, lambda records: CaseQueries(records.database).case(number, role)), settings.zone)


@app.command("open")
def open_(
    what: Annotated[str, typer.Argument(help="What happened, in the customer's words.")],
    who: WhoOption,
    kind: Annotated[FormKind, typer.Option(help="Kind of the case; only management can see fraud.")] = "complaint",
    business: Annotated[str, typer.Option(help="Line of business, an id in lines.yaml.")] = "",
    branch: Annotated[str, typer.Option(help="Branch or outlet, an id in lines.yaml.")] = "",
    phone: Annotated[str, typer.Option(help="The customer's telephone number.")] = "",
    callback: Annotated[bool, typer.Option("--callback", help="The customer wants a callback.")] = False,
) -> None:
    """Open a case manually, for a letter or a visit."""
    settings = Settings()
    rules, now = _rules(settings), datetime.now(settings.zone)
    try:
        complaint = ComplaintForm(what, kind, business, branch, phone, callback).complaint(rules.lines)
    except FaultyForm as faulty:
        refuse("\n".join(f"--{field}: {reason}" if field != "what" else reason for field, reason in faulty.faults))

    number = query(settings, lambda records: CaseService(records.database, rules).open(complaint, who, now))
    case = query(settings, lambda records: CaseQueries(records.database).case(number, "management")).case
    if case.confidential:
        _print_confidential(number)
    else:
        out.print(f"{number} is {case.state}, with {case.line or case.owner}", markup=False)


@app.command()
def move(
    number: CaseNumberArg,
    to: Annotated[CaseMove, typer.Argument(help="The step taken.")],
    who: WhoOption,
    why: Annotated[str, typer.Option(help="The reason; required to reopen, escalate and report.")] = "",
    handler: Annotated[str, typer.Option(help="The handler; for assign.")] = "",
    management_token: Token = "",
) -> None:
    """Advance a case: acknowledge, assign, investigate, resolve, reply, verify, archive, reopen, escalate, report."""
    settings = Settings()
    role, now = role_of(settings, management_token), datetime.now(settings.zone)
    file = _with_case_service(
        settings, lambda case_service: case_service.move(number, to, who, why, now, handler=handler, role=role)
    )
    if file is None:
        _print_confidential(number)
    else:
        out.print(f"{number} is {file.case.state}, with {file.case.line or file.case.owner}", markup=False)


@app.command()
def grade(
    number: CaseNumberArg,
    to: Annotated[Grade, typer.Argument(help="The correct grade.")],
    who: WhoOption,
    why: Annotated[str, typer.Option(help="The reason.")],
    management_token: Token = "",
) -> None:
    """Confirm or change the proposed grade."""
    settings = Settings()
    role, now = role_of(settings, management_token), datetime.now(settings.zone)
    file = _with_case_service(settings, lambda case_service: case_service.regrade(number, to, who, why, now, role))
    out.print(f"{number} is {file.case.grade}, with {file.case.line or file.case.owner}", markup=False)


@app.command()
def export(
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format", help="CSV or JSON Lines.")] = "csv",
    since: SinceOption = None,
    until: UntilOption = None,
    management_token: Token = "",
) -> None:
    """Export all cases to standard output, newest first; times are UTC. The CSV is UTF-8 with a byte order mark."""
    settings = Settings()
    role = role_of(settings, management_token)
    wanted = CaseFilter(since=_with_zone(settings.zone, since), until=_with_zone(settings.zone, until))
    query(settings, lambda records: _write(CaseQueries(records.database).all(wanted, role), form))


@app.command()
def reviews(since: SinceOption = None, until: UntilOption = None) -> None:
    """Show the shares of bad reviews investigated, resolved and called back; each should be 100 % (R11)."""
    settings = Settings()
    end = _with_zone(settings.zone, until) or datetime.now(settings.zone)
    begin = _with_zone(settings.zone, since) or end - timedelta(days=30)
    shares = query(settings, lambda records: CaseQueries(records.database).shares(begin, end))
    table = Table("bad reviews", "investigated", "resolved", "called back", box=None)
    counts = (shares.looked_into, shares.put_right, shares.called_back)
    table.add_row(str(shares.total), *(f"{count} ({shares.percent(count):.0f} %)" for count in counts))
    out.print(table)


def _print_confidential(number: str) -> None:
    out.print(f"{number} is now confidential: only management can see it", markup=False)


def _rules(settings: Settings) -> Rules:
    try:
        return load(settings.lines, settings.calendar)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)


def _with_case_service(settings: Settings, work: Callable[[CaseService], Awaitable[T]]) -> T:
    rules = _rules(settings)
    return query(settings, lambda records: work(CaseService(records.database, rules)))


async def _write(cases: AsyncIterator[Case], form: str) -> None:
    names = [field.name for field in fields(Case)]
    target = _utf8_output()
    table = csv.DictWriter(target, names)
    if form == "csv":
        target.write(BYTE_ORDER_MARK)
        table.writeheader()
    async for case in cases:
        written = plain(case)
        if form == "csv":
            table.writerow({**written, "details": json.dumps(written["details"], ensure_ascii=False)})
        else:
            target.write(json.dumps(written, ensure_ascii=False) + "\n")


def _utf8_output() -> TextIO:
    """Return standard output in UTF-8, whatever the locale is: GBK has no byte order mark."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return sys.stdout


def _print(file: CaseFile, zone: tzinfo) -> None:
    case = file.case
    out.print(f"[bold]{case.number}[/] {case.kind}, {case.state}, {case.grade}" + _grade_note(case))
    out.print(f"opened {_format_time(case.opened_at, zone)}: {escape(case.reason)}")
    out.print(f"received by {case.responsible}, handled by {case.line or case.owner} ({case.tier}, {case.article})")
    for name, due, done in (
        ("contact", case.contact_due, case.contacted_at),
        ("reply", case.reply_due, case.replied_at),
    ):
        if due:
            out.print(f"{name} due {_format_time(due, zone)}" + (f", done {_format_time(done, zone)}" if done else ""))
    if case.handler:
        out.print(f"handler: {escape(case.handler)}")
    if case.call:
        out.print(f"call {case.call}" + (f", customer {case.customer}" if case.customer else ""))
    for name, value in case.details.items():
        out.print(f"  {name}: {escape(str(value))}")
    for call in file.verifying_calls:
        tried = f", {call.attempts} attempts" if call.attempts else ""
        stopped = ", do-not-call proposed" if call.do_not_call_proposed else ""
        out.print(f"verifying call: {_format_time(call.next_at or call.at, zone)} ({call.state}{tried}{stopped})")
    for step in file.steps:
        out.print(f"[dim]{_format_time(step.at, zone)}[/] {escape(step.who)}: {step.what}  [dim]{escape(step.why)}[/]")
    out.print(f"possible now: {', '.join(legal_moves(case.state)) or 'nothing'}")


def _grade_note(case: Case) -> str:
    reason = f": {case.grade_reason}" if case.grade_reason else ""
    return escape(f" ({'proposed' if case.grade_by == 'huifang' else 'by ' + case.grade_by}{reason})")


def _next_deadline(case: Case, zone: tzinfo) -> str:
    """Return the next deadline as text; empty if there is none."""
    waiting = ((case.contacted_at, case.contact_due, "contact"), (case.replied_at, case.reply_due, "reply"))
    return next((f"{what} {_format_time(due, zone)}" for done, due, what in waiting if due and not done), "")


def _with_zone(zone: tzinfo, moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=zone)


def _format_time(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
