"""Broken connections and killed processes: calls end properly or continue, and no caller is left in silence."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
import soundfile

from ivr.devtools.private_pbx import Pbx
from ivr.service.supervisor import Supervisor
from ivr.telephony.asterisk.adapter import Unanswered
from ivr.telephony.asterisk.channels import ChannelTracker
from ivr.telephony.asterisk.dialplan import TEMPLATES
from ivr.telephony.asterisk.sweep import Sweeper
from ivr.telephony.media import AudioFrame, KeyPressed, MediaClosed
from tests.asterisk.conftest import DATA, make_secrets, make_site
from tests.asterisk.phone import Phone
from tests.asterisk.rtp import NetworkImpairment
from tests.asterisk.service import AdapterFixture
from tests.asterisk.sound import babble, tone
from tests.asterisk.wire import TcpRelay

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(2)]
ROOT = Path(__file__).resolve().parents[2]


def apology():
    pcm, _ = soundfile.read(TEMPLATES / "sounds/sorry.wav", dtype="int16")
    return pcm


async def reaches_an_agent(call, agent_phone):
    """The caller hears the apology, then an agent is rung, and the two hear each other."""
    agent = await agent_phone.called(within_s=60)
    assert call.heard().find(apology()).likeness > 0.98
    agent.ring()
    agent.answer()
    await asyncio.sleep(0.3)
    word = babble(0.5, seed=12)
    await call.say(word)
    await asyncio.sleep(0.1)
    assert agent.heard().find(word).likeness > 0.95
    await agent.hang_up()
    await call.hang_up()


async def hear(line):
    async with asyncio.timeout(30):
        return [event async for event in line.media.events()]


async def test_without_a_service_callers_reach_an_agent(pbx, phone):
    agent_phone = await phone("1003")
    call = await (await phone("1001")).call("4000")
    await call.answered()
    await reaches_an_agent(call, agent_phone)


async def test_a_caller_above_the_capacity_reaches_an_agent(attach, phone):
    service = await attach(capacity=1)
    agent_phone = await phone("1003")
    _, line = await service.connect(await phone("1001"))
    second = await (await phone("1002")).call("4000")
    await asyncio.wait_for(second.ringing.wait(), 30)
    await second.answered(within_s=60)
    await reaches_an_agent(second, agent_phone)
    await line.hang_up()


async def test_a_caller_at_a_full_line_gets_the_first_free_place(attach, phone):
    service = await attach(capacity=1)
    _, line = await service.connect(await phone("1001"))
    second = await (await phone("1002")).call("4000")
    await asyncio.wait_for(second.ringing.wait(), 30)
    await asyncio.sleep(1.5)
    assert not second.up.is_set()
    await line.hang_up()
    taken = await service.next_leg()
    await second.answered()
    assert 2 <= taken.call.waited_rings <= 4
    await taken.hang_up()


async def test_a_caller_who_gives_up_at_a_full_line_leaves_nothing_behind(attach, phone):
    service = await attach(capacity=1)
    _, line = await service.connect(await phone("1001"))
    second = await (await phone("1002")).call("4000")
    await asyncio.wait_for(second.ringing.wait(), 30)
    await second.hang_up()
    await line.hang_up()
    await service.nothing_is_left()
    assert service.asterisk.slots.taken == 0


async def test_callers_reach_an_agent_at_once_while_the_service_drains(attach, phone):
    service = await attach(capacity=1)
    service.asterisk.slots.capacity = 0
    agent_phone = await phone("1003")
    call = await (await phone("1001")).call("4000")
    await reaches_an_agent(await call.answered(), agent_phone)
    assert not call.ringing.is_set()


@asynccontextmanager
async def service_process(site, passwords, **more):
    """Run the adapter in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.asterisk.lonely",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    given = {"site": site.model_dump(mode="json", by_alias=True), "secrets": asdict(passwords), **more}
    process.stdin.write(json.dumps(given).encode() + b"\n")
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()


