"""Transfers outlive the node that leads them: it is killed while people talk, and while a phone rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ivr.events import CallResumed, TransferCompleted
from ivr.records.record import CallRecord
from tests.asterisk.caller import Caller
from tests.asterisk.cluster import Cluster
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import babble
from tests.asterisk.system import FALLBACK
from tests.asterisk.takeover import ALIKE, three_nodes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(3)]

WORD = babble(0.6, seed=41)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with three_nodes(tmp_path_factory.mktemp("house")) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def person_phone(cluster: Cluster) -> Phone:
    """The phone to which callers are transferred."""
    return await cluster.system.phone(FALLBACK)


async def asks_for_a_person(cluster: Cluster) -> tuple[Phone, Caller[PhoneCall]]:
    phone = await cluster.system.phone()
    caller = cluster.system.caller_on(await (await phone.call("4001")).answered())
    await caller.hears_out("hotline.menu")
    await caller.presses("0")
    return phone, caller


async def talks(caller: Caller[PhoneCall], person: PhoneCall) -> None:
    """The caller speaks until the person hears it."""
    async with asyncio.timeout(30):
        heard = False
        while not heard:
            began = asyncio.get_running_loop().time()
            await caller.call.say(WORD)
            await asyncio.sleep(0.5)
            heard = person.heard().since(began).find(WORD).likeness > ALIKE


async def rates(cluster: Cluster, phone: Phone, caller: Caller[PhoneCall]) -> CallRecord:
    """The caller rates the talk, as the flow asks after it."""
    await caller.hears_out("rating.resolved")
    await caller.presses("1")
    await caller.hears_out("rating.attitude")
    await caller.presses("1")
    await caller.call.ended()
    record = await cluster.system.record_of(phone.account.name)
    assert record.values.items() >= {"agent_resolved": "yes", "agent_attitude": "satisfied"}.items()
    assert any(isinstance(turn.event, CallResumed) for turn in record.turns)
    return record


async def test_people_go_on_talking_and_the_flow_goes_on_after_them(cluster: Cluster, person_phone: Phone) -> None:
    phone, caller = await asks_for_a_person(cluster)
    person = await person_phone.called()
    person.answer()
    await talks(caller, person)
    await cluster.kills_leader(phone.account.name)
    await talks(caller, person)
    await cluster.complete()
    await asyncio.sleep(20)  # leases run out meanwhile
    await talks(caller, person)
    await person.hang_up()
    record = await rates(cluster, phone, caller)
    assert CallResumed(transferred=True) in [turn.event for turn in record.turns]
    await cluster.system.nothing_is_left()


async def test_a_transfer_that_rings_is_led_again(cluster: Cluster, person_phone: Phone) -> None:
    phone, caller = await asks_for_a_person(cluster)
    ringing = await person_phone.called()
    ringing.ring()
    killed = await cluster.kills_leader(phone.account.name)
    person = await person_phone.called()
    await ringing.ended()
    person.answer()
    await talks(caller, person)
    assert caller.heard.since(killed).find(caller.detector.sound("common.transfer")).likeness > ALIKE
    await person.hang_up()
    record = await rates(cluster, phone, caller)
    assert any(isinstance(turn.event, TransferCompleted) for turn in record.turns)
    await cluster.complete()
    await cluster.system.nothing_is_left()
