"""A layer of an acoustic network as Kaldi takes it. Must not know: torch, files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Layer:
    """Frames at `offsets` side by side, times `weights` (out, in), plus `bias` (out), perhaps cut off at zero."""

    offsets: tuple[int, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    rectified: bool
