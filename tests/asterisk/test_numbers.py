"""Numbers at the door of an Asterisk: read as the network shows them, dialled as the trunk expects them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from ivr.telephony.asterisk.adapter import EXTENSION_PAUSE_MS
from ivr.telephony.asterisk.site import Secrets, Site
from ivr.telephony.port import Call, Unanswered
from tests.asterisk.conftest import make_secrets
from tests.asterisk.exchange import Exchange
from tests.asterisk.service import AdapterFixture

NUMBERS = {"area_code": "0411", "dialled_prefix": "9", "shown_prefix": "9"}


class Door:
    """A service attached to an exchange whose trunk puts a 9 before numbers."""

    def __init__(self, exchange: Exchange, service: AdapterFixture) -> None:
        self.exchange, self._service = exchange, service

    async def answers(self, caller: str) -> Call:
        """The call of a caller, once it is answered."""
        self.exchange.calls_in(caller)
        line = await self._service.next_leg()
        await line.hang_up()
        return line.call

    async def dials(self, number: str, caller: str = "4000") -> None:
        """Call a number, and hang up when it answers."""
        call = Call("out-1", "asterisk", "outbound", caller, number, "survey", "zh-CN")
        asterisk = self._service.asterisk
        await (await asterisk.dial(call, asterisk.slots.take())).hang_up()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    site = Site.model_validate(
        {
            "lines": {"4000": {"flow": "survey"}},
            "phones": ["1001"],
            "trunk": {"host": "sip.example.net", "numbers": NUMBERS},
        }
    )
    passwords: Secrets = make_secrets(["1001"])
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(Exchange())
        yield Door(exchange, await stack.enter_async_context(AdapterFixture(site, passwords, exchange.url)))


@pytest.mark.parametrize(
    ("shown", "caller"),
    [
        ("13812345678", "+8613812345678"),
        ("9013812345678", "+8613812345678"),
        ("983612345", "+8641183612345"),
        ("1001", "1001"),
        ("anonymous", ""),
        ("Restricted", ""),
        ("", ""),
    ],
)
async def test_a_caller_comes_in_with_one_form_of_number(door: Door, shown: str, caller: str) -> None:
    call = await door.answers(shown)
    assert (call.caller, call.called) == (caller, "4000")


async def test_a_number_goes_out_as_the_trunk_expects_it(door: Door) -> None:
    await door.dials("+8613812345678", caller="+8641183000000")
    await door.dials("95500")
    await door.dials("1001")
    assert door.exchange.dialled() == [
        ("PJSIP/913812345678@trunk", "041183000000"),
        ("PJSIP/95500@trunk", "4000"),
        ("PJSIP/1001", "4000"),
    ]


async def test_an_extension_is_dialled_before_anything_is_said(door: Door) -> None:
    await door.dials("+8641183612345;ext=801")
    assert door.exchange.dialled() == [("PJSIP/9041183612345@trunk", "4000")]
    party = next(query["channelId"] for _, path, query in door.exchange.requests if path == "channels")
    about_the_party = [
        (path.rpartition("/")[2], query.get("dtmf"), query.get("before"))
        for _, path, query in door.exchange.requests
        if path == f"channels/{party}/dtmf" or query.get("channel") == party
    ]
    assert about_the_party == [("dtmf", "801", str(EXTENSION_PAUSE_MS)), ("addChannel", None, None)]


@pytest.mark.parametrize("number", ["anonymous", "匿名", "", "00000000", "back-door", "83612345"])
async def test_what_is_no_number_is_never_dialled(door: Door, number: str) -> None:
    with pytest.raises(Unanswered, match="unreachable"):
        await door.dials(number)
    assert door.exchange.dialled() == []