async def test_a_caller_of_a_killed_service_reaches_an_agent_and_the_next_service_cleans_up(
    pbx, site, passwords, phone, attach
):
    agent_phone = await phone("1003")
    async with service_process(site, passwords) as process:
        call = await (await phone("1001")).call("4000")
        await call.answered()
        await call.hears_sound()
        process.kill()
        await process.wait()
        await reaches_an_agent(call, agent_phone)
    service = await attach()
    await service.nothing_is_left()


async def test_a_caller_whose_service_is_killed_during_a_transfer_reaches_an_agent(pbx, site, passwords, phone, attach):
    agent_phone, rung = await phone("1003"), await phone("1002")
    async with service_process(site, passwords, transfer="person") as process:
        call = await (await phone("1001")).call("4000")
        agent = await rung.called()
        agent.ring()
        await call.hears_sound()
        process.kill()
        await process.wait()
        await reaches_an_agent(call, agent_phone)
        await agent.hang_up()
    service = await attach()
    await service.nothing_is_left()


async def test_a_transferred_call_survives_the_service_and_its_successor(pbx, site, passwords, phone, attach):
    caller, agent_phone = await phone("1001"), await phone("1002")
    async with service_process(site, passwords, transfer="person") as process:
        call = await caller.call("4000")
        agent = await agent_phone.called()
        agent.answer()
        await call.answered()
        await asyncio.sleep(0.5)
        process.kill()
        await process.wait()
    service = await attach()
    word = babble(0.5, seed=13)
    await call.say(word)
    await asyncio.sleep(0.1)
    assert agent.heard().find(word).likeness > 0.95
    await agent.hang_up()
    await asyncio.sleep(0.2)
    sweeper = Sweeper(service.ari, ChannelTracker())
    await sweeper.sweep()
    await sweeper.sweep()
    assert await service.ari.bridges() == {}
    assert not call.over.is_set(), "the caller must be transferred to an agent"
    await call.hang_up()


async def test_an_outbound_call_ends_when_the_service_is_killed(pbx, site, passwords, phone, attach):
    called = await phone("1001")
    async with service_process(site, passwords, dial="1001") as process:
        call = await called.called()
        call.answer()
        await call.hears_sound()
        process.kill()
        await call.ended()
    await (await attach()).nothing_is_left()


async def test_calls_survive_a_cut_event_socket_which_reconnects_with_back_off(pbx, site, passwords, phone):
    async with (
        TcpRelay(site.http.port) as relay,
        AdapterFixture(site, passwords, f"http://127.0.0.1:{relay.port}/ari") as service,
    ):
        call, line = await service.connect(await phone("1001"))
        stays, other_line = await service.connect(await phone("1002"))
        relay.cut()
        prompt = babble(1.0)
        line.media.play(prompt.tobytes())
        assert (await call.hears(prompt)).likeness > 0.99
        assert not service.asterisk.connected.is_set()
        await call.hang_up()
        await asyncio.sleep(0.3)
        attempts = relay.attempts
        await asyncio.sleep(1.5)
        assert 0 < relay.attempts - attempts < 5
        relay.restore()
        await asyncio.wait_for(service.asterisk.connected.wait(), 30)
        assert (await hear(line))[-1] == MediaClosed(by="caller", cause="normal")
        pressing = asyncio.create_task(stays.press("5"))
        async for event in other_line.media.events():
            if isinstance(event, KeyPressed):
                break
        assert event == KeyPressed("5")
        await pressing
        await other_line.hang_up()
        assert sum(isinstance(event, KeyPressed) for event in await hear(other_line)) == 0
        await service.nothing_is_left()


