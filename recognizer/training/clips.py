"""Prepared training clips on disk: one file of samples, one index. Must not know: where clips come from.

A store is finished when its index is there; one that was broken off is made again.
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
    """Samples (16 bits, 8 kHz) to be kept as a clip."""

    samples: NDArray[np.int16]
    transcript: Transcript
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """A stretch of a store's samples, what is said in it and by whom (empty: by nobody, or a synthetic voice)."""

    start: int
    length: int
    transcript: Transcript
    speaker: str


class ClipStore:
    """A finished store, opened for reading."""

    def __init__(self, path: Path) -> None:
        self._samples = np.memmap(path.with_suffix(".i16"), np.int16, "r")
        rows = map(json.loads, _index(path).read_text().splitlines())
        self.all = tuple(
            TrainingClip(start, length, tuple(map(tuple, words)), speaker) for start, length, words, speaker in rows
        )

    def samples(self, clip: TrainingClip) -> NDArray[np.int16]:
        """The clip's sound."""
        return self._samples[clip.start : clip.start + clip.length]


def finished(path: Path) -> bool:
    """Whether the store is there."""
    return _index(path).is_file()


def write(path: Path, sounds: Iterable[ClipSound]) -> None:
    """Make a store of the sounds; the index comes last, all at once."""
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
