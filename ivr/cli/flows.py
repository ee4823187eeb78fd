"""`service.py flows …`: check, draw, simulate and replay flows. Must not know: calls in progress."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from ivr.actions import BookCallback, OpenComplaint, Prompt, SaveAnswer
from ivr.cli.console import out, refuse, refuse_faults
from ivr.cli.management import Token, role_of
from ivr.complaints.rulebook import load as load_rules
from ivr.complaints.rules.case import ReaderRole
from ivr.complaints.rules.intake import handled_by
from ivr.database.errors import RecordsUnavailable, UnknownCall
from ivr.errors import FaultyFile
from ivr.events import Value
from ivr.flow.engine import EngineFault
from ivr.flow.graph import mermaid
from ivr.flow.model import Callflows
from ivr.flow.parse import FlowSet, parse
from ivr.flow.replay import Replay
from ivr.flow.simulate import SimulatedCall
from ivr.flow.variables import read_values
from ivr.flow_store import load_flows
from ivr.prompts.catalog import load as load_catalog
from ivr.prompts.library import PromptLibrary
from ivr.prompts.spoken import Unspeakable
from ivr.records.call_records import CallRecords
from ivr.records.record import WITHHELD, CallRecord
from ivr.settings import Settings
from recognizer.router import RecognizerRouter
from recognizer.vosk import SHIPPED

HOW_TO_TYPE = (
    "Type the caller's words, #1 for a key, ~words for free speech, ??? for unintelligible speech, an empty line for "
    "silence, 八分@0.6 for words recognised with that confidence, or <hangup>; ? lists the accepted input."
)

MAX_PHRASES = 12
"""Number of phrases shown per meaning."""

app = typer.Typer(no_args_is_help=True, help="Check, draw, simulate and replay flows.")

FlowsFileArg = Annotated[Path | None, typer.Argument(help="The flows file; default: the configured one.")]
FlowName = Annotated[str, typer.Argument(help="Name of the flow.")]


@app.command()
def check(file: FlowsFileArg = None) -> None:
    """Check a flows file and print its faults; exit status 2 if there are any."""
    settings = Settings()
    flow_set = _flow_set(settings, file)
    answered_by_keys = sorted(set(flow_set.flows.languages) - (settings.models.keys() | SHIPPED.keys()))
    names, languages = ", ".join(flow_set.flows.flows), ", ".join(flow_set.flows.languages)
    out.print(f"{file or settings.flows}: fine (flows: {names}; languages: {languages})", markup=False)
    if answered_by_keys:
        out.print(f"no speech model for {', '.join(answered_by_keys)}: callers answer with keys", markup=False)


@app.command()
def graph(flow: FlowName = "survey", file: FlowsFileArg = None) -> None:
    """Print a flow as a Mermaid flowchart."""
    flow_set = _flow_set(Settings(), file)
    out.print(mermaid(_existing_flow(flow_set, flow), flow_set.flows.flows[flow]), markup=False, end="")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the flows file, for editors."""
    out.print(json.dumps(json_schema(), ensure_ascii=False, indent=2), markup=False)


@app.command()
def simulate(
    flow: FlowName = "survey",
    language: Annotated[str, typer.Option(help="Language of the call.")] = "zh-CN",
    variable: Annotated[list[str] | None, typer.Option("--set", help="Set a variable: name=value.")] = None,
    keys_only: Annotated[bool, typer.Option("--keys-only", help="Simulate a language without speech model.")] = False,
    file: FlowsFileArg = None,
) -> None:
    """Simulate a call with typed input: words are speech, #1 is a key, an empty line is silence; ? lists more."""
    settings = Settings()
    flow_set = _flow_set(settings, file)
    if language not in flow_set.flows.languages:
        refuse(f"the flows do not support {language}; languages: {', '.join(flow_set.flows.languages)}")
    variables = _variables(flow_set, _existing_flow(flow_set, flow), variable or ())
    library = PromptLibrary.open(settings.prompts, lambda: datetime.now(settings.zone))
    try:
        rules = load_rules(settings.lines, settings.calendar)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)

    def route(case: OpenComplaint, at: datetime) -> tuple[str, str]:
        return handled_by(rules, case.kind, case.details, at)

    now = datetime.now(settings.zone)
    simulated = SimulatedCall(flow_set, flow, language, now, variables, speech=not keys_only, route=route)
    out.print(HOW_TO_TYPE, markup=False, style="dim")
    _print_prompts(library, language, simulated.prompts)
    for typed in _read_lines():
        if typed == "?":
            _print_expected(simulated)
            continue
        try:
            simulated.type(typed)
        except ValueError as impossible:
            out.print(str(impossible), markup=False, style="red")
            continue
        _print_prompts(library, language, simulated.prompts)
        if simulated.over:
            break
    _print_outcome(simulated)


