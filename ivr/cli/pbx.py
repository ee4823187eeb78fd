"""A private Asterisk for testing the service with a softphone. Must not know: the service."""

from __future__ import annotations

import os
import secrets as random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.table import Table

from ivr.cli.console import out
from ivr.devtools.private_pbx import Pbx
from ivr.telephony.asterisk.site import MissingSecrets, Secrets, Site, secrets


@asynccontextmanager
async def private_pbx(site: Site, data: Path) -> AsyncIterator[Pbx]:
    """Run an Asterisk for a site within the block and print the SIP accounts of its phones.

    Passwords missing from the environment are generated for this run and added to the process environment.
    """
    passwords = _passwords(site)
    out.print("Starting Asterisk (the first start downloads 18 MB) …")
    async with Pbx(site, passwords, data) as pbx:
        table = Table("phone", "password", title=f"SIP accounts at {site.sip.host}:{site.sip.port} (UDP)")
        for phone, password in passwords.phones.items():
            table.add_row(phone, password)
        out.print(table)
        out.print(f"Register a softphone, then call {' or '.join(site.lines)}.")
        yield pbx


def _passwords(site: Site) -> Secrets:
    try:
        return secrets(site)
    except MissingSecrets as missing:
        os.environ.update({name: random.token_urlsafe(9) for name in missing.names})
        return secrets(site)
