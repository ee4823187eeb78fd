"""The messages to Asterisk's WebSocket channel and their times, in virtual time."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ivr.telephony.asterisk.pacer import CHUNK_BYTES, MAX_AHEAD_S, MediaPacer
from ivr.telephony.media import FRAME_BYTES

BUFFERING = '{"command": "START_MEDIA_BUFFERING"}'
SECOND = b"\x01\x02" * 8000


def drain(outbox, now=0.0):
    """All messages due at a time."""
    sent = []
    while (message := outbox.take(now)) is not None:
        sent.append(message)
    return sent


def play_out(outbox, now=0.0):
    """All messages with their times; waits as long as the outbox asks."""
    sent = []
    while (pause := outbox.wait(now)) is not None:
        now += pause
        sent += [(now, message) for message in drain(outbox, now)]
    return sent


def audio(messages):
    return b"".join(message for message in messages if isinstance(message, bytes))


def started_outbox():
    outbox = MediaPacer()
    assert drain(outbox) == [BUFFERING]
    return outbox


def test_audio_is_sent_at_once_in_chunks():
    outbox = started_outbox()
    outbox.play(SECOND)
    sent = drain(outbox)
    assert [len(chunk) for chunk in sent] == [CHUNK_BYTES] * 5
    assert audio(sent) == SECOND


def test_the_lead_stays_within_the_queue_of_asterisk():
    outbox = started_outbox()
    outbox.play(SECOND * 60)
    at_once = len(audio(drain(outbox))) / len(SECOND)
    assert MAX_AHEAD_S <= at_once <= MAX_AHEAD_S + 0.2
    assert outbox.take(0.1) is None
    assert abs(outbox.wait(0.1) - (at_once - 0.1 - MAX_AHEAD_S)) < 1e-6


@given(st.lists(st.binary(max_size=3000).map(lambda pcm: pcm[: len(pcm) // 2 * 2]), max_size=20))
def test_pieces_of_any_length_are_sent_as_whole_frames_without_gaps(pieces):
    outbox = started_outbox()
    for piece in pieces:
        outbox.play(piece)
    sent = [message for _, message in play_out(outbox)]
    whole = b"".join(pieces)
    assert all(len(chunk) % FRAME_BYTES == 0 for chunk in sent)
    assert audio(sent) == whole + bytes(-len(whole) % FRAME_BYTES)


def test_a_partial_frame_waits_for_more_audio_as_long_as_it_can():
    outbox = started_outbox()
    outbox.play(SECOND + b"\x05\x06")
    assert audio(drain(outbox)) == SECOND
    outbox.play(b"\x07\x08")
    ((at, last),) = play_out(outbox)
    assert 0.9 < at < 1.0
    assert last == b"\x05\x06\x07\x08" + bytes(FRAME_BYTES - 4)


def test_a_mark_follows_the_padded_audio_before_it():
    outbox = started_outbox()
    outbox.play(b"\x01\x02")
    outbox.mark("said")
    frame, mark = drain(outbox)
    assert frame == b"\x01\x02" + bytes(FRAME_BYTES - 2)
    assert json.loads(mark) == {"command": "MARK_MEDIA", "correlation_id": "1"}
    assert outbox.mark_name("1") == "said"
    assert outbox.mark_name("1") is None


def test_marks_of_the_same_name_are_told_apart():
    outbox = started_outbox()
    outbox.mark("again")
    drain(outbox)
    outbox.clear()
    outbox.mark("again")
    drain(outbox)
    assert outbox.mark_name("1") is None
    assert outbox.mark_name("2") == "again"


def test_commands_fit_asterisks_limit_for_any_mark_name():
    outbox = started_outbox()
    outbox.mark("x" * 1000)
    assert all(len(command) <= 128 for command in drain(outbox))


def test_clear_flushes_restarts_buffering_and_drops_queued_audio():
    outbox = started_outbox()
    outbox.play(SECOND * 60)
    drain(outbox)
    outbox.clear()
    assert drain(outbox) == ['{"command": "FLUSH_MEDIA"}', BUFFERING]
    outbox.play(SECOND)
    assert audio(drain(outbox)) == SECOND, "the lead of cleared audio must be forgotten"


def test_asterisk_pauses_and_resumes_the_audio():
    outbox = started_outbox()
    outbox.pause()
    outbox.play(SECOND)
    assert drain(outbox) == []
    assert outbox.wait(0) is None
    outbox.resume()
    assert audio(drain(outbox)) == SECOND


def test_clear_is_sent_even_while_paused():
    outbox = started_outbox()
    outbox.pause()
    outbox.clear()
    assert drain(outbox) == ['{"command": "FLUSH_MEDIA"}', BUFFERING]
