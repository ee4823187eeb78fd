"""Simulated telephone line, on batches (B, N) of 8 kHz samples at 16-bit scale.

Must not know: features, what is said, where noise comes from.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from recognizer.base import SAMPLE_RATE_HZ

FULL_SCALE: Final = 32768.0
_MU: Final = 255.0
_A: Final = 87.6
_STEPS: Final = 127.5
_PACKET: Final = SAMPLE_RATE_HZ // 50
_COSINES_DB: Final = (3.0, 2.5, 2.0, 1.5)


def mu_law(samples: Tensor) -> Tensor:
    """Encode and decode as 8-bit µ-law (ITU-T G.711, the continuous curve)."""
    scaled = (samples / FULL_SCALE).clamp(-1, 1)
    code = torch.log1p(_MU * scaled.abs()) / math.log1p(_MU)
    code = torch.round(code * _STEPS) / _STEPS
    return scaled.sign() * torch.expm1(code * math.log1p(_MU)) / _MU * FULL_SCALE


def a_law(samples: Tensor) -> Tensor:
    """Encode and decode as 8-bit A-law (ITU-T G.711, the continuous curve)."""
    scaled = (samples / FULL_SCALE).clamp(-1, 1)
    knee = 1 + math.log(_A)
    size = scaled.abs()
    code = torch.where(size < 1 / _A, _A * size, 1 + torch.log((_A * size).clamp_min(1))) / knee
    code = torch.round(code * _STEPS) / _STEPS
    size = torch.where(code < 1 / knee, code * knee / _A, torch.exp(code * knee - 1) / _A)
    return scaled.sign() * size * FULL_SCALE


def line_response(count: int, frequencies: Tensor, rng: torch.Generator) -> Tensor:
    """Return (count, F) gains of microphones and lines: a smooth curve within about 6 dB, and the band edges."""
    axis = torch.log1p(frequencies / 300.0) / math.log1p(4000 / 300.0)
    number = torch.arange(1, len(_COSINES_DB) + 1)
    depth = torch.randn(count, len(_COSINES_DB), generator=rng) * torch.tensor(_COSINES_DB)
    phase = _uniform(count, len(_COSINES_DB), 0, 2 * math.pi, rng)
    waves = torch.cos(math.pi * number[None, :, None] * axis + phase[..., None])
    curve = (depth[..., None] * waves).sum(1)
    low, high = _uniform(count, 1, 50, 320, rng), _uniform(count, 1, 2800, 4100, rng)
    edges = 10 * torch.log10(1 + (low / frequencies.clamp_min(1)) ** 4) + 10 * torch.log10(
        1 + (frequencies / high) ** 12
    )
    return 10 ** ((curve - edges) / 20)


def lose_packets(samples: Tensor, rng: torch.Generator) -> Tensor:
    """Lose up to 8 % of the 20 ms packets in one batch row of five: silence or the previous packet repeated."""
    batch, count = samples.shape
    whole = count // _PACKET * _PACKET
    packets = samples[:, :whole].reshape(batch, -1, _PACKET)
    rate = 0.08 * torch.rand(batch, 1, generator=rng) * (torch.rand(batch, 1, generator=rng) < 0.2)
    lost = torch.rand(batch, packets.shape[1], generator=rng) < rate
    repeated = torch.rand(batch, 1, 1, generator=rng) < 0.5
    instead = packets.roll(1, 1) * repeated
    return torch.cat([torch.where(lost[..., None], instead, packets).reshape(batch, whole), samples[:, whole:]], 1)


def mobile(samples: Tensor, rng: torch.Generator) -> Tensor:
    """Approximate a low-rate mobile codec in one row of six: noise that follows the spectrum, 12 to 20 dB below."""
    batch, count = samples.shape
    window = torch.hann_window(_PACKET)
    spectrum = torch.stft(samples, _PACKET, _PACKET // 2, window=window, return_complex=True)
    below = _uniform(batch, 1, 12, 20, rng)[..., None]
    blurred = torch.nn.functional.avg_pool1d(spectrum.abs().transpose(1, 2), 5, 1, 2).transpose(1, 2)
    turn = torch.rand(spectrum.shape, generator=rng) * 2 * math.pi
    noisy = spectrum + torch.polar(blurred * 10 ** (-below / 20), turn)
    coded = torch.istft(noisy, _PACKET, _PACKET // 2, window=window, length=count)
    return torch.where(torch.rand(batch, 1, generator=rng) < 1 / 6, coded, samples)


def code(samples: Tensor, rng: torch.Generator) -> Tensor:
    """Encode half of the rows as µ-law and a quarter as A-law; keep a quarter at 16 bits."""
    which = torch.rand(len(samples), 1, generator=rng)
    return torch.where(which < 0.5, mu_law(samples), torch.where(which < 0.75, a_law(samples), samples.round()))


def _uniform(rows: int, columns: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(rows, columns, generator=rng)
