"""Calls over an encrypted trunk: two services, each with an Asterisk of its own, call each other with TLS and SRTP."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import numpy as np
import pytest
import pytest_asyncio
import trustme

from ivr.devtools.private_pbx import Pbx
from ivr.telephony.asterisk.adapter import Unanswered
from ivr.telephony.media import AudioFrame, MarkReached
from tests.asterisk.conftest import DATA, make_secrets, make_site
from tests.asterisk.service import AdapterFixture
from tests.asterisk.sound import Heard, babble
from tests.ports import PORTS
from tests.precedence import prefer_children

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(2)]


def trunk(folder, issuer, trusted, near, far):
    """A trunk of one line from port `near` to port `far`: `issuer` signs its certificate, and it trusts `trusted`."""
    certificate = issuer.issue_cert("127.0.0.1")
    key, chain, authorities = (folder / f"{near}.{part}" for part in ("key", "pem", "authorities"))
    certificate.private_key_pem.write_to_path(key)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    trusted.cert_pem.write_to_path(authorities)
    files = {"authorities": str(authorities), "certificate": str(chain), "key": str(key)}
    return {"host": "127.0.0.1", "port": far, "local_port": near, "lines": 1} | files


@pytest_asyncio.fixture(loop_scope="session")
async def connect(tmp_path):
    """Connect two services: `await connect(issuer, trusted)`. `issuer` signs both; the near end trusts `trusted`."""
    async with AsyncExitStack() as stack:

        async def make(issuer, trusted):
            here, there = PORTS.one(), PORTS.one()
            trunks = (trunk(tmp_path, issuer, trusted, here, there), trunk(tmp_path, issuer, issuer, there, here))
            services = []
            for each in trunks:
                site, passwords = make_site(trunk=each), make_secrets()
                await stack.enter_async_context(Pbx(site, passwords, DATA))
                services.append(await stack.enter_async_context(AdapterFixture(site, passwords)))
            prefer_children()
            return services

        yield make


async def heard_by(line):
    """All audio that a call leg received."""
    pcm = b"".join([event.pcm async for event in line.media.events() if isinstance(event, AudioFrame)])
    return Heard(0, np.frombuffer(pcm, np.int16))


async def test_both_sides_hear_each_other_over_tls_and_srtp(connect):
    authority = trustme.CA()
    ours, theirs = await connect(authority, authority)
    line = await ours.dial("4000")
    other = await theirs.next_leg()
    to_them, to_us = babble(1.0, seed=1), babble(1.0, seed=2)
    line.media.play(to_them.tobytes())
    other.media.play(to_us.tobytes())
    other.media.mark("said")
    await anext(event async for event in other.media.events() if isinstance(event, MarkReached))
    await asyncio.sleep(0.2)
    assert await ours.asterisk.free_lines() == 0
    with pytest.raises(Unanswered, match="congestion"):
        await ours.dial("4000")
    await line.hang_up()
    assert (await heard_by(line)).find(to_us).likeness > 0.98
    with pytest.raises(Unanswered, match="unallocated"):
        await ours.dial("5000")


async def test_an_exchange_with_an_untrusted_certificate_is_not_called(connect):
    ours, _ = await connect(trustme.CA(), trustme.CA())
    with pytest.raises(Unanswered, match=r"unreachable|congestion|failed"):
        await ours.dial("4000")
