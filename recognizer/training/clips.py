"""Prepared training clips on disk: one file of samples, one index. Must not know: where clips come from.

A store is complete when its index exists; an interrupted one is written again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recognizer.training.transcripts import Transcript


class ClipSound(NamedTuple):
    """Samples (16 bits, 8 kHz) and transcript of a clip to be stored."""

    samples: NDArray[np.int16]
    transcript: Transcript
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """A segment of a store's samples with transcript and speaker (empty: noise, or a synthetic voice)."""

    start: int
    length: int
    transcript: Transcript
    speaker: str


class ClipStore:
    """A complete store, opened for reading."""

    def __init__(self, path: Path) -> None:
        self._samples = np.memmap(path.with_suffix(".i16"), np.int16, "r")
        rows = map(json.loads, _index(path).read_text().splitlines())
        self.all = tuple(
            TrainingClip(start, length, tuple(map(tuple, words)), speaker) for start, length, words, speaker in rows
        )

    def samples(self, clip: TrainingClip) -> NDArray[np.int16]:
        """Return the samples of a clip."""
        return self._samples[clip.start : clip.start + clip.length]


def finished(path: Path) -> bool:
    """Return whether the store is complete."""
    return _index(path).is_file()


def write(path: Path, sounds: Iterable[ClipSound]) -> None:
    """Write a store of the sounds; the index is written last, atomically."""
    place = 0
    rows = []
    with path.with_suffix(".i16").open("wb") as file:
        for samples, transcript, speaker in sounds:
            file.write(samples.astype("<i2").tobytes())
            rows.append(json.dumps([place, len(samples), transcript, speaker]))
            place += len(samples)
    scratch = path.with_suffix(".part")
    scratch.write_text("\n".join(rows))
    scratch.rename(_index(path))


def _index(path: Path) -> Path:
    return path.with_suffix(".jsonl")
