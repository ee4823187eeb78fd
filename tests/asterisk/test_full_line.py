"""Who waits long at a full hotline hears an apology first (R12)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.asterisk.house import House, a_house
from tests.asterisk.phone import PhoneCall

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIKE = 0.9


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A service with room for one call, of the hotline; at a full line it rings every second."""
    site = {"lines": {"4001": {"flow": "hotline"}}, "ringing": {"rings": 20, "every_s": 1}}
    async with a_house(tmp_path_factory.mktemp("house"), **site) as house, house.served() as service:
        assert service.asterisk
        service.asterisk.capacity = 1
        yield house
        await house.nothing_is_left()


async def after_rings(house: House, rings: float) -> PhoneCall:
    """Somebody calls while another has the only place, which is free after so many rings; they have been greeted."""
    first, second = await house.phone(), await house.phone()
    talking = await (await first.call("4001")).answered()
    waiting = await second.call("4001")
    await asyncio.wait_for(waiting.ringing.wait(), 5)
    await asyncio.sleep(rings)
    assert not waiting.up.is_set()
    await talking.hang_up()
    await waiting.answered(within_s=5)
    greeted = house.ear.sound("hotline.menu")
    async with asyncio.timeout(30):
        while waiting.heard().find(greeted).likeness < LIKE:  # noqa: ASYNC110 (what is heard is no event)
            await asyncio.sleep(0.5)
    house.put_back(first)
    house.put_back(second)
    return waiting


async def test_after_more_than_five_rings_an_apology_comes_first(house: House) -> None:
    call = await after_rings(house, 7.5)
    sorry = call.heard().find(house.ear.sound("hotline.sorry"))
    hello = call.heard().find(house.ear.sound("hotline.hello"))
    await call.hang_up()
    assert sorry.likeness > LIKE and hello.likeness > LIKE and sorry.at < hello.at


async def test_after_a_few_rings_there_is_nothing_to_be_sorry_for(house: House) -> None:
    call = await after_rings(house, 1.5)
    sorry = call.heard().find(house.ear.sound("hotline.sorry"))
    await call.hang_up()
    assert sorry.likeness < 0.7
