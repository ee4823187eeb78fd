from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.call.audio.mixing import StereoMix

START = 5000
"""Offset of the consent in ms, deliberately not 0."""

Sides = tuple[np.ndarray, np.ndarray]


def sound(ms: int, level: int = 1000) -> bytes:
    return np.full(ms * 8, level, "<i2").tobytes()


def sides(mix: StereoMix, end_ms: int) -> Sides:
    stereo = np.frombuffer(b"".join(mix.rest(START + end_ms)), "<i2").reshape(-1, 2)
    assert len(stereo) == end_ms * 8
    return stereo[:, 0], stereo[:, 1]


def spans(side: np.ndarray) -> list[tuple[float, float, int]]:
    """Runs of one level other than silence: start (ms), end (ms), level."""
    edges = np.flatnonzero(np.diff(side, prepend=0, append=0))
    return [(a / 8, b / 8, int(side[a])) for a, b in pairwise(edges) if side[a]]


def test_the_caller_is_left_and_the_service_right() -> None:
    mix = StereoMix(START)
    mix.add_caller(START + 100, sound(20, 1))
    mix.add_prompt(START + 300, sound(50, 2))
    left, right = sides(mix, 400)
    assert spans(left) == [(100, 120, 1)]
    assert spans(right) == [(300, 350, 2)]


def test_nothing_before_the_consent_is_kept() -> None:
    mix = StereoMix(START)
    mix.add_caller(START - 20, sound(20, 1))
    mix.add_prompt(START - 100, sound(150, 2))
    left, right = sides(mix, 100)
    assert spans(left) == []
    assert spans(right) == [(0, 50, 2)]


def test_prompts_queue_behind_each_other() -> None:
    mix = StereoMix(START)
    for level in (1, 2, 3):
        mix.add_prompt(START + 10, sound(100, level))
    mix.add_prompt(START + 900, sound(100, 4))
    assert spans(sides(mix, 1000)[1]) == [(10, 110, 1), (110, 210, 2), (210, 310, 3), (900, 1000, 4)]


def test_a_barge_in_removes_unheard_audio_and_the_next_prompt_follows() -> None:
    mix = StereoMix(START)
    mix.add_prompt(START, sound(3000, 1))
    mix.add_prompt(START, sound(3000, 2))
    mix.clear(START + 800)
    mix.add_prompt(START + 1000, sound(100, 3))
    assert spans(sides(mix, 2000)[1]) == [(0, 800, 1), (1000, 1100, 3)]


def test_clearing_silence_does_nothing() -> None:
    mix = StereoMix(START)
    mix.clear(START + 10)
    mix.add_prompt(START + 20, sound(100, 1))
    mix.clear(START + 500)
    assert spans(sides(mix, 600)[1]) == [(20, 120, 1)]


def test_audio_is_released_only_when_it_can_no_longer_change() -> None:
    mix = StereoMix(START)
    mix.add_prompt(START, sound(5000, 1))
    early = b"".join(mix.settled(START + 2000))
    assert len(early) == 1000 * 8 * 4
    mix.clear(START + 1500)
    assert spans(sides_after(early, mix, 3000)[1]) == [(0, 1500, 1)]


def sides_after(early: bytes, mix: StereoMix, end_ms: int) -> Sides:
    stereo = np.frombuffer(early + b"".join(mix.rest(START + end_ms)), "<i2").reshape(-1, 2)
    return stereo[:, 0], stereo[:, 1]


def test_a_stall_and_the_burst_after_it_leave_no_gap_and_no_shift() -> None:
    mix = StereoMix(START)
    for n in range(100):
        arrival = max(n * 20, 700) if 20 <= n < 35 else n * 20
        mix.add_caller(START + arrival, sound(20, 1 + n % 2))
    runs = spans(sides(mix, 2000)[0])
    assert [(a, b) for a, b, _ in runs] == [(n * 20, n * 20 + 20) for n in range(100)]


