"""Start and end of arriving calls."""

from __future__ import annotations

import asyncio

import pytest

from ivr.telephony.media import MediaClosed
from tests.asterisk.sound import babble

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(3)]


async def last_event(line):
    """The event with which a call leg ends."""
    async with asyncio.timeout(60):
        events = [event async for event in line.media.events()]
    return events[-1]


async def test_a_call_carries_the_calling_number_and_the_line(service, phone):
    _, line = await service.connect(await phone("1001"))
    assert line.call.network == "asterisk"
    assert line.call.direction == "inbound"
    assert line.call.caller == "1001"
    assert line.call.called == "4000"
    assert line.call.flow == "survey"
    assert line.call.language == "zh-CN"


async def test_the_caller_hangs_up(service, phone):
    call, line = await service.connect(await phone("1001"))
    await call.hang_up()
    assert await last_event(line) == MediaClosed(by="caller", cause="normal")


async def test_the_caller_hangs_up_while_speaking(service, phone):
    call, line = await service.connect(await phone("1001"))
    line.media.play(bytes(80_000))
    speaking = asyncio.create_task(call.say(babble(1.0)))
    await asyncio.sleep(0.3)
    await call.hang_up()
    assert await last_event(line) == MediaClosed(by="caller", cause="normal")
    await asyncio.gather(speaking, return_exceptions=True)


async def test_the_service_hangs_up_and_the_phone_notices(service, phone):
    call, line = await service.connect(await phone("1001"))
    await line.hang_up()
    await line.hang_up()
    await call.ended()
    assert await last_event(line) == MediaClosed(by="us", cause="normal")
    assert not call.ended_by_us


async def test_a_caller_without_a_common_codec_is_refused(service, phone):
    call = await (await phone("1001")).call("4000", codecs=(18,))
    await call.ended()
    assert call.status == 488


async def test_a_caller_may_hang_up_at_any_stage_of_the_set_up(service, phone):
    caller = await phone("1001")
    for delay in range(0, 60, 4):
        call = await caller.call("4000")
        await asyncio.sleep(delay / 1000)
        await call.hang_up()
        await call.ended()
    await service.nothing_is_left()
    assert service.asterisk.slots.taken == 0


async def test_ten_calls_at_once(service, phone):
    caller = await phone("1001")
    both = [await service.connect(caller) for _ in range(10)]
    prompts = [babble(1.0, seed=number) for number in range(10)]
    for (_, line), prompt in zip(both, prompts, strict=True):
        line.media.play(prompt.tobytes())
    for (call, _), prompt in zip(both, prompts, strict=True):
        assert (await call.hears(prompt)).likeness > 0.98
    for call, line in both:
        await call.hang_up()
        assert await last_event(line) == MediaClosed(by="caller", cause="normal")
