"""Which clips are trained on together. Must not know: features, networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.training.clips import Clip, Clips
from recognizer.training.transcripts import Transcript

_CLIPS = 64
_SECONDS = 128
_SHORTEST_S = 0.3
_LENGTH_SPREAD = 0.06


@dataclass(frozen=True)
class Batch:
    """Samples (B, N), their lengths (B), what is said."""

    samples: Tensor
    lengths: Tensor
    said: tuple[Transcript, ...]


@dataclass(frozen=True)
class Share:
    """A store and how often an epoch goes through it (0.5: through half of it, another half each time)."""

    clips: Clips
    times: float


def epoch(shares: Sequence[Share], seed: int) -> list[list[tuple[Clips, Clip]]]:
    """The clips of one epoch, those of about the same length together."""
    chance = np.random.default_rng(seed)
    chosen = [(share.clips, clip) for share in shares for clip in _some(share, chance)]
    chosen = [(store, clip) for store, clip in chosen if clip.length >= _SHORTEST_S * SAMPLE_RATE_HZ]
    lengths = np.array([clip.length for _, clip in chosen])
    order = np.argsort(lengths * np.exp(chance.normal(0, _LENGTH_SPREAD, len(lengths))))
    groups: list[list[tuple[Clips, Clip]]] = [[]]
    for place in order:
        if len(groups[-1]) >= _CLIPS or (len(groups[-1]) + 1) * lengths[place] > _SECONDS * SAMPLE_RATE_HZ:
            groups.append([])
        groups[-1].append(chosen[place])
    return [groups[place] for place in chance.permutation(len(groups))]


def batch(group: Sequence[tuple[Clips, Clip]]) -> Batch:
    """Clips side by side, the shorter ones with silence after them."""
    longest = max(clip.length for _, clip in group)
    samples: NDArray[np.float32] = np.zeros((len(group), longest), np.float32)
    for row, (store, clip) in zip(samples, group, strict=True):
        row[: clip.length] = store.samples(clip)
    return Batch(
        samples=torch.from_numpy(samples),
        lengths=torch.tensor([clip.length for _, clip in group]),
        said=tuple(clip.transcript for _, clip in group),
    )


def _some(share: Share, chance: np.random.Generator) -> list[Clip]:
    every, part = divmod(share.times, 1)
    count = round(part * len(share.clips.all))
    return [
        *(share.clips.all * int(every)),
        *(share.clips.all[place] for place in chance.choice(len(share.clips.all), count, replace=False)),
    ]
