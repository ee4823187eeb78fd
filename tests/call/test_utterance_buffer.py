"""The caller's own words: kept for as long as they may be played back, and no longer."""

from __future__ import annotations

from ivr.actions import Prompt
from ivr.call.audio.utterance_buffer import TAIL_MS, UtteranceBuffer

BACK = Prompt("confirm.said", {"said": "40-80"}, "confirm.noted")
NOTED = Prompt("confirm.noted", {"said": "40-80"}, "confirm.noted")


def spoken(*, free: bool = True) -> UtteranceBuffer:
    """Ten frames of 20 ms, the n-th of them of the byte n."""
    words = UtteranceBuffer()
    words.begin(free)
    for number in range(1, 11):
        words.add_frame(number * 20, bytes([number]))
    return words


def test_what_was_said_is_played_with_a_little_more() -> None:
    words = spoken()
    words.store((40, 80))
    assert TAIL_MS == 100
    assert words.resolve(BACK) == (BACK, bytes(range(3, 10)))


def test_words_of_another_place_are_gone() -> None:
    words = spoken()
    words.store((0, 80))
    assert words.resolve(BACK) == (NOTED, b"")


def test_without_any_words_the_other_prompt_is_said() -> None:
    assert UtteranceBuffer().resolve(BACK) == (NOTED, b"")


def test_other_prompts_play_nothing() -> None:
    words = spoken()
    words.store((40, 80))
    assert words.resolve(Prompt("survey.closing")) == (Prompt("survey.closing"), b"")


def test_nothing_is_kept_but_free_speech() -> None:
    words = spoken(free=False)
    words.store((40, 80))
    assert words.resolve(BACK) == (BACK, b"")


def test_the_words_stay_while_they_are_read_back() -> None:
    words = spoken()
    words.store((40, 80))
    words.begin(False)
    words.add_frame(300, b"x")
    assert words.resolve(BACK) == (BACK, bytes(range(3, 10)))


def test_what_was_said_at_a_place_is_there_until_something_else_is_said() -> None:
    words = spoken()
    words.store((40, 80))
    assert words.audio("40-80") == bytes(range(3, 10))
    assert words.audio("") == words.audio("0-80") == UtteranceBuffer().audio("40-80") == b""