def test_lost_frames_become_silence_and_later_audio_keeps_its_place() -> None:
    mix = StereoMix(START)
    for n in range(200):
        if not 20 <= n < 35:
            mix.add_caller(START + n * 20, sound(20, n))
    runs = spans(sides(mix, 4000)[0])
    assert [run for run in runs if run[2] >= 90] == [(n * 20, n * 20 + 20, n) for n in range(90, 200)]


def test_frames_after_a_long_pause_keep_their_place() -> None:
    mix = StereoMix(START)
    mix.add_caller(START, sound(20, 1))
    mix.add_caller(START + 1500, sound(20, 2))
    assert spans(sides(mix, 1600)[0]) == [(0, 20, 1), (1500, 1520, 2)]


@pytest.mark.parametrize("ppm", [-500, -50, 50, 500])
def test_a_wrong_clock_does_not_accumulate_drift(ppm: int) -> None:
    mix, chance = StereoMix(START), random.Random(ppm)
    frames = 30 * 60 * 50
    taken: list[bytes] = []
    for n in range(frames):
        sent = n * 20 * (1 + ppm / 1e6)
        arrived = START + round(sent + chance.uniform(0, 15))
        taken.extend(mix.settled(arrived))
        mix.add_caller(arrived, sound(20, 1000 if n % 3000 == 1500 else 1))
    end = round(frames * 20 * (1 + ppm / 1e6))
    left = sides_after(b"".join(taken), mix, end)[0]
    beats = [begin for begin, _, level in spans(left) if level == 1000]
    due = [n * 20 * (1 + ppm / 1e6) for n in range(1500, frames, 3000)]
    assert len(beats) == len(due) == 30
    assert max(abs(beat - when) for beat, when in zip(beats, due, strict=True)) <= 45


@given(
    st.lists(
        st.tuples(st.sampled_from(["add_caller", "add_prompt", "clear"]), st.integers(0, 3000), st.integers(0, 400)),
        max_size=60,
    )
)
def test_both_sides_always_stay_equally_long(moves: list[tuple[str, int, int]]) -> None:
    mix, now, out = StereoMix(START), START, b""
    for move, later, length in moves:
        now += later
        out += b"".join(mix.settled(now))
        if move == "clear":
            mix.clear(now - length)
        else:
            getattr(mix, move)(now, sound(length))
    out += b"".join(mix.rest(now))
    assert len(out) == (now - START) * 8 * 4


def test_an_agent_is_on_the_services_side() -> None:
    mix = StereoMix(START)
    mix.add_prompt(START, sound(100, 1))
    for at in range(400, 600, 20):
        mix.add_overheard(START + at, "other", sound(20, 2))
        mix.add_overheard(START + at + 7, "caller", sound(20, 3))
    left, right = sides(mix, 1000)
    assert spans(right) == [(0, 100, 1), (400, 600, 2)]
    assert spans(left) == [(407, 607, 3)]


def test_two_agents_are_mixed_on_the_services_side() -> None:
    mix = StereoMix(START)
    for at in range(0, 200, 20):
        mix.add_overheard(START + at, "other", sound(20, 2))
        mix.add_overheard(START + at + 100, "third", sound(20, 3))
    _, right = sides(mix, 1000)
    assert spans(right) == [(0, 100, 2), (100, 200, 5), (200, 300, 3)]


def test_voices_too_loud_together_are_clipped() -> None:
    mix = StereoMix(START)
    for who in ("other", "third"):
        mix.add_overheard(START, who, sound(20, 30_000))
    _, right = sides(mix, 20)
    assert spans(right) == [(0, 20, 32_767)]


def test_each_conversation_keeps_its_start_however_soon_it_follows() -> None:
    mix = StereoMix(START)
    mix.add_caller(START, sound(20, 1))
    for begin in (300, 2000):
        for at in range(begin, begin + 500, 20):
            mix.add_overheard(START + at, "caller", sound(20, 2))
    left, _ = sides(mix, 3000)
    assert spans(left) == [(0, 20, 1), (300, 800, 2), (2000, 2500, 2)]
