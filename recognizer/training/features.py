"""Log mel filter banks as Kaldi computes them (feat/feature-fbank.cc), for batches in torch.

Must not know: speech, models, augmentation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recognizer.base import SAMPLE_RATE_HZ

_SHIFT_MS = 10
_BELOW_HALF_RATE_HZ = 200
_PREEMPHASIS = 0.97
_WARP_KNEE_HZ = 2800.0
_LEAST = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """Settings of a filter bank; `conf` returns them in Kaldi's format."""

    bands: int = 40
    lowest_hz: float = 60.0
    frame_ms: int = 32

    @classmethod
    def of(cls, conf: Path) -> FrontEnd:
        """Read a model's `conf/fbank.conf`."""
        lines = (line.removeprefix("--").partition("=") for line in conf.read_text().split())
        named = {name: value for name, _, value in lines}
        return cls(
            bands=int(named["num-mel-bins"]),
            lowest_hz=float(named["low-freq"]),
            frame_ms=int(named.get("frame-length", 25)),
        )

    def conf(self) -> str:
        """Return the text of `conf/fbank.conf`. Dither is 0 because `recognizer.passes` adds it."""
        return (
            f"--sample-frequency={SAMPLE_RATE_HZ}\n--num-mel-bins={self.bands}\n--low-freq={self.lowest_hz:g}\n"
            f"--high-freq=-{_BELOW_HALF_RATE_HZ}\n--frame-length={self.frame_ms}\n--dither=0\n--snip-edges=true\n"
        )

    @property
    def window(self) -> int:
        """Samples per frame."""
        return SAMPLE_RATE_HZ * self.frame_ms // 1000

    @property
    def shift(self) -> int:
        """Frame shift in samples."""
        return SAMPLE_RATE_HZ * _SHIFT_MS // 1000

    def frames(self, samples: Tensor) -> Tensor:
        """Return the number of frames in a number of samples."""
        return (samples - self.window) // self.shift + 1


class Fbank:
    """Computes the features of a front end. `warps` are frequency divisors: above 1, a longer vocal tract."""

    def __init__(self, front: FrontEnd, warps: tuple[float, ...] = (1.0,)) -> None:
        self.front = front
        self.warps = warps
        self._size = 1 << (front.window - 1).bit_length()
        self._filters = torch.tensor(np.stack([self._filter(warp) for warp in warps]))
        place = torch.arange(front.window, dtype=torch.float64)
        self._povey = (0.5 - 0.5 * torch.cos(2 * math.pi * place / (front.window - 1))).pow(0.85).float()

    def __call__(self, samples: Tensor, warp: Tensor | None = None) -> Tensor:
        """Map (B, N) samples at 16-bit scale to (B, T, bands). `warp` (B) indexes `warps`; None: no warping."""
        frames = samples.unfold(1, self.front.window, self.front.shift)
        frames = frames - frames.mean(2, keepdim=True)
        first = frames[..., :1] * (1 - _PREEMPHASIS)
        frames = torch.cat([first, frames[..., 1:] - _PREEMPHASIS * frames[..., :-1]], 2)
        power = torch.fft.rfft(frames * self._povey, self._size).abs().square()
        filters = (
            self._filters[self.warps.index(1.0)].expand(len(samples), -1, -1) if warp is None else (self._filters[warp])
        )
        return torch.bmm(power, filters).clamp_min(_LEAST).log()

    def _filter(self, warp: float) -> NDArray[np.float32]:
        """Return the (bins, bands) filters: triangles evenly spaced in mel."""
        low, high = _mel(self.front.lowest_hz), _mel(SAMPLE_RATE_HZ / 2 - _BELOW_HALF_RATE_HZ)
        step = (high - low) / (self.front.bands + 1)
        made = np.zeros((self._size // 2 + 1, self.front.bands), np.float32)
        for bin_ in range(self._size // 2):
            place = _mel(_warped(bin_ * SAMPLE_RATE_HZ / self._size, warp))
            for band in range(self.front.bands):
                rise = (place - low - band * step) / step
                made[bin_, band] = max(0.0, min(rise, 2 - rise))
        return made


def _mel(hertz: float) -> float:
    return 1127.0 * math.log1p(hertz / 700.0)


def _warped(hertz: float, warp: float) -> float:
    if hertz < _WARP_KNEE_HZ:
        return hertz / warp
    half = SAMPLE_RATE_HZ / 2
    knee = _WARP_KNEE_HZ / warp
    return knee + (hertz - _WARP_KNEE_HZ) * (half - knee) / (half - _WARP_KNEE_HZ)
