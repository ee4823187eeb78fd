"""How sure a reading is. Must not know: decoders, grammars, what is asked.

Vosk's own confidence weighs only the readings that the grammar allows, so speech outside it comes out near 1. Three
things say more: the likelihood against any sounds at all, against the next reading, and how long it took to say.
`python -m recognizer.evaluation.fitting` chose the weights for the models of 2026-11-27 on half of the speakers, each
heard by a model that was trained without them. On the other half, on an ordinary call: Mandarin answers of two
syllables are right in 96.4 % of those accepted or confirmed, and 1.1 % of all are accepted wrongly (268 trials); of
other speech the Mandarin model accepts 1.9 % and the English one 2.0 %, of noise 0 and 0.5 % (219 trials each), of
tones and music nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from recognizer.alike import alike
from recognizer.base import HeardWord

CONFIRM_BELOW: Final = 0.8
REJECT_BELOW: Final = 0.45
"""Recommended bands: accepted, confirmed (“您说的是八分，对吗？”), asked again."""

_RATIO_LEAST, _RATIO_MOST = -12.0, 6.0
"""Beyond these a ratio says nothing more."""
MARGIN_MOST: Final = 4.0
"""Readings further apart than this are no rivals."""
_ALIKE_MARGIN: Final = 2.0
"""Words that sound alike are told apart by asking when they are nearer than this."""
_NOTHING_MARGIN: Final = -1.0
"""A reading is none where silence or a filler is likelier by so much: on the dev half that asks 2 % of the right
Mandarin answers again, and reads a fifth less of other speech back."""
_UNSURE: Final = 0.01
_ALONE_MS: Final = 140
"""The shortest that an answer of one syllable is spoken: 99 % of 1500 real ones took longer, clicks often do not."""
_SYLLABLE_MS: Final = (100, 900)
"""The shortest and longest that a syllable is spoken; in real answers 120 to 780 ms."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One path of a decoder and its log likelihood (natural, the greater the likelier)."""

    words: tuple[HeardWord, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a reading `text` in a language (BCP 47 tag), of so many syllables, spoken in so many ms.

    `ratio`: log likelihood of the reading against any sounds at all, per word of the answer (None: how likely these are
    is not known). `margin`: log likelihood against the best different reading, `rival` (negative when that one is
    likelier; no rival: MARGIN_MOST).
    """

    language: str
    text: str
    rival: str
    ratio: float | None
    margin: float
    syllables: int
    spoken_ms: int


@dataclass(frozen=True, slots=True)
class Weights:
    """What evidence adds to the log odds of a reading: by being of one syllable or of several, by ratio and margin."""

    single: float
    several: float
    ratio: float
    margin: float


_MANDARIN: Final = Weights(single=1.11, several=1.38, ratio=0.37, margin=0.24)
_ENGLISH: Final = Weights(single=-1.17, several=-3.72, ratio=0.45, margin=0.72)
_NO_RATIO: Final = Weights(single=-0.4, several=-0.4, ratio=0.0, margin=0.45)
"""Where nothing is known but the rivals: sure with none, confirmed with a far one. A decision, not measured."""


def weights_of(language: str) -> Weights:
    """The weights for a language (BCP 47 tag)."""
    return _MANDARIN if language.partition("-")[0] == "zh" else _ENGLISH


def parts(evidence: Evidence) -> tuple[float, float, float, float]:
    """What the weights are for, in their order."""
    single = evidence.syllables == 1
    ratio = max(_RATIO_LEAST, min(evidence.ratio or 0.0, _RATIO_MOST))
    return float(single), float(not single), ratio, min(evidence.margin, MARGIN_MOST)


def confidence(evidence: Evidence) -> float:
    """0 to 1. Words that sound alike are never sure while both may have been said."""
    shortest, longest = _SYLLABLE_MS
    if evidence.syllables == 1:
        shortest = _ALONE_MS
    if not shortest * evidence.syllables <= evidence.spoken_ms <= longest * evidence.syllables:
        return 0.0
    weights = _NO_RATIO if evidence.ratio is None else weights_of(evidence.language)
    single, several, ratio, margin = parts(evidence)
    odds = weights.single * single + weights.several * several + weights.ratio * ratio + weights.margin * margin
    sure = 1 / (1 + math.exp(-odds))
    if not evidence.rival and evidence.margin < _NOTHING_MARGIN:
        return min(sure, REJECT_BELOW - _UNSURE)
    if evidence.margin < _ALIKE_MARGIN and alike(evidence.text, evidence.rival):
        return min(sure, CONFIRM_BELOW - _UNSURE)
    return sure
