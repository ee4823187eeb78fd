"""Outbound calls and their outcomes."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from ivr.telephony.asterisk.adapter import Unanswered
from ivr.telephony.media import AudioFrame, MediaClosed
from tests.asterisk.sound import Heard, babble, tone

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]


async def outcome(dialling):
    """The cause of an unanswered call, and whether it rang."""
    with pytest.raises(Unanswered) as caught:
        await dialling
    return caught.value.cause, caught.value.rang


async def heard_by(line):
    """All audio that a call leg received, and its last event."""
    events = [event async for event in line.media.events()]
    pcm = b"".join(event.pcm for event in events if isinstance(event, AudioFrame))
    return Heard(0, np.frombuffer(pcm, np.int16)), events[-1]


async def test_both_sides_hear_each_other_from_the_first_word(service, phone):
    called = await phone("1001")
    dialling = asyncio.create_task(service.dial("1001"))
    call = await called.called()
    call.ring()
    call.answer()
    word = babble(0.5, seed=9)
    speaking = asyncio.create_task(call.say(word))
    line = await dialling
    assert line.call.direction == "outbound"
    prompt = babble(1.0)
    line.media.play(prompt.tobytes())
    assert (await call.hears(prompt)).likeness > 0.99
    await speaking
    await call.hang_up()
    heard, end = await heard_by(line)
    assert end == MediaClosed(by="caller", cause="normal")
    assert heard.find(word).likeness > 0.99


async def test_early_media_does_not_count_as_the_called_party(service, phone):
    called = await phone("1001")
    dialling = asyncio.create_task(service.dial("1001"))
    call = await called.called()
    call.preview()
    await call.say(tone(450, 0.5))
    call.answer()
    line = await dialling
    await call.say(tone(1000, 0.5))
    await line.hang_up()
    heard, _ = await heard_by(line)
    assert heard.until(0.3).pitch() != pytest.approx(450, abs=20)
    assert heard.pitch() == pytest.approx(1000, abs=20)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "rejected"),
        (480, "no_answer"),
        (404, "unallocated"),
        (488, "protocol"),
        (503, "congestion"),
    ],
)
async def test_a_refusal(service, phone, status, cause):
    called = await phone("1001")
    dialling = asyncio.create_task(service.dial("1001"))
    call = await called.called()
    call.refuse(status)
    assert await outcome(dialling) == (cause, False)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (487, "failed"),
        (481, "failed"),
        (433, "failed"),
        (500, "congestion"),
        (513, "congestion"),
        (606, "protocol"),
        (486, "busy"),
        (603, "rejected"),
        (607, "unwanted"),
        (608, "spam"),
    ],
)
async def test_a_refusal_after_ringing(service, phone, status, cause):
    called = await phone("1001")
    dialling = asyncio.create_task(service.dial("1001"))
    call = await called.called()
    call.ring()
    call.refuse(status)
    assert await outcome(dialling) == (cause, True)


async def test_early_media_is_taken_for_ringing(service, phone):
    called = await phone("1001")
    dialling = asyncio.create_task(service.dial("1001"))
    call = await called.called()
    call.preview()
    await call.say(tone(450, 0.5))
    call.refuse(480)
    assert await outcome(dialling) == ("no_answer", True)


async def test_nobody_answers(service, phone):
    called = await phone("1001")
    dialling = asyncio.create_task(service.dial("1001", ring_s=1))
    call = await called.called()
    call.ring()
    assert await outcome(dialling) == ("no_answer", True)
    await call.ended()


async def test_a_phone_that_is_not_registered_is_unreachable(service):
    assert await outcome(service.dial("1002")) == ("unreachable", False)


async def test_a_number_outside_without_a_trunk_is_unreachable(service):
    assert await outcome(service.dial("13800000000")) == ("unreachable", False)


async def test_an_unresponsive_phone_is_unreachable(service, phone):
    called = await phone("1001")
    called.offline = True
    assert await outcome(service.dial("1001", ring_s=1)) == ("no_answer", False)


async def test_a_call_given_up_stops_ringing(service, phone):
    called = await phone("1001")
    dialling = asyncio.create_task(service.dial("1001"))
    call = await called.called()
    call.ring()
    await asyncio.sleep(0.1)
    dialling.cancel()
    await call.ended()
