"""Layers of an acoustic network in Kaldi's form, and their file format. Must not know: torch, Kaldi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SUBSAMPLING: Final = 3
"""Frames per output."""


@dataclass(frozen=True, slots=True)
class Layer:
    """An affine layer on frames spliced at `offsets`: `weights` (out, in), `bias` (out), ReLU if `rectified`."""

    offsets: tuple[int, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    rectified: bool


def save(layers: Sequence[Layer], file: Path) -> None:
    """Save the layers in 16 bits (NumPy's npz)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        kept[f"offsets{number}"] = np.array(layer.offsets)
        kept[f"weights{number}"] = layer.weights.astype(np.float16)
        kept[f"bias{number}"] = layer.bias.astype(np.float16)
    np.savez_compressed(file, **kept)


def load(file: Path) -> list[Layer]:
    """Load layers written by `save`; all but the last are rectified.

    Raises:
        FileNotFoundError: there is no such file.
    """
    with np.load(file) as kept:
        count = len(kept.files) // 3
        return [
            Layer(
                offsets=tuple(map(int, kept[f"offsets{number}"])),
                weights=kept[f"weights{number}"].astype(np.float64),
                bias=kept[f"bias{number}"].astype(np.float64),
                rectified=number < count - 1,
            )
            for number in range(count)
        ]
