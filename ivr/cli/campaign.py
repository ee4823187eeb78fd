"""`service.py campaign …`: outbound projects, for their proposers and approvers. Must not know: the rules."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ivr.campaigns.campaign_service import CampaignService
from ivr.campaigns.contact_list.contacts import ContactList, FlowOffer, check_contacts, read_table
from ivr.campaigns.contact_scheduler import ContactScheduler
from ivr.campaigns.do_not_call import DoNotCallList, DoNotCallSource
from ivr.campaigns.project import ContactReport, ImportResult, Project, ProjectStatus
from ivr.campaigns.rules.decision import Excluded, NextCall
from ivr.campaigns.rules.plan import ProjectPlan, Proposal, parse
from ivr.campaigns.rules.project_life import ProjectMove, legal_moves
from ivr.cli.console import err, out, refuse, refuse_faults
from ivr.cli.records import query
from ivr.complaints.rulebook import load_calendar
from ivr.errors import Fault, FaultyFile
from ivr.flow import parse as flows_file
from ivr.flow.model import Callflows
from ivr.flow.nearest import suggestion
from ivr.flow.variables import variables_of
from ivr.phone_number import UnreadableNumber, national_format, parse_number
from ivr.settings import Settings

T = TypeVar("T")

MAX_FAULTS: Final = 50
"""Number of faults, and of skipped lines, of a list that are printed."""

app = typer.Typer(
    no_args_is_help=True,
    help="Propose, approve and explain outbound projects. The service does not place their calls yet.",
)
dnc = typer.Typer(no_args_is_help=True, help="The numbers that no project calls.")
app.add_typer(dnc, name="dnc")

NameArg = Annotated[str, typer.Argument(help="Name of the project.")]
PlanArg = Annotated[Path, typer.Argument(help="The plan, a YAML file.")]
WhoOption = Annotated[str, typer.Option(help="Your name, for the audit.")]
WhyOption = Annotated[str, typer.Option(help="The reason, for the audit.")]
NumberArg = Annotated[str, typer.Argument(help="Telephone number, in any usual spelling.")]


class _FlowsOfFile:
    """The flows of the configured file; see CallableFlows."""

    def __init__(self, flows: Callflows) -> None:
        self.flows = flows

    @property
    def languages(self) -> tuple[str, ...]:
        return self.flows.languages

    def has(self, flow: str, language: str) -> bool:
        return flow in self.flows.flows and language in self.flows.languages


@app.command()
def propose(
    plan: PlanArg,
    who: WhoOption,
    list_: Annotated[Path | None, typer.Option("--list", help="The contacts, CSV or XLSX.")] = None,
) -> None:
    """Propose a project. Another person must approve it before it can start."""
    settings = Settings()
    proposal = _proposal(settings, plan)
    checked = _check_list(settings, proposal, list_) if list_ else None
    project = _service(settings, lambda service: service.propose(proposal, who, _now()))
    _print_project(project)
    if checked:
        _import(settings, project.name, checked, who)


@app.command()
def revise(plan: PlanArg, who: WhoOption, why: WhyOption) -> None:
    """Replace the plan of a project by a new one of the same name; it applies from the next attempt."""
    settings = Settings()
    proposal = _proposal(settings, plan)
    _print_project(_service(settings, lambda service: service.revise(proposal.name, proposal, who, why, _now())))


@app.command()
def approve(name: NameArg, who: WhoOption, why: WhyOption = "") -> None:
    """Approve a proposal of another person."""
    _move(name, "approve", who, why)


@app.command()
def reject(
    name: NameArg,
    who: WhoOption,
    suggest: Annotated[str, typer.Option(help="Another channel to use instead, such as a letter.")],
    why: WhyOption = "",
) -> None:
    """Reject a proposal of another person, and suggest another channel."""
    _move(name, "reject", who, why, suggest)


@app.command()
def start(name: NameArg, who: WhoOption, why: WhyOption = "") -> None:
    """Start an approved project."""
    _move(name, "start", who, why)


@app.command()
def pause(name: NameArg, who: WhoOption, why: WhyOption = "") -> None:
    """Pause a project at once; calls in progress end normally."""
    _move(name, "pause", who, why)


@app.command()
def resume(name: NameArg, who: WhoOption, why: WhyOption = "") -> None:
    """Resume a paused project."""
    _move(name, "resume", who, why)


@app.command()
def complete(name: NameArg, who: WhoOption, why: WhyOption = "") -> None:
    """Complete a project before all its contacts have ended; those left are not called."""
    _move(name, "complete", who, why)


@app.command()
def status(name: Annotated[str | None, typer.Argument(help="Name of the project; none: list all.")] = None) -> None:
    """Show a project with its audit and what became of its contacts, or list all projects."""
    settings = Settings()
    if name is not None:
        _print_status(_service(settings, lambda service: service.status(name)), settings)
        return
    table = Table("project", "department", "proposed by", "state", "flow", box=None)
    for project in _service(settings, lambda service: service.projects()):
        flow = project.plan.flow if project.plan else "?"
        table.add_row(*map(escape, (project.name, project.department, project.proposed_by, project.state, flow)))
    out.print(table)


@app.command()
def why(name: NameArg, number: NumberArg) -> None:
    """Say when a contact is called next and by which rules, or which rule excludes it."""
    settings = Settings()
    flows, calendar, now = _FlowsOfFile(_flows(settings)), load_calendar(settings.calendar), _now()
    report = query(settings, lambda records: ContactScheduler(records.database, calendar, flows).why(name, number, now))
    _print_report(report, now, settings)


@app.command("import")
def import_(
    name: NameArg,
    file: Annotated[Path, typer.Argument(help="The contacts, CSV (UTF-8 or GB18030) or XLSX.")],
    who: WhoOption,
) -> None:
    """Add the contacts of a list to a project: all of them, or none if the list has a fault."""
    settings = Settings()
    project = _service(settings, lambda service: service.project(name))
    if project.plan is None:
        refuse(project.fault)
    _import(settings, name, _check_list(settings, project.plan, file), who)


@dnc.command("add")
def dnc_add(
    number: NumberArg,
    who: WhoOption,
    why: WhyOption = "",
    source: Annotated[DoNotCallSource, typer.Option(help="Who said so: the customer, or a person here.")] = "person",
) -> None:
    """Put a number on the list: no project calls it from now on."""
    canonical = _canonical(number)
    if _do_not_call(lambda numbers: numbers.add(canonical, source, who, why, _now())):
        out.print(f"{national_format(canonical)} is not called any more", markup=False)
    else:
        out.print(f"{national_format(canonical)} is on the list already", markup=False)


@dnc.command("lift")
def dnc_lift(number: NumberArg, who: WhoOption, why: WhyOption) -> None:
    """Take a number off the list, for a reason."""
    canonical = _canonical(number)
    _do_not_call(lambda numbers: numbers.lift(canonical, who, why, _now()))
    out.print(f"{national_format(canonical)} may be called again", markup=False)


@dnc.command("show")
def dnc_show(number: NumberArg) -> None:
    """Show whether a number is on the list, since when and how it is known."""
    canonical = _canonical(number)
    settings = Settings()
    entries = _do_not_call(lambda numbers: numbers.entries(canonical))
    for entry in entries:
        lifted = ""
        if entry.lifted_at:
            lifted = f"; lifted on {_shown(entry.lifted_at, settings)} by {entry.lifted_by}: {entry.lifted_why}"
        out.print(f"{_shown(entry.at, settings)} {entry.source}, {entry.who}: {entry.why}{lifted}", markup=False)
    if not any(entry.lifted_at is None for entry in entries):
        out.print(f"{national_format(canonical)} is not on the list", markup=False)


def _move(name: str, move: ProjectMove, who: str, why: str, suggest: str = "") -> None:
    def work(service: CampaignService) -> Awaitable[Project]:
        return service.move(name, move, who, _now(), why=why, suggestion=suggest)

    _print_project(_service(Settings(), work))


def _service(settings: Settings, work: Callable[[CampaignService], Awaitable[T]]) -> T:
    calendar = load_calendar(settings.calendar)
    return query(settings, lambda records: work(CampaignService(records.database, calendar)))


def _do_not_call(work: Callable[[DoNotCallList], Awaitable[T]]) -> T:
    return query(Settings(), lambda records: work(DoNotCallList(records.database)))


def _proposal(settings: Settings, file: Path) -> Proposal:
    with _refusing_faults():
        proposal = parse(_bytes(file).decode("utf-8", "replace"), str(file))
    _offer(settings, proposal)
    return proposal


@dataclass(frozen=True, slots=True)
class _CheckedList:
    """A faultless list, and what the audit calls it."""

    file: Path
    source: str
    contacts: ContactList


def _check_list(settings: Settings, plan: ProjectPlan, file: Path) -> _CheckedList:
    """Read and check a list, with a progress bar on a terminal; print its faults and exit with status 2."""
    offer, data = _offer(settings, plan), _bytes(file)
    with _refusing_faults():
        table = read_table(data, str(file))
        with _progress() as progress:
            task = progress.add_task("checked", total=len(table.rows))
            on_row = partial(progress.advance, task)
            contacts = check_contacts(table, plan.columns, offer, str(file), on_row=on_row)
    return _CheckedList(file, f"{file.name} (SHA-256 {hashlib.sha256(data).hexdigest()[:12]})", contacts)


def _import(settings: Settings, name: str, checked: _CheckedList, who: str) -> None:
    contacts = checked.contacts
    with _progress() as progress:
        task = progress.add_task("imported", total=len(contacts.contacts))

        def work(service: CampaignService) -> Awaitable[ImportResult]:
            return service.import_contacts(
                name, contacts.contacts, checked.source, who, _now(), lambda done: progress.update(task, completed=done)
            )

        result = _service(settings, work)
    if contacts.ignored:
        out.print(f"columns not used: {', '.join(contacts.ignored)}", markup=False)
    for line, reason in result.skipped_lines[:MAX_FAULTS]:
        out.print(f"{checked.file}:{line}: skipped: {reason}", markup=False)
    if result.skipped > MAX_FAULTS:
        out.print(f"… and {result.skipped - MAX_FAULTS} more lines were skipped")
    out.print(f"{result.imported} contacts imported, {result.skipped} skipped")


def _offer(settings: Settings, plan: ProjectPlan) -> FlowOffer:
    """Return what the flow of a plan takes; refuse a plan whose flow or language does not exist."""
    flows = _flows(settings)
    if plan.flow not in flows.flows:
        refuse(f"there is no flow “{plan.flow}”{suggestion(plan.flow, flows.flows)}; flows: {', '.join(flows.flows)}")
    if plan.language and plan.language not in flows.languages:
        refuse(f"no flow speaks “{plan.language}”; languages: {', '.join(flows.languages)}")
    return FlowOffer(variables_of(flows, plan.flow), flows.languages)


def _flows(settings: Settings) -> Callflows:
    with _refusing_faults():
        return flows_file.parse(_bytes(settings.flows).decode("utf-8", "replace"), str(settings.flows)).flows


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        refuse(f"{file}: cannot be read: {error.strerror}")


@contextmanager
def _refusing_faults() -> Iterator[None]:
    """Print the faults of a file and exit with status 2."""
    try:
        yield
    except FaultyFile as faulty:
        refuse_faults(_first(faulty.faults))


def _first(faults: Sequence[Fault]) -> Iterator[Fault]:
    yield from faults[:MAX_FAULTS]
    if len(faults) > MAX_FAULTS:
        yield Fault(faults[0].file, "", f"and {len(faults) - MAX_FAULTS} more faults")


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=err, disable=not err.is_terminal)


def _canonical(number: str) -> str:
    try:
        return str(parse_number(number))
    except UnreadableNumber as unreadable:
        refuse(unreadable)


def _print_project(project: Project) -> None:
    possible = ", ".join(legal_moves(project.state)) or "nothing"
    out.print(f"{project.name} is {project.state}; possible now: {possible}", markup=False)


def _print_status(status: ProjectStatus, settings: Settings) -> None:
    _print_project(status.project)
    if status.project.fault:
        out.print(f"it calls nobody: {status.project.fault}", markup=False)
    if status.project.suggestion:
        out.print(f"suggested instead: {status.project.suggestion}", markup=False)
    ended = ", ".join(f"{count} {how.replace('_', ' ')}" for how, count in status.ended.items()) or "none"
    out.print(f"{status.contacts} contacts: {status.waiting} waiting, {status.calling} being called; ended: {ended}")
    out.print(f"{status.attempts} attempts, of which {status.counted} count")
    if status.next_at and status.project.state == "running":
        out.print(f"next attempt: {_shown(max(status.next_at, _now()), settings)}")
    for step in status.steps:
        why = f": {step.why}" if step.why else ""
        out.print(f"  {_shown(step.at, settings)} revision {step.revision} {step.who}: {step.what}{why}", markup=False)


def _print_report(report: ContactReport, now: datetime, settings: Settings) -> None:
    who = f"{national_format(report.number)} {report.name}".strip()
    match report.decision:
        case NextCall(at, reasons, missed_wish):
            when = "now" if at <= now else f"on {_shown(at, settings)}"
            out.print(f"{who}: next call {when}", markup=False)
            for reason in reasons:
                out.print(f"  {reason.rule}: {reason.words}", markup=False)
            if missed_wish:
                out.print("  the call says that the time asked for could not be kept")
        case Excluded(reason, final):
            out.print(f"{who}: not called{' any more' if final else ' now'}", markup=False)
            out.print(f"  {reason.rule}: {reason.words}", markup=False)
    for attempt in report.attempts:
        counts = "counts" if attempt.counted else "does not count"
        what = attempt.outcome.replace("_", " ")
        out.print(f"  attempt on {_shown(attempt.at, settings)}: {what} ({counts})")


def _shown(moment: datetime, settings: Settings) -> str:
    return f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}"


def _now() -> datetime:
    return datetime.now(UTC)
