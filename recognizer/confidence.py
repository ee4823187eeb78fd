"""How sure a reading is. Must not know: decoders, grammars, what is asked.

Vosk's own confidence weighs only the readings that the grammar allows, so speech outside it comes out near 1. Three
things say more: the likelihood against any sounds at all, against the next reading, and how long it took to say.
The weights are a logistic fit, rounded; fits on either half of the speakers agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from recognizer.base import Word

CONFIRM_BELOW: Final = 0.8
REJECT_BELOW: Final = 0.45
"""Recommended bands: accepted, confirmed (“您说的是八分，对吗？”), asked again."""

_RATIO_WEIGHT: Final = 0.6
_RATIO_MOST: Final = 2.0
_MARGIN_WEIGHT: Final = 0.5
MARGIN_MOST: Final = 4.0
"""Readings further apart than this are no rivals."""
_SYLLABLE_MS: Final = (60, 900)
"""The shortest and longest that a syllable is spoken; in real answers 90 to 780 ms."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One path of a decoder and its log likelihood (natural, the greater the likelier)."""

    words: tuple[Word, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a reading `text` of so many syllables, spoken in so many ms.

    `ratio`: log likelihood of the reading against any sounds at all, per word of the answer. `margin`: log likelihood
    against the best different reading, `rival` (negative when that one is likelier; no rival: MARGIN_MOST).
    """

    text: str
    rival: str
    ratio: float
    margin: float
    syllables: int
    spoken_ms: int


def confidence(evidence: Evidence) -> float:
    """0 to 1."""
    shortest, longest = _SYLLABLE_MS
    if not shortest * evidence.syllables <= evidence.spoken_ms <= longest * evidence.syllables:
        return 0.0
    weighed = _RATIO_WEIGHT * min(evidence.ratio, _RATIO_MOST) + _MARGIN_WEIGHT * min(evidence.margin, MARGIN_MOST)
    return 1 / (1 + math.exp(-weighed))
