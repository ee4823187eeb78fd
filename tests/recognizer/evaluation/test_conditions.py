from __future__ import annotations

import numpy as np
import pytest

from recognizer.evaluation.conditions import CONDITIONS

VOICE = (np.sin(np.arange(8000) / 3) * 300).astype(np.int16)
OTHERS = [(np.sin(np.arange(4000) / pitch) * 2000).astype(np.int16) for pitch in (2, 4, 5)]
INSIDE = slice(2400, -2400)


def line(name: str) -> np.ndarray:
    return np.frombuffer(CONDITIONS[name](VOICE, np.random.default_rng(0), OTHERS), "<i2").astype(float)


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples / 32768).mean()))


@pytest.mark.parametrize(("name", "level"), [("clean", -26), ("µ-law", -26), ("−20 dB", -46), ("−30 dB", -56)])
def test_a_voice_has_the_level_of_its_condition(name: str, level: float) -> None:
    assert level_db(line(name)[INSIDE]) == pytest.approx(level, abs=0.5)


@pytest.mark.parametrize(("name", "below"), [("noise 20 dB", 20), ("noise 10 dB", 10), ("noise 5 dB", 5)])
def test_noise_is_below_the_voice_by_the_ratio_of_its_condition(name: str, below: float) -> None:
    assert level_db(line(name)[:2400]) == pytest.approx(-26 - below, abs=0.5)


def test_babble_consists_of_other_voices() -> None:
    assert level_db(line("babble 15 dB")[:2400]) == pytest.approx(-41, abs=2)


def test_an_overdriven_voice_is_flat_at_full_scale() -> None:
    voice = np.abs(line("+10 dB clipped")[INSIDE])
    assert (voice > 31000).mean() > 0.5


def test_one_packet_in_twenty_is_lost() -> None:
    long = np.tile(VOICE, 20)
    pcm = CONDITIONS["5 % loss"](long, np.random.default_rng(0), OTHERS)
    packets = np.frombuffer(pcm, "<i2")[2400:-2400].reshape(-1, 160)
    assert 0.03 < (np.abs(packets).max(axis=1) < 20).mean() < 0.07


def test_the_same_seed_gives_the_same_line() -> None:
    assert all(np.array_equal(line(name), line(name)) for name in CONDITIONS)
