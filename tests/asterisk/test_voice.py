"""A caller and the service hear each other through a real Asterisk."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from ivr.telephony.media import AudioFrame, KeyPressed, MarkReached
from tests.asterisk.sound import Heard, babble

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]
FLOOR = 0.99
"""The least likeness of audio after one pass through G.711."""


async def events_until(line, wanted):
    """The events up to and including `wanted`."""
    events = []
    async with asyncio.timeout(60):
        async for event in line.media.events():
            events.append(event)
            if event == wanted:
                break
    return events


async def test_a_prompt_is_heard_completely_and_undistorted(service, phone):
    call, line = await service.connect(await phone("1001"))
    prompt = babble(3.0)
    for start, end in ((0, 100), (100, 7777), (7777, len(prompt))):
        line.media.play(prompt[start:end].tobytes())
    line.media.mark("end")
    await events_until(line, MarkReached("end"))
    found = await call.hears(prompt)
    assert found.likeness > FLOOR
    assert found.gap_ms <= 60
    assert found.gain == pytest.approx(1, abs=0.02)
    assert not found.clipped


async def test_two_prompts_in_a_row_are_heard_without_a_gap(service, phone):
    call, line = await service.connect(await phone("1001"))
    first, second = babble(1.001, seed=1), babble(1.0, seed=2)
    line.media.play(first.tobytes())
    line.media.play(second.tobytes())
    assert (await call.hears(np.concatenate([first, second]))).likeness > FLOOR


async def test_the_caller_is_heard_completely_and_without_an_echo_of_the_prompt(service, phone):
    call, line = await service.connect(await phone("1001"))
    said, prompt = babble(1.0, seed=3), babble(2.0, seed=4)
    line.media.play(prompt.tobytes())
    speaking = asyncio.create_task(call.say(said))
    line.media.mark("end")
    events = await events_until(line, MarkReached("end"))
    await speaking
    heard = Heard(0, np.frombuffer(b"".join(e.pcm for e in events if isinstance(e, AudioFrame)), np.int16))
    assert heard.find(said).likeness > FLOOR
    assert heard.find(prompt).likeness < 0.1
    assert call.heard().find(said).likeness < 0.1


async def test_a_phone_with_a_law_is_heard(service, phone):
    caller = await phone("1001")
    caller.codecs = (8,)
    call, line = await service.connect(caller)
    prompt = babble(1.0)
    line.media.play(prompt.tobytes())
    assert (await call.hears(prompt)).likeness > FLOOR


async def test_clear_silences_the_audio_within_120_ms(service, phone):
    call, line = await service.connect(await phone("1001"))
    delays = []
    for number in range(20):
        line.media.play(babble(5.0, seed=number).tobytes())
        await call.hears_sound()
        cleared = asyncio.get_running_loop().time()
        line.media.clear()
        await call.hears_quiet(0.1)
        delays.append(max([0.0, *(moment + 0.02 - cleared for moment in call.heard().since(cleared - 0.1).loud())]))
    assert np.percentile(delays, 95) < 0.12


async def test_audio_played_after_clear_is_heard_and_earlier_marks_are_dropped(service, phone):
    call, line = await service.connect(await phone("1001"))
    line.media.play(babble(5.0, seed=1).tobytes())
    line.media.mark("old")
    await call.hears_sound()
    line.media.clear()
    prompt = babble(1.0, seed=2)
    line.media.play(prompt.tobytes())
    line.media.mark("new")
    events = await events_until(line, MarkReached("new"))
    assert MarkReached("old") not in events
    assert (await call.hears(prompt)).likeness > FLOOR


async def test_keys_arrive_once_each_and_in_order(service, phone):
    call, line = await service.connect(await phone("1001"))
    line.media.play(babble(5.0).tobytes())
    pressing = asyncio.create_task(call.press("42*0##"))
    keys = []
    async with asyncio.timeout(60):
        async for event in line.media.events():
            if isinstance(event, KeyPressed):
                keys.append(event.digit)
            if len(keys) == 6:
                break
    await pressing
    assert "".join(keys) == "42*0##"
