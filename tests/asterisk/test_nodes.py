"""Several nodes on one Asterisk: each takes calls, and none touches the calls of another."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from ivr.telephony.asterisk.channels import ChannelTracker
from ivr.telephony.asterisk.sweep import Sweeper
from ivr.telephony.asterisk.voice_bridge import VoiceBridge
from ivr.telephony.media import CallReleased, MediaClosed
from ivr.telephony.port import Call, NotResumable, PartyGone
from tests.asterisk.service import AdapterFixture
from tests.asterisk.sound import babble
from tests.asterisk.test_trouble import hear, service_process
from tests.asterisk.wire import TcpRelay

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(3)]


async def still_served(call, line):
    """The caller hears what the node plays."""
    prompt = babble(0.6, seed=31)
    line.media.play(prompt.tobytes())
    assert (await call.hears(prompt)).likeness > 0.95


async def sweeps(node, times=3):
    """Sweep as a node that has no calls at all does."""
    sweeper = Sweeper(node.ari, ChannelTracker())
    for _ in range(times):
        await sweeper.sweep()


async def test_a_call_goes_to_the_node_that_has_room(attach, phone):
    nodes = [await attach(node=name, capacity=1) for name in ("first", "second")]
    calls = [await (await phone(name)).call("4000") for name in ("1001", "1002")]
    lines = [await node.next_leg() for node in nodes]
    assert {line.call.caller for line in lines} == {"1001", "1002"}
    for call in calls:
        await call.answered()
    third = await (await phone("1003")).call("4000")
    await asyncio.wait_for(third.ringing.wait(), 30)
    await lines[1].hang_up()
    taken = await nodes[1].next_leg()
    assert taken.call.caller == "1003" and taken.call.waited_rings
    for line in (lines[0], taken):
        await line.hang_up()


async def test_a_draining_node_leaves_calls_to_the_others(attach, phone):
    first, second = [await attach(node=name) for name in ("first", "second")]
    first.asterisk.slots.capacity = 0
    for _ in range(4):
        _, line = await second.connect(await phone("1001"))
        await line.hang_up()


async def test_a_sweep_leaves_the_calls_of_other_nodes_alone(attach, phone):
    first, second = await attach(node="first"), await attach(node="second", capacity=0)
    call, line = await first.connect(await phone("1001"))
    await sweeps(second)
    await still_served(call, line)
    transferring = asyncio.create_task(first.transfer(line, "person"))
    person = await (await phone("1002")).called()
    await sweeps(second)
    person.answer()
    await asyncio.sleep(0.3)
    await sweeps(second)
    word = babble(0.5, seed=32)
    await call.say(word)
    await asyncio.sleep(0.2)
    assert person.heard().find(word).likeness > 0.95
    await person.hang_up()
    assert await transferring == "us"
    await still_served(call, line)
    await line.hang_up()


async def test_a_sweep_leaves_a_node_alone_whose_event_socket_is_cut(pbx, site, passwords, attach, phone):
    second = await attach(node="second", capacity=0)
    async with (
        TcpRelay(site.http.port) as relay,
        AdapterFixture(site, passwords, f"http://127.0.0.1:{relay.port}/ari", node="first") as first,
    ):
        call, line = await first.connect(await phone("1001"))
        relay.cut()
        await asyncio.sleep(0.3)
        await sweeps(second)
        await still_served(call, line)
        relay.restore()
        await asyncio.wait_for(first.asterisk.connected.wait(), 30)
        await line.hang_up()


async def test_a_replaced_node_touches_no_call_of_its_successor(site, passwords, attach, phone):
    first = await attach(node="same")
    async with AdapterFixture(site, passwords, node="same") as second:
        async with asyncio.timeout(30):
            while first.asterisk.connected.is_set():  # noqa: ASYNC110 (its being cleared is no event)
                await asyncio.sleep(0.02)
        call, line = await second.connect(await phone("1001"))
        await asyncio.sleep(6)
        await still_served(call, line)
        await line.hang_up()


async def test_another_node_clears_up_behind_one_that_was_killed(pbx, site, passwords, attach, phone):
    rung = await phone("1002")
    async with service_process(site, passwords, transfer="person") as process:
        call = await (await phone("1001")).call("4000")
        ringing = await rung.called()
        ringing.ring()
        process.kill()
        await process.wait()
        other = await attach(node="other", capacity=0)
        await ringing.ended(within_s=20)
        await call.hang_up()
        await other.nothing_is_left()


async def test_a_node_that_hangs_gets_no_calls(pbx, site, passwords, attach, phone):
    async with service_process(site, passwords) as process:
        os.kill(process.pid, signal.SIGSTOP)
        other = await attach(node="other")
        for _ in range(4):
            _, line = await other.connect(await phone("1001"))
            await line.hang_up()
        os.kill(process.pid, signal.SIGCONT)


async def test_hanging_up_in_the_middle_of_an_offer_is_harmless(attach, phone):
    first, second = [await attach(node=name) for name in ("first", "second")]
    caller = await phone("1001")
    for delay in range(0, 40, 4):
        call = await caller.call("4000")
        await asyncio.sleep(delay / 1000)
        await call.hang_up()
        await call.ended()
    await first.nothing_is_left()
    assert first.asterisk.slots.taken == second.asterisk.slots.taken == 0


async def test_callers_who_hang_up_end_at_their_own_node(attach, phone):
    first, second = [await attach(node=name, capacity=1) for name in ("first", "second")]
    calls = [await (await phone(name)).call("4000") for name in ("1001", "1002")]
    lines = {line.call.caller: line for line in [await node.next_leg() for node in (first, second)]}
    await calls[0].hang_up()
    assert (await hear(lines["1001"]))[-1] == MediaClosed(by="caller", cause="normal")
    await still_served(calls[1], lines["1002"])
    await lines["1002"].hang_up()


async def test_another_node_goes_on_with_a_call_whose_node_was_killed(pbx, site, passwords, attach, phone):
    other = await attach(node="other", goes_on=True)
    other.asterisk.slots.capacity = 0
    async with service_process(site, passwords) as process:
        call = await (await phone("1001")).call("4000")
        await call.answered()
        await call.hears_sound()
        other.asterisk.slots.capacity = 1
        process.kill()
        line = await other.next_leg()
    assert not other.resumed[0].transferred
    await still_served(call, line)
    await call.hang_up()
    assert (await hear(line))[-1] == MediaClosed(by="caller", cause="normal")


@pytest.mark.parametrize("when", ["before its media", "after its media"])
async def test_a_caller_who_hangs_up_during_the_take_over_is_known_to_be_gone(
    pbx, site, passwords, attach, phone, when, monkeypatch
):
    """Either the media can no longer be attached, or they end at once."""
    other, ends = await attach(node="other"), asyncio.Queue()
    other.asterisk.slots.capacity = 0

    async def go_on(resumed):
        if when == "before its media":
            await leaves()
        try:
            line = await resumed.attach(Call(resumed.id, "asterisk", "inbound", "", "4000", "survey", "zh-CN"))
            ends.put_nowait((await hear(line))[-1])
        except NotResumable as reason:
            ends.put_nowait(type(reason))
            raise

    async def leaves():
        await call.hang_up()
        await call.ended()

    opens = VoiceBridge.open

    async def opens_and_leaves(voice, *args, **options):
        await opens(voice, *args, **options)
        await leaves()

    if when == "after its media":
        monkeypatch.setattr(VoiceBridge, "open", opens_and_leaves)
    monkeypatch.setattr(other.asterisk, "_resume", go_on)
    async with service_process(site, passwords) as process:
        call = await (await phone("1001")).call("4000")
        await call.answered()
        await call.hears_sound()
        other.asterisk.slots.capacity = 1
        process.kill()
        assert await asyncio.wait_for(ends.get(), 20) in (PartyGone, MediaClosed(by="caller", cause="normal"))
    await other.nothing_is_left()


async def test_another_node_goes_on_with_a_call_that_a_killed_node_had_placed(pbx, site, passwords, attach, phone):
    other, called = await attach(node="other", goes_on=True), await phone("1001")
    async with service_process(site, passwords, dial="1001") as process:
        call = await called.called()
        call.answer()
        await call.hears_sound()
        process.kill()
        line = await other.next_leg()
    await still_served(call, line)
    await line.hang_up()
    await call.ended()


async def test_after_a_transfer_another_node_goes_on_with_the_call_of_a_killed_one(pbx, site, passwords, attach, phone):
    other, person_phone = await attach(node="other", goes_on=True, capacity=0), await phone("1002")
    async with service_process(site, passwords, transfer="person") as process:
        call = await (await phone("1001")).call("4000")
        person = await person_phone.called()
        person.answer()
        await call.answered()
        word = babble(0.5, seed=33)
        await call.say(word)
        await person.hears(word)
        process.kill()
        await process.wait()
    other.asterisk.slots.capacity = 1
    await sweeps(other)
    await call.say(word)
    assert (await person.hears(word)).likeness > 0.95
    await person.hang_up()
    line = await other.next_leg()
    assert other.resumed[0].transferred
    await still_served(call, line)
    await line.hang_up()
    await call.ended()


async def test_a_node_hands_its_call_over_to_another(attach, phone):
    first, second = await attach(node="first"), await attach(node="second", goes_on=True)
    second.asterisk.slots.capacity = 0
    call, line = await first.connect(await phone("1001"))
    first.asterisk.slots.capacity = 0
    second.asterisk.slots.capacity = 1
    assert await line.release()
    assert (await hear(line))[-1] == CallReleased()
    taken = await second.next_leg()
    await still_served(call, taken)
    await taken.hang_up()
    await call.ended()


async def test_people_who_talk_are_left_alone_when_their_node_hands_over(attach, phone):
    first, second = await attach(node="first"), await attach(node="second", goes_on=True)
    second.asterisk.slots.capacity = 0
    call, line = await first.connect(await phone("1001"))
    first.asterisk.slots.capacity, second.asterisk.slots.capacity = 0, 1
    transferring = asyncio.create_task(first.transfer(line, "person"))
    person = await (await phone("1002")).called()
    person.answer()
    word = babble(0.5, seed=34)
    await call.say(word)
    await person.hears(word)
    assert await line.release()
    assert await transferring == "caller"
    await call.say(word)
    assert (await person.hears(word)).likeness > 0.95
    await person.hang_up()
    taken = await second.next_leg()
    assert second.resumed[0].transferred
    await still_served(call, taken)
    await taken.hang_up()
    await call.ended()


async def test_a_call_goes_on_at_its_own_node_when_only_its_media_break(attach, phone):
    service = await attach(goes_on=True)
    call, line = await service.connect(await phone("1001"))
    (media,) = [channel for channel in await service.ari.channels() if ".voice." in channel]
    await service.ari.hang_up(media)
    assert (await hear(line))[-1] == CallReleased()
    again = await service.next_leg()
    await still_served(call, again)
    await again.hang_up()
    await call.ended()
