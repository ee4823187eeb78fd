"""A trial: a spoken answer to a question, or a sound that is not an answer. Must not know: models, figures."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from recognizer.evaluation.questions import EvaluationQuestion
from recognizer.training.corpus import Samples

Half = Literal["dev", "test"]
"""Weights are fitted on the speakers of the dev half; figures are of the test half."""

How = Literal[
    "recorded", "put together", "cut out", "synthetic", "other speech", "foreign syllables", "noise", "tones and music"
]
"""Source of the sound. Answers are recorded whole, joined from recorded syllables (“put together”), cut out of a
sentence or spoken by a synthetic voice; the others are not answers. Foreign syllables are a category of their own
because they resemble answers: Mandarin has all of them recorded, and many sound like English words (nài – nine)."""

_HALVES: Mapping[str, Half] = {"hantts_m": "test", "davin_1": "test", "chenwang_f": "dev"}
"""Fixed assignment of the speakers of single syllables."""


@dataclass(frozen=True)
class Trial:
    """`said` is the spoken phrase (for a sequence all phrases, in Chinese without spaces), empty in a negative trial.
    `sound` is the clean voice, before any transmission."""

    question: EvaluationQuestion
    said: str
    how: How
    speaker: str
    half: Half
    sound: Samples

    @property
    def synthetic(self) -> bool:
        """Whether the sound is computer-generated."""
        return self.how in {"synthetic", "tones and music"}

    @property
    def length(self) -> int:
        """Length of the answer: syllables in Chinese, words in English."""
        return len(self.said.split()) if self.said.isascii() else len(self.said)


def half_of(speaker: str) -> Half:
    """Return the half of a speaker (or a noise file); deterministic."""
    return _HALVES.get(speaker) or ("test" if zlib.crc32(speaker.encode()) >> 8 & 1 else "dev")
