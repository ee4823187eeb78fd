"""Batching of training clips. Must not know: features, networks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.training.clips import ClipStore, TrainingClip
from recognizer.training.transcripts import Transcript

_MEAN_CLIP_S = 2
_MIN_CLIP_S = 0.3
_LENGTH_SPREAD = 0.06
_LENGTH_MULTIPLE = 800
_SIZE_MULTIPLE = 16
"""Batch sizes are multiples of this, lengths of `_LENGTH_MULTIPLE` samples: accelerators set up each shape anew."""
_BALANCE = 0.3
"""Speaker balancing: 0 draws all clips equally often, 1 all speakers."""


@dataclass(frozen=True)
class Batch:
    """Samples (B, N), their lengths (B) and transcripts."""

    samples: Tensor
    lengths: Tensor
    said: tuple[Transcript, ...]

    def on(self, device: torch.device) -> Batch:
        """Return the batch on another device."""
        return Batch(self.samples.to(device), self.lengths.to(device), self.said)

    def played(self, speed: float, after_s: float = 0.0) -> Batch:
        """Return the batch resampled to about this speed, pitch included (as other speakers), with silence appended."""
        size = math.ceil((self.samples.shape[1] + after_s * SAMPLE_RATE_HZ) / _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
        length = max(1, round(size / speed / _LENGTH_MULTIPLE)) * _LENGTH_MULTIPLE
        played = torch.fft.irfft(torch.fft.rfft(self.samples, size), length) * (length / size)
        return Batch(played, self.lengths * length // size, self.said)


@dataclass(frozen=True)
class BatchShare:
    """Clips of a store and the number that an epoch draws per available clip."""

    store: ClipStore
    clips: Sequence[TrainingClip]
    times: float


def epoch(shares: Sequence[BatchShare], seed: int, most: int) -> list[list[tuple[ClipStore, TrainingClip]]]:
    """Draw the clips of one epoch, in groups of at most `most` clips of similar length."""
    rng = np.random.default_rng(seed)
    chosen = [(share.store, clip) for share in shares for clip in _drawn(share, rng)]
    chosen = [(store, clip) for store, clip in chosen if clip.length >= _MIN_CLIP_S * SAMPLE_RATE_HZ]
    lengths = np.array([clip.length for _, clip in chosen])
    order = np.argsort(lengths * np.exp(rng.normal(0, _LENGTH_SPREAD, len(lengths))))
    groups: list[list[tuple[ClipStore, TrainingClip]]] = [[]]
    for place in order:
        taken = len(groups[-1])
        if taken >= most or (taken + 1) * lengths[place] > most * _MEAN_CLIP_S * SAMPLE_RATE_HZ:
            groups.append([])
        groups[-1].append(chosen[place])
    even = [group[: len(group) // _SIZE_MULTIPLE * _SIZE_MULTIPLE] or group for group in groups]
    return [even[place] for place in rng.permutation(len(even))]


def batch(group: Sequence[tuple[ClipStore, TrainingClip]]) -> Batch:
    """Stack clips into a batch, padding shorter ones with silence."""
    longest = max(clip.length for _, clip in group)
    samples: NDArray[np.float32] = np.zeros((len(group), longest), np.float32)
    for row, (store, clip) in zip(samples, group, strict=True):
        row[: clip.length] = store.samples(clip)
    return Batch(
        samples=torch.from_numpy(samples),
        lengths=torch.tensor([clip.length for _, clip in group]),
        said=tuple(clip.transcript for _, clip in group),
    )


def _drawn(share: BatchShare, rng: np.random.Generator) -> list[TrainingClip]:
    """Draw the clips, with a lower probability for those of speakers with many clips."""
    count = Counter(clip.speaker for clip in share.clips)
    weights = np.array([count[clip.speaker] ** -_BALANCE for clip in share.clips])
    drawn = rng.choice(len(share.clips), round(share.times * len(share.clips)), p=weights / weights.sum())
    return [share.clips[place] for place in drawn]