@app.command()
def replay(
    call: Annotated[str, typer.Argument(help="Id of a call.")],
    file: Annotated[Path | None, typer.Argument(help="A flows file; default: the call's own version.")] = None,
    management_token: Token = "",
) -> None:
    """Replay a recorded call, event by event, through its own flow version or the given file; compare the answers."""
    settings = Settings()
    record, source = asyncio.run(_load_call(settings, call, role_of(settings, management_token)))
    flow_set = _flow_set(settings, file) if file else parse(source, record.call.flow_version)
    library = PromptLibrary.open(settings.prompts, lambda: record.call.started_at.astimezone(settings.zone))
    speech = record.call.language in settings.models.keys() | SHIPPED.keys()
    simulated = Replay(flow_set, _existing_flow(flow_set, record.call.flow), record.call.language, speech=speech)
    for past in record.turns:
        out.print(str(past.event), markup=False, style="dim")
        try:
            simulated.apply(past.event, past.at.astimezone(settings.zone))
        except EngineFault as fault:
            refuse(f"the call cannot be replayed in this flow: {fault}")
        _print_prompts(library, record.call.language, simulated.prompts)
    given, replayed = record.values, simulated.answers
    for question in given | replayed:
        if given.get(question) != replayed.get(question):
            out.print(f"[red]{question}: recorded {given.get(question)}, replayed {replayed.get(question)}[/]")
    if given != replayed:
        raise typer.Exit(1)
    out.print("[green]the answers are the same[/]")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the flows file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Callflows.model_json_schema()}


def _flow_set(settings: Settings, file: Path | None) -> FlowSet:
    """Load and check the flows; the recogniser's graphs are built in a temporary folder."""
    try:
        catalog = load_catalog(settings.prompts)
        with _recognizer(settings) as recognizer:
            return load_flows(file or settings.flows, catalog, recognizer)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)


@contextmanager
def _recognizer(settings: Settings) -> Iterator[RecognizerRouter]:
    with TemporaryDirectory() as cache:
        recognizer = RecognizerRouter(Path(cache), {**SHIPPED, **settings.models})
        try:
            yield recognizer
        finally:
            recognizer.close()


def _existing_flow(flow_set: FlowSet, flow: str) -> str:
    if flow not in flow_set.flows.flows:
        refuse(f"there is no flow “{flow}”; flows: {', '.join(flow_set.flows.flows)}")
    return flow


def _variables(flow_set: FlowSet, flow: str, pairs: Sequence[str]) -> Mapping[str, Value]:
    """Return the values given on the command line, in canonical form."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            refuse(f"--set {pair}: it does not have the form name=value")
        values[name] = text
    given = read_values(flow_set.flows, flow, values)
    if given.refused:
        refuse("\n".join(f"--set {name}: {reason}" for name, reason in given.refused.items()))
    return given.accepted


# --- the conversation -------------------------------------------------------------------------------------------


def _read_lines() -> Iterator[str]:
    """Yield typed lines; the end of the input hangs up."""
    while True:
        try:
            typed = input("> ").strip()
        except EOFError:
            typed = "<hangup>"
        if not sys.stdin.isatty():
            out.print(typed, markup=False)
        yield typed


def _print_prompts(library: PromptLibrary, language: str, prompts: Sequence[Prompt]) -> None:
    for prompt in prompts:
        try:
            out.print(f"☎ {library.text(prompt, language)}", markup=False, style="cyan")
        except Unspeakable as fault:
            refuse(fault)


def _print_expected(simulated: SimulatedCall) -> None:
    for meaning, phrases in simulated.expected.items():
        more = " …" if len(phrases) > MAX_PHRASES else ""
        out.print(f"  {meaning}: {', '.join(phrases[:MAX_PHRASES])}{more}", markup=False, style="dim")


def _print_outcome(simulated: SimulatedCall) -> None:
    out.print(f"\n{simulated.state.disposition}", markup=False, style="bold")
    for fact in simulated.facts:
        match fact:
            case SaveAnswer(question=question, value=value, by=by, confirmed=confirmed):
                out.print(f"  {question}: {value} ({by}{', confirmed' if confirmed else ''})", markup=False)
            case BookCallback(at=at):
                out.print(f"  callback at {at}", markup=False)
            case OpenComplaint(kind=kind, reason=reason):
                out.print(f"  case {kind}: {reason}", markup=False)


async def _load_call(settings: Settings, call_id: str, role: ReaderRole) -> tuple[CallRecord, str]:
    try:
        async with AsyncExitStack() as stack:
            records = await CallRecords.open(settings.database_url)
            stack.push_async_callback(records.close)
            record = await records.call(call_id, role)
            source = await records.flow_source(record.call.flow_version)
    except (RecordsUnavailable, UnknownCall) as fault:
        refuse(fault)
    if record.call.withheld:
        refuse(f"call {call_id}: {WITHHELD}")
    if source is None:
        refuse(f"the flows of call {call_id} (version {record.call.flow_version}) are not stored; pass a flows file")
    return record, source
