"""Simulated transmission: codecs, noise, levels, packet loss. Must not know: what is said, models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognizer.audio import FULL_SCALE, amplify, pcm_to_ulaw, speech_level_dbov, ulaw_to_pcm
from recognizer.base import SAMPLE_RATE_HZ
from recognizer.training.corpus import Samples

Wave = NDArray[np.float64]
Condition = Callable[[Samples, np.random.Generator, Sequence[Samples]], bytes]
"""A voice, a random generator and other speakers' voices → 8 kHz PCM as the recogniser receives it."""

LEVEL_DBOV: Final = -26.0
"""Nominal speech level (ITU-T P.56)."""
PLAIN: Final = "µ-law"
"""The condition of an ordinary call, to which the goals apply."""
_HISS: Final = 3.0
_AROUND_S: Final = 0.3
_PACKET: Final = SAMPLE_RATE_HZ // 50
_BABBLE_DB: Final = 15.0
_BABBLERS: Final = 4


def _line(sound: Samples, rng: np.random.Generator, level_dbov: float = LEVEL_DBOV) -> Wave:
    """Set the level, add silence at both ends and faint noise."""
    pcm = sound.astype("<i2").tobytes()
    voice = np.frombuffer(amplify(pcm, level_dbov - speech_level_dbov(pcm)), "<i2").astype(np.float64)
    pause = np.zeros(int(_AROUND_S * SAMPLE_RATE_HZ))
    line = np.concatenate([pause, voice, pause])
    return line + rng.normal(size=len(line)) * _HISS


def _pcm(line: Wave) -> bytes:
    return np.clip(np.rint(line), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()


def _coded(line: Wave) -> bytes:
    return ulaw_to_pcm(pcm_to_ulaw(_pcm(line)))


def _clean(sound: Samples, rng: np.random.Generator, _: Sequence[Samples]) -> bytes:
    return _pcm(_line(sound, rng))


def _at_level(level_dbov: float) -> Condition:
    return lambda sound, rng, _: _coded(_line(sound, rng, level_dbov))


def _noisy(below_db: float) -> Condition:
    """Add white noise at this distance below the voice."""
    loudness = FULL_SCALE * 10 ** ((LEVEL_DBOV - below_db) / 20)

    def noisy(sound: Samples, rng: np.random.Generator, _: Sequence[Samples]) -> bytes:
        line = _line(sound, rng)
        return _coded(line + rng.normal(size=len(line)) * loudness)

    return noisy


def _babble(sound: Samples, rng: np.random.Generator, others: Sequence[Samples]) -> bytes:
    """Add several simultaneous background speakers."""
    line = _line(sound, rng)
    crowd: Wave = np.zeros(len(line))
    for place in rng.choice(len(others), min(_BABBLERS, len(others)), replace=False):
        voice = _line(others[place], rng)
        crowd += np.resize(np.roll(voice, int(rng.integers(len(voice)))), len(line))
    loud = math.sqrt(float(np.square(crowd).mean())) or 1.0
    return _coded(line + crowd / loud * FULL_SCALE * 10 ** ((LEVEL_DBOV - _BABBLE_DB) / 20))


def _overdriven(above_db: float) -> Condition:
    """Amplify until the peaks exceed full scale by this much, and clip."""

    def overdriven(sound: Samples, rng: np.random.Generator, _: Sequence[Samples]) -> bytes:
        line = _line(sound, rng)
        return _coded(line / np.abs(line).max() * FULL_SCALE * 10 ** (above_db / 20))

    return overdriven


def _lossy(share: float) -> Condition:
    """Replace a share of the 20 ms packets with silence."""

    def lossy(sound: Samples, rng: np.random.Generator, _: Sequence[Samples]) -> bytes:
        line = _line(sound, rng)
        for start in range(0, len(line), _PACKET):
            if rng.random() < share:
                line[start : start + _PACKET] = 0
        return _coded(line)

    return lossy


CONDITIONS: Final[Mapping[str, Condition]] = {
    "clean": _clean,
    PLAIN: _at_level(LEVEL_DBOV),
    "noise 20 dB": _noisy(20),
    "noise 10 dB": _noisy(10),
    "noise 5 dB": _noisy(5),
    "babble 15 dB": _babble,
    "−20 dB": _at_level(LEVEL_DBOV - 20),
    "−30 dB": _at_level(LEVEL_DBOV - 30),
    "+10 dB clipped": _overdriven(10),
    "5 % loss": _lossy(0.05),
}
"""`clean` is 16-bit PCM; all others pass through µ-law."""
