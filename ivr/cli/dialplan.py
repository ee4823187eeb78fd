"""`service.py dialplan …`: the configuration of the site's Asterisk. Must not know: its contents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.console import out, refuse, refuse_faults
from ivr.errors import FaultyFile
from ivr.resource_files import RESOURCES
from ivr.telephony.asterisk.dialplan import render as render_into
from ivr.telephony.asterisk.site import MissingSecrets, load_site, secrets

app = typer.Typer(no_args_is_help=True, help="Asterisk configuration, see dialplans/README.md.")


@app.callback()
def group() -> None:
    """Asterisk configuration, see dialplans/README.md."""


@app.command()
def render(
    into: Annotated[Path, typer.Argument(help="Output folder, for example /etc/asterisk.")],
    site: Annotated[Path, typer.Option(help="Site file with the local settings.")] = RESOURCES
    / "dialplans"
    / "site.yaml",
) -> None:
    """Render the templates in dialplans/ with a site file and passwords from the environment."""
    try:
        place = load_site(site)
        render_into(place, secrets(place), into)
    except FaultyFile as faulty:
        refuse_faults(faulty.faults)
    except MissingSecrets as missing:
        refuse(missing)
    out.print(f"configuration written to {into}")
