"""`service.py agents …`: client of the running service, which owns presence. Must not know: how presence is stored."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any, Final

import typer
from aiohttp import ClientError, ClientSession, ClientTimeout
from rich.markup import escape
from rich.table import Column, Table

from ivr.cli.console import out, refuse
from ivr.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Show and set agent presence in the running service.")

TIMEOUT_S: Final = 10


class PresenceWord(StrEnum):
    """Presence that can be set for an agent."""

    AVAILABLE = "available"
    AWAY = "away"


@app.command("list")
def list_() -> None:
    """List agents, the lines that they are on duty for, and their state."""
    said = _request("GET", "agents")
    table = Table(Column("agent", no_wrap=True), "name", "phone", "on duty for", "state", "call", box=None)
    for agent in said["agents"]:
        table.add_row(
            agent["id"], escape(agent["name"]), agent["phone"], ", ".join(agent["on_duty"]), agent["state"],
            agent["call"] or "",
        )  # fmt: skip
    out.print(table)


@app.command("set")
def set_(
    agent: Annotated[str, typer.Argument(help="Id of the agent, as `agents list` prints it.")],
    state: Annotated[PresenceWord, typer.Argument(help="The new presence.")],
) -> None:
    """Set an agent's presence to available or away; a call in progress continues."""
    said = _request("PUT", f"agents/{agent}/presence", {"state": state})
    out.print(f"{said['id']} is {said['state']}")


def _request(method: str, path: str, body: object = None) -> Any:
    try:
        return asyncio.run(_send(Settings(), method, path, body))
    except (ClientError, TimeoutError, OSError) as error:
        settings = Settings()
        refuse(f"the service at {settings.host}:{settings.port} does not answer: {error or type(error).__name__}")


async def _send(settings: Settings, method: str, path: str, body: object) -> Any:
    host = ip_address(settings.host)
    headers = {}
    if not host.is_loopback:
        headers["Authorization"] = f"Bearer {(settings.data / 'token').read_text().strip()}"
    name = "127.0.0.1" if host.is_unspecified else str(host)
    url = f"http://{f'[{name}]' if ':' in name else name}:{settings.port}/api/v1/{path}"
    async with (
        ClientSession(headers=headers, timeout=ClientTimeout(total=TIMEOUT_S)) as http,
        http.request(method, url, json=body) as answer,
    ):
        if answer.status == 404 and path == "agents":
            refuse("the service has no agents: HUIFANG_ROSTERS is empty")
        if answer.status != 200:
            refuse((await answer.text()).strip())
        return await answer.json()
