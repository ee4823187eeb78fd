"""`service.py doctor`: checks the prerequisites of the service. Must not know: how to repair them."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import typer

from ivr.agents.roster_store import RosterStore
from ivr.cli.console import out
from ivr.complaints.rulebook import load as load_rules
from ivr.errors import FaultyFile, HuifangError
from ivr.flow_store import load_flows
from ivr.live.calls import LiveCalls
from ivr.prompts.catalog import load as load_catalog
from ivr.prompts.library import PromptLibrary
from ivr.recordings.fsspec_store import FsspecStore
from ivr.records.call_records import CallRecords
from ivr.settings import Settings
from ivr.telephony.asterisk.check import check as check_asterisk
from ivr.telephony.asterisk.site import load_site, own_secrets
from recognizer.remote import ServerFailed
from recognizer.router import RecognizerRouter, display_location
from recognizer.vosk import SHIPPED

Check = Callable[[Settings], Awaitable[str]]


def doctor() -> None:
    """Check models, prompts, flows, lines, rosters, stores, Asterisk, port and disk; status 1 on a failure."""
    settings = Settings()
    if not asyncio.run(_run_checks(settings)):
        raise typer.Exit(1)


async def _run_checks(settings: Settings) -> bool:
    healthy = True
    checks: dict[str, Check] = {
        "speech models": _models,
        "prompts": _prompts,
        "flows": _flows,
        "complaints": _complaints,
        "agents": _agents,
        "database": _database,
        "Redis": _redis,
        "recordings": _recordings,
        "Asterisk": _asterisk,
        "port": _port,
        "disk": _disk,
    }
    for name, check in checks.items():
        try:
            out.print(f"[green]✓[/] {name}: {await check(settings)}")
        except (HuifangError, OSError, ValueError) as fault:
            healthy = False
            out.print(f"[red]✗ {name}:[/] ", end="")
            out.print(str(fault), markup=False)
    return healthy


async def _models(settings: Settings) -> str:
    models: dict[str, str | Path] = {**SHIPPED, **settings.models}
    router = RecognizerRouter(settings.data / "graphs", models)
    try:
        for language in router.remote.languages:
            await router.remote.check(language)
    except ServerFailed as failure:
        raise ValueError(str(failure)) from failure
    finally:
        router.close()
    return ", ".join(f"{language} ({Path(display_location(place)).name})" for language, place in models.items())


async def _prompts(settings: Settings) -> str:
    PromptLibrary.open(settings.prompts, lambda: datetime.now(settings.zone))
    return f"complete in {settings.prompts}"


async def _flows(settings: Settings) -> str:
    recognizer = RecognizerRouter(settings.data / "graphs", {**SHIPPED, **settings.models})
    try:
        flow_set = load_flows(settings.flows, load_catalog(settings.prompts), recognizer)
    except FaultyFile as faulty:
        raise ValueError(f"{len(faulty.faults)} fault(s); the first is {faulty.faults[0]}") from faulty
    finally:
        recognizer.close()
    return f"{', '.join(flow_set.flows.flows)} in {settings.flows}"


async def _complaints(settings: Settings) -> str:
    rules = load_rules(settings.lines, settings.calendar)
    year = rules.calendar.unknown_year(datetime.now(settings.zone).date())
    days_off = f"; no holiday notice for {year}, only the days off in {settings.calendar} apply" if year else ""
    return f"{len(rules.lines.lines)} lines in {settings.lines}{days_off}"


async def _agents(settings: Settings) -> str:
    if settings.rosters is None:
        return "none (HUIFANG_ROSTERS is empty)"
    rosters = RosterStore(settings.rosters, load_site(settings.site).phones if settings.site else None).rosters
    return f"{len(rosters.agents)} for {len(rosters.lines)} lines in {settings.rosters}"


async def _database(settings: Settings) -> str:
    settings.data.mkdir(parents=True, exist_ok=True)
    records = await CallRecords.open(settings.database_url)
    await records.close()
    return settings.database_url.rpartition("@")[2]


async def _redis(settings: Settings) -> str:
    if not settings.redis.get_secret_value():
        return "the service starts a private one"
    live = await LiveCalls.open(settings.redis.get_secret_value(), retries=0)
    await live.close()
    return "answers"


async def _recordings(settings: Settings) -> str:
    store = FsspecStore(settings.recordings_url)
    try:
        await store.check()
    finally:
        store.close()
    return f"can be kept at {settings.recordings_url}"


async def _asterisk(settings: Settings) -> str:
    if settings.site is None:
        return "none attached (HUIFANG_SITE is not set)"
    site, own = load_site(settings.site), own_secrets()
    address = os.environ.get("ASTERISK_ARI_URL", site.ari_url)
    if findings := await check_asterisk(address, site.ari_user, own.ari, site.app):
        raise ValueError("; ".join(findings))
    return f"ready at {address}"


async def _port(settings: Settings) -> str:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise OSError(f"{settings.host}:{settings.port} cannot be used: {error.strerror}") from error
    return f"{settings.host}:{settings.port} is free"


async def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.data).free
    if free < 1 << 30:
        raise ValueError(f"only {free >> 20} MiB free in {settings.data}; a recorded call takes 2 MiB per minute")
    return f"{free >> 30} GiB free in {settings.data}"
