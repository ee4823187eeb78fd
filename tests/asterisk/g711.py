"""G.711 in both laws, by tables (ITU-T G.711)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Table = NDArray[np.int16]


def _ulaw() -> Table:
    code = np.arange(256) ^ 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _alaw() -> Table:
    code = np.arange(256) ^ 0x55
    part, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    size = np.where(segment == 0, part + 8, part + 0x108 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


class Law:
    """One law: decodes by its table, encodes to the nearest level."""

    def __init__(self, decoded: Table) -> None:
        self._decoded = decoded
        self._order = np.argsort(decoded, kind="stable")
        levels = decoded[self._order].astype(np.int32)
        self._borders = (levels[1:] + levels[:-1]) / 2

    def decode(self, payload: bytes) -> Samples:
        return self._decoded[np.frombuffer(payload, np.uint8)]

    def encode(self, samples: Samples) -> bytes:
        return self._order[np.searchsorted(self._borders, samples)].astype(np.uint8).tobytes()


LAWS = {0: Law(_ulaw()), 8: Law(_alaw())}
"""RTP payload type → law."""
