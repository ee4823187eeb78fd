"""Fixtures: one private Asterisk for all tests of this folder, the adapter attached to it, and phones."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ivr.devtools import asterisk_packages
from ivr.devtools.private_pbx import Pbx
from ivr.telephony.asterisk.site import Secrets, Site
from tests.asterisk.phone import Phone
from tests.asterisk.service import AdapterFixture
from tests.cache import cached
from tests.ports import PORTS
from tests.precedence import prefer_children

DATA = cached("pbx", Path(asterisk_packages.__file__))
PHONES = ("1001", "1002", "1003")


def rtp_ports(channels: int) -> dict[str, int]:
    """The RTP ports of this many concurrent channels: two each."""
    ports = PORTS.row(2 * channels)
    return {"first": ports[0], "last": ports[-1]}


def make_site(**changes: Any) -> Site:
    """A site on unused ports: line 4000, and three phones of which 1003 is the fallback."""
    return Site.model_validate(
        {
            "service": f"ws://127.0.0.1:{PORTS.one()}",
            "http": {"port": PORTS.one()},
            "sip": {"port": PORTS.one()},
            "rtp": rtp_ports(30),
            "lines": {"4000": {"flow": "survey"}},
            "voiceless_s": 2,
            "ringing": {"rings": 8, "every_s": 1},
            "phones": PHONES,
            "fallback": {"phones": ["1003"]},
            "targets": {"person": "PJSIP/1002", "hotline": "PJSIP/1002", "nowhere": "PJSIP/no-such-phone"},
        }
        | changes
    )


def make_secrets(phones: Iterable[str] = PHONES) -> Secrets:
    """Passwords, one of which needs escaping."""
    return Secrets("semi;colon", secrets.token_hex(8), {phone: secrets.token_hex(8) for phone in phones})


@pytest.fixture(scope="session")
def site() -> Site:
    return make_site()


@pytest.fixture(scope="session")
def passwords() -> Secrets:
    return make_secrets()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pbx(site: Site, passwords: Secrets) -> AsyncIterator[Pbx]:
    async with Pbx(site, passwords, DATA) as running:
        prefer_children()
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def attach(pbx: Pbx, site: Site, passwords: Secrets) -> AsyncIterator[Callable[..., Awaitable[AdapterFixture]]]:
    """Attach an adapter: `await attach(capacity=1)`. No channels and bridges may be left after the test."""
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> AdapterFixture:
            service = await stack.enter_async_context(AdapterFixture(site, passwords, **options))
            stack.push_async_callback(service.nothing_is_left)
            return service

        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def service(attach: Callable[..., Awaitable[AdapterFixture]]) -> AdapterFixture:
    """The attached adapter."""
    return await attach()


@pytest_asyncio.fixture(loop_scope="session")
async def phone(pbx: Pbx, site: Site, passwords: Secrets) -> AsyncIterator[Callable[[str], Awaitable[Phone]]]:
    """Make a registered phone: `await phone("1001")`; it hangs up at the end of the test."""
    async with AsyncExitStack() as stack:

        async def make(name: str) -> Phone:
            account = Phone(name, passwords.phones[name], (site.sip.host, site.sip.port))
            return await stack.enter_async_context(account)

        yield make
