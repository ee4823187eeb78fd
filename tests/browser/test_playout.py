from ivr.devtools.playout import PlayoutBuffer
from ivr.telephony.media import FRAME_BYTES

SILENCE = bytes(FRAME_BYTES)
TONE = b"\x10\x20" * (FRAME_BYTES // 2)


def test_an_empty_buffer_plays_silence():
    assert PlayoutBuffer().next() == (SILENCE, [])


def test_audio_is_played_frame_by_frame_and_padded_with_silence():
    playout = PlayoutBuffer()
    playout.add(TONE + TONE[:100])
    assert playout.next() == (TONE, [])
    assert playout.next() == (TONE[:100] + SILENCE[100:], [])
    assert playout.empty


def test_a_mark_is_reached_with_the_frame_of_the_following_audio():
    playout = PlayoutBuffer()
    playout.add(TONE)
    playout.mark("1")
    playout.add(TONE)
    assert playout.next() == (TONE, [])
    assert playout.next() == (TONE, ["1"])


def test_marks_without_pending_audio_are_reached_at_once_and_in_order():
    playout = PlayoutBuffer()
    playout.mark("1")
    playout.mark("2")
    assert playout.next() == (SILENCE, ["1", "2"])


def test_clear_drops_audio_and_marks():
    playout = PlayoutBuffer()
    playout.add(TONE)
    playout.mark("1")
    playout.clear()
    assert playout.next() == (SILENCE, [])


def test_audio_that_runs_out_before_its_mark_is_an_underflow():
    playout = PlayoutBuffer()
    playout.add(TONE)
    playout.next()
    playout.next()
    playout.next()
    playout.add(TONE)
    playout.mark("1")
    playout.next()
    playout.next()
    assert playout.underflows == 1


def test_cleared_audio_is_no_underflow():
    playout = PlayoutBuffer()
    playout.add(TONE * 2)
    playout.next()
    playout.clear()
    playout.next()
    assert playout.underflows == 0
