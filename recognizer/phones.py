"""The phones of an acoustic model and their Kaldi ids. Must not know: words, Vosk, how phones were trained.

Phones are word-position dependent (begin, end, internal, singleton) so that word times are correct; the four variants
of a phone share one model. Each has the `chain` topology with two transitions: forward and self-loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

SILENCE: Final = "SIL"
NOISE: Final = "NSN"
START: Final = "-"
"""Context of the first phone in `phone_bigram.txt`."""

Position = Literal["begin", "end", "internal", "singleton"]
_POSITIONS: Final[tuple[Position, ...]] = ("begin", "end", "internal", "singleton")


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone at a position in a word, as transition ids of the acoustic model."""

    forward: int
    loop: int


@dataclass(frozen=True)
class Phones:
    """Phone names in model order, and the phone bigram of speech as costs (-ln p)."""

    names: tuple[str, ...]
    bigram: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, model: Path) -> Phones:
        """Read `phones.txt` and `phone_bigram.txt` of a model folder."""
        names = tuple((model / "phones.txt").read_text().split())
        bigram: dict[str, dict[str, float]] = {}
        for line in (model / "phone_bigram.txt").read_text().splitlines():
            before, after, cost = line.split()
            bigram.setdefault(before, {})[after] = float(cost)
        return cls(names, bigram)

    def at(self, name: str, position: Position = "begin") -> Phone:
        """Return the transition ids of a phone; silence has no position."""
        index = self.names.index(name)
        number = 1 if index == 0 else 2 + 4 * (index - 1) + _POSITIONS.index(position)
        return Phone(forward=2 * number, loop=2 * number - 1)

    @property
    def toned(self) -> bool:
        """Whether the model is tonal: each final carries a tone (`f_an3`)."""
        return any(name[-1].isdigit() for name in self.names)

    def spoken(self) -> tuple[str, ...]:
        """Return the phones of speech: all except silence and noise."""
        return tuple(name for name in self.names if name not in {SILENCE, NOISE})

    def word_boundary(self) -> str:
        """Return the text of Kaldi's `word_boundary.int`."""
        kinds = ["nonword", *(position for _ in self.names[1:] for position in _POSITIONS)]
        return "".join(f"{number} {kind}\n" for number, kind in enumerate(kinds, start=1))
