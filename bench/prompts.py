"""Where in a shipped prompt a caller interrupts it, so that its stop can be told from its pauses."""

from __future__ import annotations

import numpy as np
import soundfile

from bench.running import ROOT
from ivr.devtools.timeline import SOUND

_STEP_S = 0.01


def steady_s(prompt: str, for_s: float = 0.8) -> float:
    """When (s after its beginning) the prompt has just begun to sound for at least so long without a pause of 10 ms.

    Raises:
        IndexError: it never does.
    """
    samples, rate = soundfile.read(ROOT / "prompts" / "audio" / "zh-CN" / f"{prompt}.wav", dtype="int16")
    step = round(rate * _STEP_S)
    peaks = np.abs(samples[: len(samples) // step * step].reshape(-1, step)).max(axis=1)
    steps = round(for_s / _STEP_S)
    windows = np.lib.stride_tricks.sliding_window_view(peaks >= SOUND, steps).all(axis=1)
    return float(np.flatnonzero(windows)[0]) * _STEP_S + 0.05
