"""The commands that run a service: `run`, `pbx`, `demo`. Must not know: how the service works."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated

import typer
import uvloop

from ivr.cli.console import out, refuse, refuse_faults
from ivr.cli.demo import scripted_call
from ivr.cli.pbx import private_pbx
from ivr.errors import FaultyFile, HuifangError
from ivr.privacy import configure_logging
from ivr.resource_files import RESOURCES
from ivr.service.process import ListeningService, serve
from ivr.settings import Settings
from ivr.telephony.asterisk.site import load_site


def run() -> None:
    """Take calls until SIGTERM; reload flows, lines and rosters on SIGHUP."""
    settings = Settings()
    _end_with(lambda: serve(settings, _print_address), settings)


def pbx() -> None:
    """Run the service with a private Asterisk and print SIP accounts for softphones."""
    settings = Settings()
    site = settings.site or RESOURCES / "dialplans" / "site.yaml"

    async def beside() -> int:
        async with private_pbx(load_site(site), settings.data):
            return await serve(settings.model_copy(update={"site": site}), _print_address)

    _end_with(beside, settings)


def demo(
    once: Annotated[bool, typer.Option(help="End after the scripted call; status 0 if the record is correct.")] = False,
) -> None:
    """Let a scripted caller take the survey by voice, show the record, then wait for calls from your browser."""
    settings = Settings(log_level="WARNING")

    async def call(listening: ListeningService) -> int:
        return await scripted_call(listening.phone, settings.prompts / "caller", listening.service.node)

    _end_with(partial(serve, settings, _print_address, call, once=once), settings)


def _print_address(phone: str) -> None:
    out.print(f"\nBrowser phone: [bold]{phone}[/]   (stop with Ctrl-C)")


def _end_with(work: Callable[[], Coroutine[None, None, int]], settings: Settings) -> None:
    """Run the work with logging set up and exit with its status; 2 for faults that an operator can correct."""
    configure_logging(settings.log_level)
    try:
        status: int = uvloop.run(work())
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    except (HuifangError, OSError) as fault:
        refuse(fault)
    raise typer.Exit(status)
