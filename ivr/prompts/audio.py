"""Prompt audio: 8 kHz, 16-bit, mono WAV, trimmed and normalised in loudness. Must not know: catalogs, speech engines.

Levels are in dBov: 0 is the power of a full-scale square wave (ITU-T G.100.1). Resampling uses soxr, whose filter is
linear-phase and alias-free; pydub interpolates without a filter.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

PROMPT_RATE_HZ: Final = 8000
LEVEL_DBOV: Final = -22.0
"""Active speech level of every prompt."""
PEAK_DBOV: Final = -3.5
"""Peak limit: half a dB below the limit of `check`."""
DRIFT_HZ: Final = 60.0
"""High-pass cut-off; lower frequencies are not voice. espeak-ng holds a sound's last sample through the next pause."""
LEAD_MS: Final = 15
TAIL_MS: Final = 35
FADE_MS: Final = 8
FRAME_MS: Final = 10
ACTIVE_DB: Final = 15.9
"""ITU-T P.56 margin: speech is active above the active speech level less this."""
SILENCE_DBOV: Final = -70.0
"""Audio below this level contains no speech."""
SPEECH_DB: Final = 38.0
"""Trim threshold below the active speech level; quieter audio is silence or breath."""

Samples = npt.NDArray[np.float32]
"""One channel, full scale ±1."""


@dataclass(frozen=True, slots=True)
class PromptSound:
    """One channel of audio at any rate (Hz)."""

    samples: Samples
    rate_hz: int


def level_dbov(samples: Samples, rate_hz: int = PROMPT_RATE_HZ) -> float:
    """Return the active speech level: as in ITU-T P.56, the power of the frames above that same level less 15.9 dB.

    P.56 bridges pauses of 200 ms, which suits conversations; here 10 ms frames decide on their own, so that a
    one-syllable fragment and a sentence with pauses measure alike. Minus infinity for silence.
    """
    power = _frame_power(samples, rate_hz)
    active = power[power > 0]
    while active.size:
        level = float(10 * np.log10(active.mean()))
        kept = active[active >= 10 ** ((level - ACTIVE_DB) / 10)]
        if kept.size == active.size:
            return level
        active = kept
    return -np.inf


def peak_dbov(samples: Samples) -> float:
    """Return the peak level; minus infinity for silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    return float(20 * np.log10(peak)) if peak else -np.inf


def prepare(sound: PromptSound) -> Samples:
    """Convert speech at any rate into a prompt: 8 kHz, trimmed, faded in and out, normalised, peaks limited.

    Raises:
        ValueError: the sound contains no speech.
    """
    samples = _remove_drift(soxr.resample(sound.samples, sound.rate_hz, PROMPT_RATE_HZ, quality="VHQ"))
    if level_dbov(samples) < SILENCE_DBOV:
        raise ValueError("it contains no speech")
    return _normalise(_trim(samples))


def write_wav(path: Path, samples: Samples) -> None:
    """Write an 8 kHz 16-bit mono WAV file atomically."""
    part = path.with_suffix(".part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(PROMPT_RATE_HZ)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    part.replace(path)


def _frame_power(samples: Samples, rate_hz: int) -> npt.NDArray[np.float64]:
    size = rate_hz * FRAME_MS // 1000
    whole = np.zeros(-(-samples.size // size) * size)
    whole[: samples.size] = samples
    power: npt.NDArray[np.float64] = np.square(whole.reshape(-1, size)).mean(axis=1)
    return power


def _remove_drift(samples: Samples) -> Samples:
    """Remove DC offset and slow steps, which are inaudible but measure like speech."""
    if not samples.size:
        return samples
    margin = PROMPT_RATE_HZ // 10
    padded = np.pad(samples, margin, mode="edge")
    hertz = np.fft.rfftfreq(padded.size, 1 / PROMPT_RATE_HZ)
    kept = np.fft.irfft(np.fft.rfft(padded) * hertz**2 / (hertz**2 + DRIFT_HZ**2), padded.size)
    return kept[margin:-margin].astype(np.float32)


def _trim(samples: Samples) -> Samples:
    size = PROMPT_RATE_HZ * FRAME_MS // 1000
    threshold = level_dbov(samples) - SPEECH_DB
    loud = np.flatnonzero(_frame_power(samples, PROMPT_RATE_HZ) > 10 ** (threshold / 10))
    lead, tail, fade = (PROMPT_RATE_HZ * ms // 1000 for ms in (LEAD_MS, TAIL_MS, FADE_MS))
    start, end = loud[0] * size - lead, (loud[-1] + 1) * size + tail
    padded = np.pad(samples, (lead, tail + size))[start + lead : end + lead].copy()
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    padded[:fade] *= ramp
    padded[-fade:] *= ramp[::-1]
    return padded


def _normalise(samples: Samples) -> Samples:
    """Scale to LEVEL_DBOV and limit peaks to PEAK_DBOV; repeat, because limiting lowers the loudness."""
    for _ in range(8):
        samples = samples * np.float32(10 ** ((LEVEL_DBOV - level_dbov(samples)) / 20))
        if peak_dbov(samples) <= PEAK_DBOV:
            return samples
        samples = _limit(samples)
    return samples


def _limit(samples: Samples) -> Samples:
    """Reduce the gain smoothly around each peak (2 ms before to 2 ms after)."""
    margin = PROMPT_RATE_HZ * 2 // 1000
    needed = np.minimum(1, 10 ** (PEAK_DBOV / 20) / np.maximum(np.abs(samples), 1e-9))
    lowest = np.lib.stride_tricks.sliding_window_view(np.pad(needed, 2 * margin, mode="edge"), 2 * margin + 1).min(
        axis=1
    )
    window = np.hanning(2 * margin + 3)[1:-1]
    gain = np.convolve(lowest, window / window.sum(), mode="valid")
    return (samples * gain).astype(np.float32)
