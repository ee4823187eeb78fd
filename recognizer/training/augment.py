"""Augmentation: clean clips → features of calls, with rooms, lines, noise, levels, other voices, speeds.

Must not know: what is said.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.passes import LEVEL_DBOV
from recognizer.training import telephone
from recognizer.training.features import Fbank

WARPS: Final = (0.84, 0.88, 0.92, 0.96, 1.0, 1.04, 1.08, 1.13, 1.18)
_REVERB_SAMPLES: Final = 2000
_LEVEL_ERROR_DB: Final = 4.0
"""Standard deviation of the recogniser's level normalisation."""


class Augmenter:
    """Computes augmented features of batches from noises (K, N) and room responses (R, M), which start with 1.

    All tensors are on the device of `noises`.
    """

    def __init__(self, fbank: Fbank, noises: Tensor, rooms: Tensor, seed: int) -> None:
        self._fbank = fbank
        self._noises = noises
        self._rooms = rooms
        self._rng = torch.Generator(noises.device).manual_seed(seed)

    def __call__(self, samples: Tensor) -> Tensor:
        """Map (B, N) samples at 16-bit scale to (B, T, bands) augmented features."""
        with self._rng.device:
            return self._augmented(samples)

    def plain(self, samples: Tensor) -> Tensor:
        """Return the features of a quiet line: level normalisation and dither only."""
        with self._rng.device:
            level = 10 ** (LEVEL_DBOV / 20) * telephone.FULL_SCALE / _loudness(samples)
            return self._fbank(samples * level + torch.randn(samples.shape, generator=self._rng))

    def _augmented(self, samples: Tensor) -> Tensor:
        batch = len(samples)
        line, frequencies = self._line(samples)
        voice = telephone.mobile(line, self._rng)
        noise = self._noise(samples, frequencies)
        loud = _loudness(voice)
        snr = self._uniform(batch, 1, 3, 38)
        quiet = torch.rand(batch, 1, generator=self._rng) < 0.25
        noise = noise / _loudness(noise) * loud * 10 ** (-snr / 20) * ~quiet
        mixed = self._gated(voice, loud) + noise
        level = 10 ** ((LEVEL_DBOV + _LEVEL_ERROR_DB * torch.randn(batch, 1, generator=self._rng)) / 20)
        level = level * telephone.FULL_SCALE
        mixed = mixed * level / loud
        coded = telephone.code(mixed.clamp(-32767, 32767), self._rng)
        coded = telephone.lose_packets(coded, self._rng)
        warp = torch.randint(0, len(self._fbank.warps), (batch,), generator=self._rng)
        return self._distorted(self._fbank(coded + torch.randn(coded.shape, generator=self._rng), warp))

    def _line(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        batch, count = samples.shape
        size = 1 << (count + _REVERB_SAMPLES - 1).bit_length()
        frequencies = torch.linspace(0, SAMPLE_RATE_HZ / 2, size // 2 + 1)
        response = telephone.line_response(batch, frequencies, self._rng)
        spectrum = torch.fft.rfft(samples, size) * response * torch.fft.rfft(self._room(batch), size)
        return torch.fft.irfft(spectrum, size)[:, :count], frequencies

    def _room(self, batch: int) -> Tensor:
        """Return impulse responses: none (60 %), measured or synthetic."""
        time = torch.arange(_REVERB_SAMPLES) / SAMPLE_RATE_HZ
        decay = torch.exp(-6.9 * time / self._uniform(batch, 1, 0.03, 0.28)) * self._uniform(batch, 1, 0.02, 0.15)
        room = torch.randn(batch, _REVERB_SAMPLES, generator=self._rng) * decay
        if len(self._rooms):
            chosen = self._rooms[torch.randint(0, len(self._rooms), (batch,), generator=self._rng)]
            measured = chosen[:, :_REVERB_SAMPLES] * self._uniform(batch, 1, 0.2, 1.0)
            room = torch.where(torch.rand(batch, 1, generator=self._rng) < 0.4, measured, room)
        room = room * (torch.rand(batch, 1, generator=self._rng) < 0.4)
        room[:, 0] = 1.0
        return room

    def _noise(self, samples: Tensor, frequencies: Tensor) -> Tensor:
        """Return modulated coloured noise, recorded noise, or another voice."""
        batch, count = samples.shape
        slope = self._uniform(batch, 1, -0.2, 1.4)
        shape = (frequencies.clamp_min(60.0) / 1000.0) ** (-slope)
        size = 2 * (len(frequencies) - 1)
        coloured = torch.fft.irfft(torch.fft.rfft(torch.randn(batch, count, generator=self._rng), size) * shape, size)
        time = torch.arange(count) / SAMPLE_RATE_HZ
        sway = torch.sin(2 * math.pi * self._uniform(batch, 1, 0.3, 3.3) * time + self._uniform(batch, 1, 0, 6))
        noise = coloured[:, :count] * (1 + self._uniform(batch, 1, 0, 0.6) * sway)
        which = torch.rand(batch, 1, generator=self._rng)
        if len(self._noises):
            chosen = self._noises[torch.randint(0, len(self._noises), (batch,), generator=self._rng)]
            repeats = math.ceil(count / chosen.shape[1])
            recorded = chosen.repeat(1, repeats)[:, :count].roll(
                int(torch.randint(count, (1,), generator=self._rng)), 1
            )
            noise = torch.where(which < 0.35, recorded, noise)
        other = samples[torch.randperm(batch, generator=self._rng)].roll(SAMPLE_RATE_HZ // 2, 1) * 0.2
        return torch.where(which > 0.88, other + 0.05 * noise, noise) + 1e-3

    def _gated(self, voice: Tensor, loud: Tensor) -> Tensor:
        """Apply a noise gate to one clip in five: silence where the voice is soft."""
        envelope = functional.max_pool1d(voice.abs()[:, None], 401, 80, 200)
        envelope = functional.interpolate(functional.avg_pool1d(envelope, 5, 1, 2), voice.shape[1])[:, 0]
        shut = envelope < loud * 10 ** (-self._uniform(len(voice), 1, 14, 28) / 20)
        return voice.masked_fill(shut & (torch.rand(len(voice), 1, generator=self._rng) < 0.2), 0.0)

    def _distorted(self, features: Tensor) -> Tensor:
        """Apply an uneven tempo, slow changes of timbre, jitter, and masked bands (SpecAugment)."""
        batch, times, bands = features.shape
        features = self._paced(features)
        axis = torch.linspace(0, 1, bands)
        waves = torch.cos(math.pi * torch.arange(1, 5)[:, None] * axis)
        depth = torch.randn(batch, 4, max(2, times // 40 + 1), generator=self._rng) * 0.3
        depth = functional.interpolate(depth, times, mode="linear", align_corners=True)
        features = features + torch.einsum("bkt,km->btm", depth, waves)
        features = (
            features + torch.randn(features.shape, generator=self._rng) * self._uniform(batch, 1, 0, 0.35)[..., None]
        )
        start = torch.randint(0, bands, (batch, 1), generator=self._rng)
        width = torch.randint(0, bands // 5, (batch, 1), generator=self._rng)
        band = torch.arange(bands)
        hidden = (band >= start) & (band < start + width) & (torch.rand(batch, 1, generator=self._rng) < 0.4)
        return torch.where(hidden[:, None], features.mean((1, 2), keepdim=True), features)

    def _paced(self, features: Tensor) -> Tensor:
        batch, times, bands = features.shape
        knots = 6
        steps = (0.25 * (2 * torch.rand(batch, knots, generator=self._rng) - 1)).exp()
        marks = torch.cat([torch.zeros(batch, 1), steps.cumsum(1)], 1)
        marks = marks / marks[:, -1:] * (times - 1)
        place = torch.linspace(0, knots, times)
        knot = place.floor().clamp(max=knots - 1).long()
        where = marks[:, knot] + (place - knot) * (marks[:, knot + 1] - marks[:, knot])
        before = where.floor().clamp(0, times - 2).long()
        share = (where - before)[..., None]
        index = before[..., None].expand(-1, -1, bands)
        return torch.lerp(features.gather(1, index), features.gather(1, index + 1), share)

    def _uniform(self, rows: int, columns: int, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(rows, columns, generator=self._rng)


def _loudness(samples: Tensor) -> Tensor:
    """Return the RMS (B, 1) of the loudest quarter of the 20 ms frames, so that pauses do not count."""
    frames = samples.unfold(1, 160, 160).square().mean(2)
    return frames.topk(max(1, frames.shape[1] // 4), 1).values.mean(1, keepdim=True).clamp_min(1).sqrt()
