"""Transfer of a caller to an agent."""

from __future__ import annotations

import asyncio

import pytest
import soundfile

from ivr.telephony.asterisk.dialplan import TEMPLATES
from ivr.telephony.media import AudioFrame, MarkReached
from ivr.telephony.port import TransferRefused
from tests.asterisk.sound import Heard, babble, tone

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(2)]


def hold_music():
    pcm, rate = soundfile.read(TEMPLATES / "sounds/hold/hold.wav", dtype="int16")
    assert rate == 8000
    return Heard(0, pcm)


async def refusal(transferring):
    with pytest.raises(TransferRefused) as caught:
        await transferring
    return caught.value.reason


async def still_ours(call, line):
    """After a failed transfer, caller and service hear each other as before."""
    prompt = babble(0.6, seed=5)
    line.media.play(prompt.tobytes())
    assert (await call.hears(prompt)).likeness > 0.99
    await call.say(tone(700, 0.3))
    line.media.mark("now")
    async for event in line.media.events():
        if event == MarkReached("now"):
            break


async def test_caller_and_agent_hear_each_other_and_the_service_hears_neither(service, phone):
    call, line = await service.connect(await phone("1001"))
    agent_phone = await phone("1002")
    transferring = asyncio.create_task(line.transfer("person", ""))
    agent = await agent_phone.called()
    agent.ring()
    began = await call.hears_sound()
    await asyncio.sleep(0.5)
    music = call.heard().since(began + 0.1).until(began + 0.5)
    assert hold_music().find(music.samples).likeness > 0.98
    agent.answer()
    await asyncio.sleep(0.3)
    to_person, to_caller = babble(1.0, seed=6), babble(1.0, seed=7)
    await asyncio.gather(call.say(to_person), agent.say(to_caller))
    assert (await agent.hears(to_person)).likeness > 0.98
    assert (await call.hears(to_caller)).likeness > 0.98
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()
    events = [event async for event in line.media.events()]
    frames = [event for event in events if isinstance(event, AudioFrame)]
    assert len(frames) < 25, "the service must hear only the caller before the transfer"


async def test_the_caller_returns_to_the_service_when_the_agent_hangs_up(service, phone):
    call, line = await service.connect(await phone("1001"))
    agent_phone = await phone("1002")
    transferring = asyncio.create_task(line.transfer("person", ""))
    agent = await agent_phone.called()
    agent.answer()
    await asyncio.sleep(0.2)
    await agent.hang_up()
    assert await transferring == "us"
    await still_ours(call, line)
    await line.hang_up()


@pytest.mark.parametrize(("status", "reason"), [(486, "busy"), (603, "declined"), (480, "no_answer")])
async def test_the_agent_refuses(service, phone, status, reason):
    call, line = await service.connect(await phone("1001"))
    agent_phone = await phone("1002")
    transferring = asyncio.create_task(line.transfer("person", ""))
    (await agent_phone.called()).refuse(status)
    assert await refusal(transferring) == reason
    await still_ours(call, line)
    await line.hang_up()


async def test_no_agent_can_be_reached(service, phone):
    call, line = await service.connect(await phone("1001"))
    assert await refusal(line.transfer("person", "")) == "unreachable"
    assert await refusal(line.transfer("nowhere", "")) == "unreachable"
    assert await refusal(line.transfer("not in the configuration", "")) == "unavailable"
    await still_ours(call, line)
    await line.hang_up()


async def test_the_caller_gives_up_while_it_rings(service, phone):
    call, line = await service.connect(await phone("1001"))
    agent_phone = await phone("1002")
    transferring = asyncio.create_task(line.transfer("person", ""))
    agent = await agent_phone.called()
    agent.ring()
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()


async def test_only_the_agent_hears_the_whisper(site, passwords, pbx, phone, attach):
    words = babble(0.8, seed=8)
    service = await attach(announce=lambda whisper, language: words.tobytes() if whisper == "a caller" else b"")
    call, line = await service.connect(await phone("1001"))
    agent_phone = await phone("1002")
    transferring = asyncio.create_task(line.transfer("person", "a caller"))
    agent = await agent_phone.called()
    agent.answer()
    assert (await agent.hears(words)).likeness > 0.98
    assert call.heard().find(words).likeness < 0.2
    await asyncio.sleep(0.2)
    spoken = babble(0.5, seed=11)
    await agent.say(spoken)
    await asyncio.sleep(0.1)
    assert call.heard().find(spoken).likeness > 0.98
    await agent.hang_up()
    assert await transferring == "us"
    await line.hang_up()
