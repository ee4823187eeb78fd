"""Checks whether an Asterisk is fit for the service, with plain-text findings. Must not know: how to apply a fix."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from ivr.resource_files import RESOURCES
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable

REQUIRED_VERSION: Final = (22, 10)
"""StasisBroadcast() offers a call to all nodes."""
MODULES: Final = RESOURCES / "dialplans" / "modules.conf"
CONNECT_TIMEOUT_S: Final = 3.0


async def check(url: str, user: str, password: str, app: str) -> list[str]:
    """Return the problems of the Asterisk whose ARI is at `url`, one sentence each; empty if there are none."""
    async with Ari(url, user, password, app) as ari:
        return [finding async for finding in _findings(ari)]


async def _findings(ari: Ari) -> AsyncIterator[str]:
    address = urlsplit(ari.url)
    host, port = address.hostname or "", address.port or 80
    try:
        _, connection = await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_TIMEOUT_S)
        connection.close()
    except (OSError, TimeoutError):
        yield f"nothing listens at {host} port {port}: is Asterisk running, and does http.conf bind this address?"
        return
    try:
        version = await ari.version()
    except AriRefused as refused:
        yield _refusal(refused.status, ari.url)
        return
    except (AriUnreachable, TypeError, KeyError):
        yield f"the server on {host} port {port} is not Asterisk: check the ARI address"
        return
    major, minor = REQUIRED_VERSION
    numbers = re.match(r"\D*(\d+)\.(\d+)", version)
    if not numbers or int(numbers[1]) != major or int(numbers[2]) < minor:
        yield f"Asterisk is version {version}; version {major}.{minor} or a later {major} is required"
    loaded = await ari.modules()
    for module in sorted(_required_modules() - loaded):
        yield f"Asterisk lacks the module {module}: add `load = {module}` to modules.conf and restart Asterisk"
    try:
        async with ari.http.ws_connect(f"{ari.url}/events", params={"app": f"{ari.app}-check"}):
            pass
    except aiohttp.ClientError as error:
        yield f"Asterisk refuses the event socket ({error}): is res_http_websocket loaded, is the ARI user read-only?"


def _refusal(status: int, url: str) -> str:
    if status == 401:
        return "Asterisk refuses the name or password: compare ari.conf with ASTERISK_ARI_PASSWORD"
    if status == 404:
        return f"no ARI at {url}: is ARI enabled in ari.conf, does the address end in /ari?"
    return f"Asterisk's ARI responds with HTTP status {status}"


def _required_modules() -> frozenset[str]:
    return frozenset(re.findall(r"^load = (\S+)", MODULES.read_text(encoding="utf-8"), re.MULTILINE))
