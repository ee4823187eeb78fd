"""The softphone, on a real server whose session records or speaks."""

import asyncio

import numpy as np
import pytest
from aiohttp import WSServerHandshakeError

from ivr.devtools.softphone import CallOver, CallRefused, dial
from ivr.telephony.media import AudioFrame, KeyPressed, MarkReached, MediaClosed
from ivr.telephony.port import TransferRefused

pytestmark = pytest.mark.calls(2)

FRAME_SAMPLES = 160


def noise(ms, seed=1):
    return np.random.default_rng(seed).integers(200, 8000, ms * 8).astype("<i2").tobytes()


@pytest.fixture
def phone(serve, sessions):
    """`phone()` dials a new server."""

    class Dialled:
        async def __aenter__(self):
            address = await serve(sessions.answer)
            self.call = dial(address + "/phone/socket", "survey", "zh-CN", {"name": "王", "unpaid": True})
            return await self.call.__aenter__()

        async def __aexit__(self, *error):
            return await self.call.__aexit__(*error)

    return Dialled


def heard_by(sessions):
    return b"".join(event.pcm for event in sessions.events if isinstance(event, AudioFrame))


async def test_speech_arrives_and_lies_on_the_timeline_where_it_was_spoken(phone, sessions):
    words = [noise(130, seed=1), noise(90, seed=2)]
    async with phone() as far:
        spans = await asyncio.gather(*map(far.say, words))
        await sessions.until(lambda _: b"".join(words) in heard_by(sessions))
        for span, word in zip(spans, words, strict=True):
            assert far.timeline.said[span.start : span.end].tobytes() == word
        assert spans[1].start == spans[0].end


async def test_both_sides_of_the_timeline_grow_together_one_frame_apart(phone):
    async with phone() as far:
        await far.say(noise(200))
        line = far.timeline
        assert len(line.heard) - len(line.said) == FRAME_SAMPLES
        assert not line.heard.any()


async def test_a_prompt_ends_when_quiet_follows_its_playout(phone, sessions):
    prompt = noise(150) + bytes(16 * 60) + noise(150)
    sessions.act = lambda line, event: line.media.play(prompt) if len(sessions.events) == 1 else None
    async with phone() as far:
        end = await far.heard_quiet(40)
        heard = far.timeline.heard
        assert heard[end - len(prompt) // 2 : end].tobytes() == prompt
        assert not heard[end:].any()


async def test_each_prompt_is_reported_once(phone, sessions):
    sessions.act = lambda line, event: line.media.play(noise(60)) if isinstance(event, KeyPressed) else None
    async with phone() as far:
        ends = []
        for digit in "12":
            await far.press(digit)
            ends.append(await far.heard_quiet(40))
        assert ends[1] > ends[0]


async def test_a_key_has_its_place_on_the_timeline(phone, sessions):
    async with phone() as far:
        await far.say(noise(60))
        before = len(far.timeline.heard)
        assert await far.press("7") >= before - FRAME_SAMPLES
        assert KeyPressed("7") in await sessions.until(lambda events: KeyPressed("7") in events)


async def test_a_mark_is_reached_where_the_audio_before_it_ends(phone, sessions):
    def act(line, event):
        if len(sessions.events) == 1:
            line.media.play(noise(100))
            line.media.mark("end")

    sessions.act = act
    async with phone() as far:
        await sessions.until(lambda events: MarkReached("end") in events)
        [(_, place)] = far.marks
        assert far.timeline.heard[place - FRAME_SAMPLES : place].all()
        assert not far.timeline.heard[place:].any()


async def test_the_transcript_arrives_live_and_ends_with_the_call(phone, sessions):
    def act(line, event):
        if len(sessions.events) == 1:
            line.show("us", "解决了吗？", {})
            line.show("caller", "解决了", {"understood": "是", "confidence": 0.9, "by": "voice"})
            line.media.end(MediaClosed(by="us", cause="normal"))

    sessions.act = act
    async with phone() as far:
        lines = [line async for line in far.transcript()]
        assert [(line.who, line.text) for line in lines] == [("us", "解决了吗？"), ("caller", "解决了")]
        assert lines[1].detail == {"understood": "是", "confidence": 0.9, "by": "voice"}
        ended = await far.ended()
        assert (ended.by, ended.cause) == ("us", "normal")


async def test_variables_and_id_reach_the_call(phone, sessions):
    async with phone() as far:
        call = sessions.lines[0].call
        assert dict(call.variables) == {"name": "王", "unpaid": True}
        assert call.id == far.call


async def test_everything_awaited_ends_with_the_call(phone, sessions):
    async with phone() as far:
        waiting = [far.say(noise(60_000)), far.heard_quiet(40), far.heard_sound()]
        waiting = [asyncio.ensure_future(each) for each in waiting]
        await asyncio.sleep(0)
        await sessions.lines[0].hang_up()
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, CallOver)
        for again in (far.say(noise(20)), far.heard_quiet(40)):
            with pytest.raises(CallOver):
                await again


async def test_leaving_the_block_hangs_up(phone, sessions):
    async with phone():
        pass
    assert await sessions.closed() == MediaClosed(by="caller", cause="normal")


async def test_a_protocol_error_is_reported_as_the_end(phone, sessions):
    async with phone() as far:
        await far._socket.send_str("{")
        ended = await far.ended()
        assert (ended.by, ended.cause) == ("network", "protocol")


async def test_a_refused_call_says_why(serve, sessions):
    with pytest.raises(CallRefused, match="no such flow"):
        async with dial(await serve(sessions.answer) + "/phone/socket", "unknown", "zh-CN"):
            pass


async def test_dialling_sends_the_token(serve, sessions):
    address = await serve(sessions.answer, token="secret")
    async with dial(address + "/phone/socket", "survey", "zh-CN", token="secret") as far:
        assert far.call
    with pytest.raises(WSServerHandshakeError):
        async with dial(address + "/phone/socket", "survey", "zh-CN"):
            pass


async def test_a_browser_call_has_no_transfer_target(phone, sessions):
    async with phone():
        with pytest.raises(TransferRefused, match="unavailable"):
            await sessions.lines[0].transfer("supervision", "")


async def test_twenty_phones_in_one_process_each_hear_their_own_prompt_whole(serve):
    async def answer(line):
        first = True
        async for _ in line.media.events():
            if first:
                line.media.play(noise(400, seed=line.call.variables["number"]))
                first = False

    url = await serve(answer) + "/phone/socket"

    async def call(number):
        async with dial(url, "survey", "zh-CN", {"number": number}) as far:
            await far.heard_quiet(40)
            return noise(400, seed=number) in far.timeline.heard.tobytes()

    assert all(await asyncio.gather(*map(call, range(20))))
