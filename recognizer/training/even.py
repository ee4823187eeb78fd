"""Flat-start alignment: all phones of a transcript get the same duration, as the initial targets of training.

Must not know: networks, features, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from recognizer.phones import SILENCE
from recognizer.training.inventory import NUMBER
from recognizer.training.transcripts import Transcript

_SOFT: Final = 0.03
"""Silence threshold, relative to the loudest sample."""
_PAUSE: Final = NUMBER[SILENCE]


def even_alignment(samples: Tensor, times: int, step: int, said: Sequence[Transcript]) -> NDArray[np.int64]:
    """Map (B, N) clean samples to (B, times) labels, one every `step` samples: silence, phones of `said`, silence."""
    loud = (samples.abs() > _SOFT * samples.abs().amax(1, keepdim=True)).cpu().numpy()
    made = np.full((len(said), times), 2 * _PAUSE + 1)
    made[:, 0] = 2 * _PAUSE
    for row, words, voiced in zip(made, said, loud, strict=True):
        phones = [phone for word in words for phone in word]
        heard = np.flatnonzero(voiced) // step
        if phones and len(heard):
            start = min(int(heard[0]), times - 1)
            end = min(max(int(heard[-1]) + 1, start + len(phones)), times)
            edges = np.linspace(start, end, len(phones) + 1).round().astype(int)
            for phone, first, after in zip(phones, edges[:-1], edges[1:], strict=True):
                row[first:after] = 2 * phone + 1
                row[first : first + 1] = 2 * phone
            row[end : end + 1] = 2 * _PAUSE
    return made
