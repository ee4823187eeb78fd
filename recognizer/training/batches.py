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

_SECONDS_EACH = 2
_SHORTEST_S = 0.3
_LENGTH_SPREAD = 0.06
_ROUND = 800
_ALIKE = 16
"""Batch sizes are multiples of this, and lengths of `_ROUND` samples: accelerators recompile for each new shape."""
_EVENED = 0.3
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
        size = math.ceil((self.samples.shape[1] + after_s * SAMPLE_RATE_HZ) / _ROUND) * _ROUND
        length = max(1, round(size / speed / _ROUND)) * _ROUND
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
    chance = np.random.default_rng(seed)
    chosen = [(share.store, clip) for share in shares for clip in _drawn(share, chance)]
    chosen = [(store, clip) for store, clip in chosen if clip.length >= _SHORTEST_S * SAMPLE_RATE_HZ]
    lengths = np.array([clip.length for _, clip in chosen])
    order = np.argsort(lengths * np.exp(chance.normal(0, _LENGTH_SPREAD, len(lengths))))
    groups: list[list[tuple[ClipStore, TrainingClip]]] = [[]]
    for place in order:
        taken = len(groups[-1])
        if taken >= most or (taken + 1) * lengths[place] > most * _SECONDS_EACH * SAMPLE_RATE_HZ:
            groups.append([])
        groups[-1].append(chosen[place])
    even = [group[: len(group) // _ALIKE * _ALIKE] or group for group in groups]
    return [even[place] for place in chance.permutation(len(even))]


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


def _drawn(share: BatchShare, chance: np.random.Generator) -> list[TrainingClip]:
    """Draw the clips, with a lower probability for those of speakers with many clips."""
    count = Counter(clip.speaker for clip in share.clips)
    weights = np.array([count[clip.speaker] ** -_EVENED for clip in share.clips])
    drawn = chance.choice(len(share.clips), round(share.times * len(share.clips)), p=weights / weights.sum())
    return [share.clips[place] for place in drawn]
