"""A trial: what somebody says to a question, or a sound that is no answer. Must not know: models, figures."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from recognizer.evaluation.questions import EvaluationQuestion
from recognizer.training.corpus import Samples

Half = Literal["dev", "test"]
"""Weights are chosen on the speakers of one half, figures are of the other."""

How = Literal[
    "recorded", "put together", "cut out", "synthetic", "other speech", "foreign syllables", "noise", "tones and music"
]
"""Answers are recorded whole, put together from recorded syllables, cut out of a sentence or spoken by a synthetic
voice; the others are no answers. Single syllables of another language sound like answers: Mandarin has them all, among
them many an English word (nài – nine)."""

_HALVES: Mapping[str, Half] = {"hantts_m": "test", "davin_1": "test", "chenwang_f": "dev"}
"""The speakers of single syllables."""


@dataclass(frozen=True)
class Trial:
    """`said` is the phrase spoken (of a sequence, the phrases without spaces between them in Chinese), empty where
    nothing is an answer. `sound` is the voice alone, before any line."""

    question: EvaluationQuestion
    said: str
    how: How
    speaker: str
    half: Half
    sound: Samples

    @property
    def synthetic(self) -> bool:
        """Whether no person and no thing made the sound."""
        return self.how in {"synthetic", "tones and music"}

    @property
    def length(self) -> int:
        """Syllables of what is said in Chinese, words in English."""
        return len(self.said.split()) if self.said.isascii() else len(self.said)


def half_of(speaker: str) -> Half:
    """The half that a speaker (or a file of noise) belongs to; always the same."""
    return _HALVES.get(speaker) or ("test" if zlib.crc32(speaker.encode()) >> 8 & 1 else "dev")
