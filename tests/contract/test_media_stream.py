"""What every network's line and media stream keep to (ivr/telephony/media.py, ivr/telephony/port.py)."""

import pytest

from ivr.telephony.media import FRAME_BYTES, AudioFrame, KeyPressed, MarkReached, MediaClosed

pytestmark = pytest.mark.calls(1)

ALIKE = 0.95
"""The least likeness to the original of audio that went through a network (µ-law keeps 0.99)."""


def frames(events):
    return b"".join(event.pcm for event in events if isinstance(event, AudioFrame))


def marks(events):
    return [event.name for event in events if isinstance(event, MarkReached)]


async def test_the_callers_voice_arrives_whole_in_frames_of_20_ms(call, voice, find):
    said = voice(400)
    await call.far.say(said)
    await call.until(lambda events: find(frames(events), said)[1] > ALIKE)
    assert all(len(event.pcm) == FRAME_BYTES for event in call.events if isinstance(event, AudioFrame))


async def test_silence_is_audio_too(call):
    await call.until(lambda events: len(events) >= 10)
    assert all(isinstance(event, AudioFrame) for event in call.events)


async def test_what_is_played_in_pieces_of_any_length_is_heard_in_one_piece(call, voice, find):
    prompt = voice(500)
    for start, end in ((0, 2), (2, 3002), (3002, 3006), (3006, len(prompt))):
        call.line.media.play(prompt[start:end])
    await call.far.heard_quiet(100)
    assert find(call.far.timeline.heard.tobytes(), prompt)[1] > ALIKE


async def test_a_mark_comes_back_when_everything_before_it_has_been_heard(call, voice, find):
    prompt = voice(300)
    call.line.media.play(prompt)
    call.line.media.mark("prompt")
    await call.until(lambda events: marks(events) == ["prompt"])
    assert find(call.far.timeline.heard.tobytes(), prompt)[1] > ALIKE


async def test_a_mark_does_not_come_back_before_the_audio_is_heard(call, voice):
    call.line.media.play(voice(60_000))
    call.line.media.mark("far off")
    await call.far.heard_sound()
    await call.until(lambda events: len(events) >= 20)
    assert marks(call.events) == []


async def test_a_mark_with_nothing_before_it_comes_back_at_once(call):
    call.line.media.mark("nothing")
    await call.until(lambda events: marks(events) == ["nothing"])


async def test_marks_come_back_in_order_and_may_bear_the_same_name(call, voice):
    for name in ("first", "second", "second"):
        call.line.media.play(voice(50))
        call.line.media.mark(name)
    await call.until(lambda events: len(marks(events)) == 3)
    assert marks(call.events) == ["first", "second", "second"]


async def test_clear_makes_it_quiet_at_once(call, voice):
    call.line.media.play(voice(30_000))
    await call.far.heard_sound()
    call.line.media.clear()
    await call.far.heard_quiet(200)
    assert len(call.far.timeline.heard) < 8 * 10_000


async def test_clear_forgets_the_marks_before_it_and_keeps_those_after_it(call, voice, find):
    next_prompt = voice(200, seed=2)
    call.line.media.play(voice(30_000))
    call.line.media.mark("old")
    await call.far.heard_sound()
    call.line.media.clear()
    call.line.media.play(next_prompt)
    call.line.media.mark("new")
    await call.until(lambda events: marks(events) != [])
    assert marks(call.events) == ["new"]
    assert find(call.far.timeline.heard.tobytes(), next_prompt)[1] > ALIKE


async def test_clear_with_nothing_to_clear_is_harmless(call):
    call.line.media.clear()
    call.line.media.mark("after")
    await call.until(lambda events: marks(events) == ["after"])


async def test_keys_arrive_in_order(call):
    for digit in "159*0#":
        await call.far.press(digit)
    await call.until(lambda events: sum(isinstance(event, KeyPressed) for event in events) == 6)
    assert [event.digit for event in call.events if isinstance(event, KeyPressed)] == list("159*0#")


async def test_the_caller_hangs_up(call):
    await call.far.hang_up()
    assert await call.closed() == MediaClosed(by="caller", cause="normal")


async def test_we_hang_up_twice_and_the_far_end_knows(call):
    await call.line.hang_up()
    await call.line.hang_up()
    assert await call.closed() == MediaClosed(by="us", cause="normal")
    await call.far.ended()


async def test_a_cut_connection_is_lost_media(call):
    await call.far.cut()
    assert await call.closed() == MediaClosed(by="network", cause="media_lost")


async def test_the_verbs_are_harmless_after_the_end_and_nothing_more_is_told(call, voice):
    await call.far.hang_up()
    await call.closed()
    call.line.media.play(voice(100))
    call.line.media.mark("late")
    call.line.media.clear()
    await call.line.hang_up()
    assert await call.closed() == MediaClosed(by="caller", cause="normal")
    assert sum(isinstance(event, MediaClosed) for event in call.events) == 1


async def test_the_line_knows_whose_call_it_is(call):
    assert call.line.call.id
    assert call.line.call.flow == "survey"
    assert call.line.call.language == "zh-CN"
