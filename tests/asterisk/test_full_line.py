"""Who waits long at a full hotline hears an apology first (R12)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.asterisk.system import House, a_house

pytestmark = pytest.mark.asyncio(loop_scope="session")

SORRY, HELLO = "抱歉，让您久等了。 ", "您好，大龙客服热线"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A service with room for one call, of the hotline; at a full line it rings every second."""
    site = {"lines": {"4001": {"flow": "hotline"}}, "ringing": {"rings": 20, "every_s": 1}}
    async with a_house(tmp_path_factory.mktemp("house"), **site) as house, house.served() as service:
        assert service.asterisk
        service.asterisk.capacity = 1
        yield house
        await house.nothing_is_left()


async def greeting(house: House, rings: float) -> str:
    """What somebody hears first who calls while another has the only place, which is free after so many rings."""
    first, second = await house.phone(), await house.phone()
    talking = await (await first.call("4001")).answered()
    waiting = await second.call("4001")
    await asyncio.wait_for(waiting.ringing.wait(), 10)
    await asyncio.sleep(rings)
    assert not waiting.up.is_set()
    await talking.hang_up()
    await waiting.answered(within_s=10)
    await waiting.hears_sound()
    await asyncio.sleep(6)
    await waiting.hang_up()
    return (await house.record_of(second.account.name)).transcript[0].text


async def test_after_more_than_five_rings_an_apology_comes_first(house: House) -> None:
    assert (await greeting(house, 7.5)).startswith(f"{SORRY}{HELLO}")


async def test_after_a_few_rings_there_is_nothing_to_be_sorry_for(house: House) -> None:
    assert (await greeting(house, 1.5)).startswith(HELLO)
