"""Free speech is buffered for as long as it may be played back, and no longer."""

from __future__ import annotations

from ivr.actions import Prompt
from ivr.call.audio.utterance_buffer import TAIL_MS, UtteranceBuffer

BACK = Prompt("confirm.said", {"said": "40-80"}, "confirm.noted")
NOTED = Prompt("confirm.noted", {"said": "40-80"}, "confirm.noted")


def filled_buffer(*, free: bool = True) -> UtteranceBuffer:
    """Ten frames of 20 ms; the n-th consists of the byte n."""
    words = UtteranceBuffer()
    words.begin(free)
    for number in range(1, 11):
        words.add_frame(number * 20, bytes([number]))
    return words


def test_an_utterance_is_played_with_a_margin() -> None:
    words = filled_buffer()
    words.store((40, 80))
    assert TAIL_MS == 100
    assert words.resolve(BACK) == (BACK, bytes(range(3, 10)))


def test_an_utterance_of_another_span_is_gone() -> None:
    words = filled_buffer()
    words.store((0, 80))
    assert words.resolve(BACK) == (NOTED, b"")


def test_without_an_utterance_the_other_prompt_is_played() -> None:
    assert UtteranceBuffer().resolve(BACK) == (NOTED, b"")


def test_other_prompts_play_nothing() -> None:
    words = filled_buffer()
    words.store((40, 80))
    assert words.resolve(Prompt("survey.closing")) == (Prompt("survey.closing"), b"")


def test_only_free_speech_is_kept() -> None:
    words = filled_buffer(free=False)
    words.store((40, 80))
    assert words.resolve(BACK) == (BACK, b"")


def test_an_utterance_stays_during_its_read_back() -> None:
    words = filled_buffer()
    words.store((40, 80))
    words.begin(False)
    words.add_frame(300, b"x")
    assert words.resolve(BACK) == (BACK, bytes(range(3, 10)))


def test_an_utterance_stays_until_the_next_one() -> None:
    words = filled_buffer()
    words.store((40, 80))
    assert words.audio("40-80") == bytes(range(3, 10))
    assert words.audio("") == words.audio("0-80") == UtteranceBuffer().audio("40-80") == b""
