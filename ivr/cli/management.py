"""Management access for commands (R18). Must not know: what is read."""

from __future__ import annotations

from typing import Annotated

import typer

from ivr.cli.console import refuse
from ivr.complaints.rules.case import ReaderRole
from ivr.console.access import load_token
from ivr.credential import matches
from ivr.settings import Settings

Token = Annotated[
    str,
    typer.Option(envvar="HUIFANG_MANAGEMENT_TOKEN", help="Management token; shows confidential records too."),
]


def role_of(settings: Settings, token: str) -> ReaderRole:
    """Return the role that the token grants; exit with status 2 if it is wrong."""
    if not token:
        return "staff"
    if not matches(token, load_token(settings.data, "management-token")):
        refuse("wrong management token")
    return "management"
