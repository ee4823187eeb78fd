"""`service.py calls …`: call records. Must not know: how records are stored."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Column, Table

from ivr.cli.console import out
from ivr.cli.management import Token, role_of
from ivr.cli.records import query
from ivr.privacy import mask
from ivr.records.record import WITHHELD, CallRecord
from ivr.settings import Settings
from ivr.transcript import Party

SIGNS: Final[dict[Party, tuple[str, str]]] = {"us": ("☎", "cyan"), "caller": ("🗣", "yellow"), "talk": ("⇄", "green")}

app = typer.Typer(no_args_is_help=True, help="Show call records.")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 20,
    before: Annotated[str | None, typer.Option(help="Only calls that started before the call with this id.")] = None,
) -> None:
    """List the latest calls."""
    settings = Settings()
    calls = query(settings, lambda records: records.calls(limit, before))
    table = Table(
        Column("call", no_wrap=True), "began", "network", "number", "flow", "disposition", "AAPOR", "s", box=None
    )
    for call in calls:
        number = call.caller if call.direction == "inbound" else call.called
        masked = number if call.withheld else mask(number)
        began = call.started_at.astimezone(settings.zone)
        seconds = "" if call.duration_ms is None else f"{call.duration_ms / 1000:.0f}"
        table.add_row(
            call.id, f"{began:%Y-%m-%d %H:%M:%S}", call.network, masked, call.flow, call.disposition or "open",
            call.aapor, seconds,
        )  # fmt: skip
    out.print(table)


@app.command()
def show(
    call: Annotated[str, typer.Argument(help="Id of the call, as `calls list` prints it.")],
    management_token: Token = "",
) -> None:
    """Show a call: the transcript and the stored answers, bookings, cases, recordings and disposition."""
    settings = Settings()
    role = role_of(settings, management_token)
    print_record(query(settings, lambda records: records.call(call, role)), settings.zone)


def print_record(record: CallRecord, zone: tzinfo) -> None:
    """Print the complete record of a call."""
    call = record.call
    out.print(f"[bold]{call.id}[/] {call.network}, {call.direction}, {call.flow} {call.flow_version}, {call.language}")
    out.print(f"{call.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}, ended by {call.ended_by} ({call.cause})\n")
    if call.withheld:
        out.print(WITHHELD, style="bold")
    for line in record.transcript:
        stamp = f"[dim]{line.at_ms / 1000:6.1f} s[/]"
        sure = "" if line.confidence is None else f" [dim]({line.confidence:.2f})[/]"
        who, style = SIGNS[line.who]
        out.print(f"{stamp} {who} [{style}]{escape(line.text) or '(silence)'}[/]{sure}")
    answers = Table("question", "value", "heard", "confidence", "by", "attempts", "confirmed", box=None)
    for kept in record.answers:
        answer = kept.answer
        answers.add_row(
            answer.question, str(answer.value), escape(answer.heard), f"{answer.confidence:.2f}", answer.by,
            str(answer.attempts), "yes" if answer.confirmed else "",
        )  # fmt: skip
    if record.answers:
        out.print("\n", answers)
    for booking in record.bookings:
        stopped = ", do-not-call proposed" if booking.do_not_call_proposed else ""
        out.print(f"callback: {booking.at.astimezone(zone):%Y-%m-%d %H:%M} ({booking.state}{stopped})")
    for case in record.cases:
        out.print(f"case {case.number}: {case.kind}, {case.reason}")
    for recording in record.recordings:
        out.print(f"recording: {recording.path} ({recording.seconds:.1f} s)")
    for verdict in record.dispositions:
        out.print(f"[bold]{verdict.disposition}[/] (AAPOR {verdict.aapor}), {verdict.why}")