async def test_killing_asterisk_ends_all_calls_and_new_calls_work_after_its_restart():
    site, passwords = make_site(), make_secrets()
    at = (site.sip.host, site.sip.port)
    async with Pbx(site, passwords, DATA) as pbx, AdapterFixture(site, passwords) as service:
        async with Phone("1001", passwords.phones["1001"], at) as first:
            _, line = await service.connect(first)
            await pbx.kill()
            assert (await hear(line))[-1] == MediaClosed(by="network", cause="failed")
            first.offline = True
            with pytest.raises(Unanswered, match="failed"):
                await service.dial("1001")
        await pbx.start()
        await asyncio.wait_for(service.asterisk.connected.wait(), 30)
        async with Phone("1002", passwords.phones["1002"], at) as second:
            _, line = await service.connect(second)
            await line.hang_up()
        await service.nothing_is_left()


async def test_a_worker_that_fails_is_restarted_and_takes_calls_again(site, passwords, phone, monkeypatch):
    service, supervisor, struck = AdapterFixture(site, passwords), Supervisor(first_retry_s=0.05), asyncio.Event()
    events = service.asterisk._events.events

    async def failing():
        monkeypatch.setattr(service.asterisk._events, "events", events)
        strike = asyncio.create_task(struck.wait())
        async for event in events():
            yield event
            if strike.done():
                raise RuntimeError("a fault in the adapter")

    monkeypatch.setattr(service.asterisk._events, "events", failing)
    async with service.ari:
        running = asyncio.create_task(supervisor.run({"asterisk": service.asterisk.run}))
        await asyncio.wait_for(service.asterisk.connected.wait(), 30)
        _, line = await service.connect(await phone("1001"))
        struck.set()
        await line.hang_up()
        async with asyncio.timeout(30):
            while not supervisor.restarts["asterisk"]:  # noqa: ASYNC110 (the restart is no event)
                await asyncio.sleep(0.02)
            await service.asterisk.connected.wait()
        assert supervisor.trouble == "asterisk failed: a fault in the adapter"
        call, line = await service.connect(await phone("1001"))
        prompt = babble(0.6, seed=33)
        line.media.play(prompt.tobytes())
        assert (await call.hears(prompt)).likeness > 0.95
        await line.hang_up()
        await service.nothing_is_left()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_5_percent_loss_and_60_ms_jitter(service, phone):
    caller = await phone("1001")
    caller.impairment = NetworkImpairment(loss=0.05, jitter_s=0.06)
    call, line = await service.connect(caller)
    prompt = babble(4.0)
    line.media.play(prompt.tobytes())
    pressing = asyncio.create_task(call.press("1234567890*#"))
    assert (await call.hears(prompt)).likeness > 0.9
    await pressing
    await call.say(tone(700, 1.0))
    await line.hang_up()
    events = await hear(line)
    assert [event.digit for event in events if isinstance(event, KeyPressed)] == list("1234567890*#")
    assert sum(isinstance(event, AudioFrame) for event in events) > 160


async def test_a_caller_hears_when_no_agent_is_available_either(pbx, phone):
    call = await (await phone("1001")).call("4000")
    await call.ended(within_s=60)
    nobody_available, _ = soundfile.read(TEMPLATES / "sounds/nobody.wav", dtype="int16")
    assert call.heard().find(apology()).likeness > 0.98
    assert call.heard().find(nobody_available).likeness > 0.98
    assert not call.ended_by_us


async def test_nothing_is_dialled_without_a_connection(pbx, site, passwords):
    async with (
        TcpRelay(site.http.port) as relay,
        AdapterFixture(site, passwords, f"http://127.0.0.1:{relay.port}/ari") as service,
    ):
        relay.cut()
        await asyncio.sleep(0.1)
        with pytest.raises(Unanswered, match="failed"):
            await service.dial("1001")


async def test_a_second_service_of_the_same_name_takes_over_and_the_first_notices(site, passwords, attach):
    first = await attach()
    async with AdapterFixture(site, passwords):
        async with asyncio.timeout(30):
            while first.asterisk.connected.is_set():  # noqa: ASYNC110 (its being cleared is no event)
                await asyncio.sleep(0.02)
