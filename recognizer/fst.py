"""Writer of OpenFST `vector`/`standard` files, the only part of OpenFST needed. Must not know: phones, words, Kaldi.

Layout: openfst.org, fst/fst.cc `FstHeader::Write`, fst/vector-fst.h `VectorFst::WriteFst`, fst/symbol-table.cc.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np

_FST_MAGIC: Final = 2125659606
_SYMBOLS_MAGIC: Final = 2125658996
_EXPANDED_MUTABLE: Final = 0x3
_HAS_OUTPUT_SYMBOLS: Final = 2
_ARC: Final = np.dtype([("input", "<i4"), ("output", "<i4"), ("cost", "<f4"), ("next", "<i4")])

Arc = tuple[int, int, float, int]
"""Input label, output label, cost (-ln probability), next state."""


class Fst:
    """Builder of a finite-state transducer. Label 0 is epsilon; the first state is the start state."""

    def __init__(self) -> None:
        self._arcs: list[list[Arc]] = []
        self._final: list[float] = []

    def add_state(self, final: float = math.inf) -> int:
        """Add a state and return its number; `final` is its final cost (infinite: not a final state)."""
        self._arcs.append([])
        self._final.append(final)
        return len(self._arcs) - 1

    def add_arc(self, source: int, arc: Arc) -> None:
        """Add an arc that leaves `source`."""
        self._arcs[source].append(arc)

    def write(self, path: Path, *, sort: Literal["input", "output"], words: Mapping[str, int] | None = None) -> None:
        """Write the file: arcs of each state sorted by one label, `words` (if given) as the output symbol table."""
        key = 0 if sort == "input" else 1
        flags = _HAS_OUTPUT_SYMBOLS if words else 0
        count = sum(map(len, self._arcs))
        out = [
            struct.pack("<i", _FST_MAGIC),
            *(struct.pack("<i", len(name)) + name for name in (b"vector", b"standard")),
            struct.pack("<iiQqqq", 2, flags, _EXPANDED_MUTABLE, 0, len(self._arcs), count),
        ]
        if words:
            out.append(_symbols(words))
        for arcs, final in zip(self._arcs, self._final, strict=True):
            arcs.sort(key=lambda arc: (arc[key], arc[1 - key]))
            out.append(struct.pack("<fq", final, len(arcs)))
            out.append(np.array(arcs, dtype=_ARC).tobytes())
        path.write_bytes(b"".join(out))


def _symbols(words: Mapping[str, int]) -> bytes:
    name = b"words"
    out = [struct.pack("<ii", _SYMBOLS_MAGIC, len(name)), name]
    out.append(struct.pack("<qq", max(words.values()) + 1, len(words)))
    for word, label in words.items():
        text = word.encode()
        out.append(struct.pack("<i", len(text)) + text + struct.pack("<q", label))
    return b"".join(out)
