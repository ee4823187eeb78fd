"""How commands read in the management's role (R18). Must not know: what is read."""

from __future__ import annotations

import hmac
from typing import Annotated

import typer

from ivr.cli.console import refuse
from ivr.complaints.rules.case import ReaderRole
from ivr.console.access import load_token
from ivr.settings import Settings

Token = Annotated[
    str,
    typer.Option(envvar="HUIFANG_MANAGEMENT_TOKEN", help="The management's token: also what only management may see."),
]


def role_of(settings: Settings, token: str) -> ReaderRole:
    """The role of who gives this token; end with status 2 where it is a wrong one."""
    if not token:
        return "staff"
    if not hmac.compare_digest(token.encode(), load_token(settings.data, "management-token").encode()):
        refuse("this is not the management's token")
    return "management"
