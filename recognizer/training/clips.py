"""Prepared training clips on disk: one file of samples, one index. Must not know: where clips come from.

A store is finished when its index is there; one that was broken off is made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recognizer.training.transcripts import Transcript


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a store's samples and what is said in it."""

    start: int
    length: int
    transcript: Transcript


class Clips:
    """A finished store, opened for reading."""

    def __init__(self, path: Path) -> None:
        self._samples = np.memmap(path.with_suffix(".i16"), np.int16, "r")
        rows = map(json.loads, _index(path).read_text().splitlines())
        self.all = tuple(Clip(start, length, tuple(map(tuple, words))) for start, length, words in rows)

    def samples(self, clip: Clip) -> NDArray[np.int16]:
        """The clip's sound."""
        return self._samples[clip.start : clip.start + clip.length]


def finished(path: Path) -> bool:
    """Whether the store is there."""
    return _index(path).is_file()


def write(path: Path, clips: Iterable[tuple[NDArray[np.int16], Transcript]]) -> None:
    """Make a store of the clips; the index comes last, all at once."""
    place = 0
    rows = []
    with path.with_suffix(".i16").open("wb") as file:
        for samples, transcript in clips:
            file.write(samples.astype("<i2").tobytes())
            rows.append(json.dumps([place, len(samples), transcript]))
            place += len(samples)
    scratch = path.with_suffix(".part")
    scratch.write_text("\n".join(rows))
    scratch.rename(_index(path))


def _index(path: Path) -> Path:
    return path.with_suffix(".jsonl")
