"""Points in shipped prompts where an interruption can be told apart from a pause of the prompt."""

from __future__ import annotations

import numpy as np
import soundfile

from bench.running import ROOT
from ivr.devtools.timeline import SOUND

_STEP_S = 0.01


def steady_s(prompt: str, for_s: float = 0.8) -> float:
    """Return the offset (s) just after the start of the prompt's first `for_s` seconds without a pause of 10 ms.

    Raises:
        IndexError: the prompt has no such segment.
    """
    samples, rate = soundfile.read(ROOT / "prompts" / "audio" / "zh-CN" / f"{prompt}.wav", dtype="int16")
    step = round(rate * _STEP_S)
    peaks = np.abs(samples[: len(samples) // step * step].reshape(-1, step)).max(axis=1)
    steps = round(for_s / _STEP_S)
    windows = np.lib.stride_tricks.sliding_window_view(peaks >= SOUND, steps).all(axis=1)
    return float(np.flatnonzero(windows)[0]) * _STEP_S + 0.05
