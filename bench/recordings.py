"""Recordings and synthetic sounds for measuring voice activity, at 8 kHz. Must not know: what is measured with them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from recognizer.audio import pcm_to_ulaw, ulaw_to_pcm
from recognizer.base import FRAME_MS, SAMPLE_RATE_HZ

FOLDER = Path(__file__).parents[2] / "shared" / "speech"
FRAME = SAMPLE_RATE_HZ * FRAME_MS // 1000
FLOOR_DBOV = -65.0
CLEAN_DB = 25.0
_SEED = 8

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Speech:
    """One utterance padded with silence; its speech energy starts at `onset_ms` and ends at `end_ms`."""

    samples: Samples
    onset_ms: int
    end_ms: int


def paths(folder: str, count: int, wanted: Callable[[str], bool] = lambda text: True) -> list[Path]:
    """Return `count` recordings of a folder whose text is `wanted`, always the same ones."""
    with (FOLDER / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [FOLDER / row["path"] for row in rows if row["path"].startswith(f"{folder}/") and wanted(row["text"])]
    return [found[i] for i in np.random.default_rng(_SEED).permutation(len(found))[:count]]


def load(path: Path) -> Samples:
    """Load a recording's first channel at 8 kHz."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    at_8k: Samples = soxr.resample(samples[:, 0], rate, SAMPLE_RATE_HZ)
    return at_8k


def through_ulaw(samples: Samples) -> bytes:
    """Encode and decode as µ-law; return 16-bit PCM."""
    return ulaw_to_pcm(pcm_to_ulaw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()))


def frames(samples: Samples) -> Samples:
    """Split into whole frames, one per row."""
    return samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)


def joined(recorded: list[Path], dbov: float) -> Samples:
    """Concatenate recordings at the same RMS level, in whole frames."""
    return np.concatenate([frames(at_rms(load(path), dbov)).ravel() for path in recorded])


def at_rms(samples: Samples, dbov: float) -> Samples:
    """Scale to an RMS level."""
    scaled: Samples = samples * 10 ** (dbov / 20) / max(1e-9, float(np.sqrt(np.square(samples).mean())))
    return scaled


def noise(length: int, dbov: float = FLOOR_DBOV) -> Samples:
    """Generate white noise."""
    samples: Samples = np.random.default_rng(_SEED).standard_normal(length) * 10 ** (dbov / 20)
    return samples


def at_level(samples: Samples, dbov: float) -> Samples:
    """Scale so that the 20 ms frames within 20 dB of the loudest have this level on average."""
    levels = _levels(samples)
    loud = levels[levels >= levels.max() - 20]
    scaled: Samples = samples * 10 ** ((dbov - 10 * np.log10((10 ** (loud / 10)).mean())) / 20)
    return scaled


def speech(path: Path, dbov: float, seed: int, street: Samples | None = None) -> Speech | None:
    """Return one utterance at a level, over a quiet line or street noise; None if the recording itself is too noisy.

    Speech is defined as three of four frames 10 dB above the recording's own noise and within 25 dB of its level.
    """
    said = at_level(load(path), dbov)
    own_noise = max(float(np.quantile(_levels(said), 0.1)), FLOOR_DBOV)
    before = SAMPLE_RATE_HZ + int(np.random.default_rng(seed).integers(0, 4 * FRAME))
    samples = np.concatenate([np.zeros(before), said, np.zeros(2 * SAMPLE_RATE_HZ)])
    loud = _levels(samples) >= max(dbov - CLEAN_DB, own_noise + 10)
    runs = [i for i in range(len(loud) - 3) if loud[i : i + 4].sum() >= 3]
    if dbov - own_noise < CLEAN_DB or not runs:
        return None
    around = noise(len(samples)) if street is None else np.resize(np.roll(street, -seed * 997), len(samples))
    onset = next(i for i in range(runs[0], runs[0] + 4) if loud[i])
    end = next(i for i in range(runs[-1] + 3, runs[-1], -1) if loud[i])
    return Speech(samples + around, onset * FRAME_MS, (end + 1) * FRAME_MS)


def tone(on_s: float, off_s: float, seconds: float = 60) -> Samples:
    """Generate 450 Hz with the cadence of Chinese network tones (GB/T 3380: busy .35/.35 s, ringing 1/4 s)."""
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    samples: Samples = 0.2 * np.sin(2 * np.pi * 450 * time) * (time % (on_s + off_s) < on_s)
    return samples


def music(seconds: int = 60) -> Samples:
    """Generate hold music: two chords per second of decaying notes with overtones and vibrato."""
    random_notes = np.random.default_rng(_SEED)
    samples = np.zeros(seconds * SAMPLE_RATE_HZ)
    length = np.arange(6000) / SAMPLE_RATE_HZ
    for start in range(0, len(samples) - 6000, SAMPLE_RATE_HZ // 2):
        root = 220 * 2 ** (random_notes.choice([0, 2, 4, 5, 7, 9, 11]) / 12)
        for note in (1, 1.25, 1.5, 2):
            for overtone in range(1, 5):
                phase = 2 * np.pi * root * note * overtone * length + 0.2 * np.sin(2 * np.pi * 5 * length)
                samples[start : start + 6000] += np.sin(phase) / overtone * np.exp(-3 * length)
    return samples


def _levels(samples: Samples) -> Samples:
    levels: Samples = 10 * np.log10(np.square(frames(samples)).mean(axis=1) + 1e-10)
    return levels
