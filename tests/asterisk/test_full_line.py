"""A caller who has waited long at a full hotline first hears an apology (R12)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.asterisk.system import SystemFixture, running_system

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(2)]

SORRY, HELLO = "抱歉，让您久等了。 ", "您好，大龙客服热线"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SystemFixture]:
    """A service with room for one hotline call; at a full line it rings every second."""
    site = {"lines": {"4001": {"flow": "hotline"}}, "ringing": {"rings": 20, "every_s": 1}}
    async with running_system(tmp_path_factory.mktemp("system"), **site) as system, system.served() as service:
        assert service.asterisk
        service.asterisk.slots.capacity = 1
        yield system
        await system.nothing_is_left()


async def first_prompt(system: SystemFixture, rings: float) -> str:
    """The first prompt for a caller who finds the line full and gets the place after `rings` rings."""
    first, second = await system.phone(), await system.phone()
    talking = await (await first.call("4001")).answered()
    waiting = await second.call("4001")
    await asyncio.wait_for(waiting.ringing.wait(), 30)
    await asyncio.sleep(rings)
    assert not waiting.up.is_set()
    await talking.hang_up()
    await waiting.answered(within_s=30)
    await waiting.hears_sound()
    await asyncio.sleep(6)
    await waiting.hang_up()
    return (await system.record_of(second.account.name)).transcript[0].text


async def test_after_more_than_five_rings_an_apology_comes_first(system: SystemFixture) -> None:
    assert (await first_prompt(system, 7.5)).startswith(f"{SORRY}{HELLO}")


async def test_after_a_few_rings_there_is_no_apology(system: SystemFixture) -> None:
    assert (await first_prompt(system, 1.5)).startswith(HELLO)
