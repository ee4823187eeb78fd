"""Synthetic line sounds: exchange tones, DTMF, hold music, hum. Must not know: speech, files."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognizer.base import SAMPLE_RATE_HZ

Samples = NDArray[np.float32]

_KEYS: Final = ((697, 770, 852, 941), (1209, 1336, 1477, 1633))
_CADENCES_S: Final = ((10.0, 0.0), (1.0, 4.0), (0.35, 0.35), (0.7, 0.7), (0.1, 0.1), (0.2, 0.6))
"""Cadences, tone and pause (s): dial, ringing, busy, congestion, and faster ones."""
_TONES_HZ: Final = ((450,), (440, 480), (425,), (350, 440), (480, 620), (950,), (1400,), (1000,))
_LOUDNESS: Final = 6000.0


def sound(rng: np.random.Generator) -> Samples:
    """Generate a random line sound, 1 to 4 s, at 16-bit scale."""
    time = np.arange(int(SAMPLE_RATE_HZ * rng.uniform(1, 4))) / SAMPLE_RATE_HZ
    kinds = (_signal, _keys, _music, _hum)
    made: NDArray[np.float64] = kinds[rng.choice(len(kinds), p=(0.35, 0.15, 0.4, 0.1))](time, rng)
    even: Samples = (made / (np.abs(made).max() + 1e-9) * _LOUDNESS).astype(np.float32)
    return even


def _signal(time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    on, off = _CADENCES_S[rng.integers(len(_CADENCES_S))]
    tone = _sum(time, _TONES_HZ[rng.integers(len(_TONES_HZ))])
    gated: NDArray[np.float64] = tone * ((time + rng.uniform(0, on + off)) % (on + off) < on)
    return gated if gated.any() else tone


def _keys(time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    made = np.zeros_like(time)
    length = int(SAMPLE_RATE_HZ * rng.uniform(0.07, 0.3))
    for start in range(0, len(time), 2 * length):
        stretch = time[start : start + length]
        made[start : start + length] = _sum(stretch, [rng.choice(row) for row in _KEYS])
    return made


def _music(time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Generate chords with overtones, decaying or sustained."""
    made = np.zeros_like(time)
    beat = int(SAMPLE_RATE_HZ * rng.uniform(0.15, 0.6))
    root = 110 * 2 ** rng.uniform(0, 2)
    decay = rng.uniform(0, 6)
    for start in range(0, len(time), beat):
        stretch = time[start : start + beat] - time[start]
        for step in rng.choice((0, 2, 4, 5, 7, 9, 11, 12, 16, 19), size=rng.integers(1, 4), replace=False):
            pitch = root * 2 ** (step / 12)
            overtones = [pitch * number for number in range(1, 7) if pitch * number < SAMPLE_RATE_HZ / 2]
            weights = [number ** -rng.uniform(0.6, 2) for number in range(1, len(overtones) + 1)]
            made[start : start + beat] += _sum(stretch, overtones, weights) * np.exp(-decay * stretch)
    return made


def _hum(time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return _sum(time, [50 * number for number in range(1, 8)], list(rng.uniform(0, 1, 7)))


def _sum(time: NDArray[np.float64], pitches: object, weights: list[float] | None = None) -> NDArray[np.float64]:
    rows = np.asarray(pitches, dtype=np.float64)
    waves = np.sin(2 * np.pi * rows[:, None] * time)
    mixed: NDArray[np.float64] = np.asarray(weights if weights else np.ones(len(rows))) @ waves
    return mixed
