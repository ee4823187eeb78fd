"""A language of chords: a small model in which each phone is two tones, and the voice that speaks it.

It shows the behaviour of the service with any model, without a trained one.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from recognizer.phones import NOISE, SILENCE, START
from recognizer.training.kaldi import write_acoustic_model
from recognizer.training.layers import Layer
from recognizer.vosk import SHIPPED

BANDS, LOW_HZ, HIGH_HZ = 24, 100, 3800
FRONT_END = (
    f"--sample-frequency=8000\n--num-mel-bins={BANDS}\n--low-freq={LOW_HZ}\n--high-freq=-200\n"
    "--frame-length=25\n--dither=0\n--snip-edges=true\n"
)
PAIRS = tuple(combinations(range(2, BANDS, 2), 2))
PHONE_MS = 120


def write_model(folder: Path, speech: Sequence[str]) -> Path:
    """Write an acoustic model of these phones, silence and noise; return its folder."""
    names = (SILENCE, NOISE, *speech)
    weights = np.zeros((len(names), BANDS))
    bias = np.array([-2.0, -8.0, *[-20.0] * len(speech)])
    for row, pair in enumerate(PAIRS[: len(speech)], start=2):
        weights[row, pair] = 0.5
    layer = Layer((0,), weights.repeat(2, axis=0), bias.repeat(2), rectified=False)
    (folder / "am").mkdir(parents=True)
    shutil.copytree(SHIPPED["zh-CN"] / "conf", folder / "conf")
    (folder / "conf" / "fbank.conf").write_text(FRONT_END)
    write_acoustic_model(folder / "am" / "final.mdl", [layer], phones=len(names))
    (folder / "phones.txt").write_text("\n".join(names) + "\n")
    cost = math.log(len(speech))
    rows = (f"{before} {after} {cost:.4f}\n" for before in (START, *speech) for after in speech)
    (folder / "phone_bigram.txt").write_text("".join(rows))
    return folder


def say(speech: Sequence[str], phones: Iterable[str]) -> bytes:
    """The phones in turn, with half a second of silence around them, as 8 kHz PCM."""
    time = np.arange(8 * PHONE_MS) / 8000
    chords = [sum(np.sin(2 * np.pi * _hertz(band) * time) for band in PAIRS[speech.index(name)]) for name in phones]
    quiet = np.zeros(4000)
    return (np.concatenate([quiet, *chords, quiet]) * 3000).astype("<i2").tobytes()


def _hertz(band: int) -> float:
    """The centre frequency of a band of Kaldi's filter bank."""
    low, high = (1127 * math.log1p(hertz / 700) for hertz in (LOW_HZ, HIGH_HZ))
    return 700 * math.expm1((low + (high - low) * (band + 1) / (BANDS + 1)) / 1127)
