"""The contract of every network's call leg and media stream (ivr/telephony/media.py, ivr/telephony/port.py)."""

import pytest

from ivr.telephony.media import FRAME_BYTES, AudioFrame, KeyPressed, MarkReached, MediaClosed

pytestmark = pytest.mark.calls(1)

ALIKE = 0.95
"""The least likeness of audio that has passed through a network to the original (µ-law keeps 0.99)."""


def frames(events):
    return b"".join(event.pcm for event in events if isinstance(event, AudioFrame))


def marks(events):
    return [event.name for event in events if isinstance(event, MarkReached)]


async def test_the_callers_voice_arrives_complete_in_frames_of_20_ms(call, voice, find):
    said = voice(400)
    await call.far.say(said)
    await call.until(lambda events: find(frames(events), said)[1] > ALIKE)
    assert all(len(event.pcm) == FRAME_BYTES for event in call.events if isinstance(event, AudioFrame))


async def test_silence_is_audio_too(call):
    await call.until(lambda events: len(events) >= 10)
    assert all(isinstance(event, AudioFrame) for event in call.events)


async def test_audio_played_in_pieces_of_any_length_is_heard_without_gaps(call, voice, find):
    prompt = voice(500)
    for start, end in ((0, 2), (2, 3002), (3002, 3006), (3006, len(prompt))):
        call.line.media.play(prompt[start:end])
    await call.far.heard_quiet(100)
    assert find(call.far.timeline.heard.tobytes(), prompt)[1] > ALIKE


async def test_a_mark_returns_when_all_audio_before_it_has_been_heard(call, voice, find):
    prompt = voice(300)
    call.line.media.play(prompt)
    call.line.media.mark("prompt")
    await call.until(lambda events: marks(events) == ["prompt"])
    assert find(call.far.timeline.heard.tobytes(), prompt)[1] > ALIKE


async def test_a_mark_does_not_return_before_the_audio_is_heard(call, voice):
    call.line.media.play(voice(60_000))
    call.line.media.mark("far off")
    await call.far.heard_sound()
    await call.until(lambda events: len(events) >= 20)
    assert marks(call.events) == []


async def test_a_mark_without_audio_before_it_returns_at_once(call):
    call.line.media.mark("nothing")
    await call.until(lambda events: marks(events) == ["nothing"])


async def test_marks_return_in_order_and_may_share_a_name(call, voice):
    for name in ("first", "second", "second"):
        call.line.media.play(voice(50))
        call.line.media.mark(name)
    await call.until(lambda events: len(marks(events)) == 3)
    assert marks(call.events) == ["first", "second", "second"]


async def test_clear_silences_the_audio_at_once(call, voice):
    call.line.media.play(voice(30_000))
    await call.far.heard_sound()
    call.line.media.clear()
    await call.far.heard_quiet(200)
    assert len(call.far.timeline.heard) < 8 * 10_000


async def test_clear_drops_earlier_marks_and_keeps_later_ones(call, voice, find):
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


async def test_clear_without_audio_is_harmless(call):
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


async def test_hanging_up_twice_ends_the_call_at_the_far_end(call):
    await call.line.hang_up()
    await call.line.hang_up()
    assert await call.closed() == MediaClosed(by="us", cause="normal")
    await call.far.ended()


async def test_a_cut_connection_counts_as_lost_media(call):
    await call.far.cut()
    assert await call.closed() == MediaClosed(by="network", cause="media_lost")


async def test_commands_are_harmless_after_the_end_and_no_events_follow(call, voice):
    await call.far.hang_up()
    await call.closed()
    call.line.media.play(voice(100))
    call.line.media.mark("late")
    call.line.media.clear()
    await call.line.hang_up()
    assert await call.closed() == MediaClosed(by="caller", cause="normal")
    assert sum(isinstance(event, MediaClosed) for event in call.events) == 1


async def test_the_call_leg_knows_its_call(call):
    assert call.line.call.id
    assert call.line.call.flow == "survey"
    assert call.line.call.language == "zh-CN"
