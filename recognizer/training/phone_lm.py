"""Phone bigram language model of transcripts, for training and for `[unk]`.

Must not know: audio, networks, files.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognizer.phones import SILENCE, START
from recognizer.training.inventory import NUMBER, PHONES, SPOKEN, untoned
from recognizer.training.transcripts import Transcript

_SILENCE_AT_ENDS: Final = 0.9
_SILENCE_BETWEEN: Final = 0.3
_PRIOR: Final = 20.0
_END_PRIOR: Final = 0.05
_SILENCE: Final = NUMBER[SILENCE]


@dataclass(frozen=True)
class PhoneLM:
    """Probabilities of `first` phones, of phones `after` each phone (row → column), of the `end` after each phone."""

    first: NDArray[np.float64]
    after: NDArray[np.float64]
    end: NDArray[np.float64]

    @classmethod
    def of(cls, transcripts: Iterable[Transcript]) -> PhoneLM:
        """Estimate from transcripts: likely silence at the ends, optional silence between words, unigram smoothing."""
        count = len(PHONES)
        after, first, end, single = np.zeros((count, count)), np.zeros(count), np.zeros(count), np.zeros(count)
        for words in transcripts:
            if not words:
                first[_SILENCE] += 1
                end[_SILENCE] += 1
                continue
            first[_SILENCE] += _SILENCE_AT_ENDS
            first[words[0][0]] += 1 - _SILENCE_AT_ENDS
            after[_SILENCE, words[0][0]] += _SILENCE_AT_ENDS
            for one, other in itertools.pairwise(words):
                after[one[-1], _SILENCE] += _SILENCE_BETWEEN
                after[_SILENCE, other[0]] += _SILENCE_BETWEEN
                after[one[-1], other[0]] += 1 - _SILENCE_BETWEEN
            for word in words:
                np.add.at(after, (word[:-1], word[1:]), 1)
                np.add.at(single, list(word), 1)
            after[words[-1][-1], _SILENCE] += _SILENCE_AT_ENDS
            end[words[-1][-1]] += 1 - _SILENCE_AT_ENDS
            end[_SILENCE] += _SILENCE_AT_ENDS
        single = (single + 0.5) / (single + 0.5).sum()
        total = after.sum(1) + end + _PRIOR
        return cls(
            first=(first + _PRIOR * single) / (first.sum() + _PRIOR),
            after=(after + _PRIOR * (1 - _END_PRIOR) * single) / total[:, None],
            end=(end + _PRIOR * _END_PRIOR) / total,
        )

    def bigram(self, language: str, most: float) -> dict[str, dict[str, float]]:
        """Return costs (-ln p) of a language's phones at the `START` of a word, and of bigrams up to the cost `most`.

        The cost of a final is the same for all tones, so that only the acoustics decide the tone. Tones that are rarer
        than `most` allows are left out, except at the start, where every phone must have a cost.
        """
        names = SPOKEN[language]
        rows = {name: _costs(names, self.after[NUMBER[name]], most) for name in names}
        return {START: _costs(names, self.first, np.inf), **rows}


def _costs(names: Sequence[str], row: NDArray[np.float64], most: float) -> dict[str, float]:
    total = sum(row[NUMBER[name]] for name in names)
    plain: dict[str, float] = {}
    for name in names:
        plain[untoned(name)] = plain.get(untoned(name), 0.0) + row[NUMBER[name]] / total
    least = np.exp(-most)
    return {name: -float(np.log(plain[untoned(name)])) for name in names if row[NUMBER[name]] / total > least}
