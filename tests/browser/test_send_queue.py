import pytest

from ivr.telephony.browser.send_queue import CHUNK_BYTES, SendQueue
from ivr.telephony.browser.wire import ClearMessage, MarkMessage, TranscriptMessage
from ivr.telephony.media import FRAME_BYTES

LINE = TranscriptMessage(who="us", text="您好")


def test_pieces_of_audio_are_sent_as_whole_frames_without_gaps():
    box = SendQueue()
    pcm = bytes(range(200)) * 8
    for piece in (pcm[:2], pcm[2:1000], pcm[1000:]):
        box.play(piece)
    sent = list(box.drain())
    assert all(len(part) % FRAME_BYTES == 0 for part in sent)
    assert b"".join(sent) == pcm


def test_long_audio_is_sent_in_chunks_of_200_ms():
    box = SendQueue()
    box.play(bytes(3 * CHUNK_BYTES))
    assert [len(part) for part in box.drain()] == [CHUNK_BYTES] * 3
    assert box.audio_bytes == 0


def test_a_partial_last_frame_is_padded_with_silence():
    box = SendQueue()
    box.play(b"\x01\x02" * 10)
    assert list(box.drain()) == [b"\x01\x02" * 10 + bytes(FRAME_BYTES - 20)]


def test_marks_and_transcript_lines_keep_their_place_in_the_audio():
    box = SendQueue()
    box.play(bytes(FRAME_BYTES))
    box.put(MarkMessage(name="1"))
    box.put(LINE)
    box.play(bytes(FRAME_BYTES))
    assert list(box.drain()) == [bytes(FRAME_BYTES), MarkMessage(name="1"), LINE, bytes(FRAME_BYTES)]


def test_clear_drops_audio_and_marks_keeps_transcript_lines_and_is_sent_first():
    box = SendQueue()
    box.play(bytes(CHUNK_BYTES))
    box.put(LINE)
    box.put(MarkMessage(name="1"))
    box.clear()
    box.play(bytes(FRAME_BYTES))
    assert box.audio_bytes == FRAME_BYTES
    assert list(box.drain()) == [ClearMessage(), LINE, bytes(FRAME_BYTES)]


def test_clear_between_two_messages_stops_the_rest():
    box = SendQueue()
    box.play(bytes(3 * CHUNK_BYTES))
    leaving = box.drain()
    next(leaving)
    box.clear()
    assert list(leaving) == [ClearMessage()]


def test_repeated_clears_are_merged():
    box = SendQueue()
    for _ in range(3):
        box.clear()
    assert list(box.drain()) == [ClearMessage()]


def test_half_a_sample_is_rejected():
    with pytest.raises(ValueError, match="odd"):
        SendQueue().play(b"\x00")
