"""Confidence of a hypothesis. Must not know: decoders, grammars, which question was asked.

Vosk's own confidence compares only hypotheses that the grammar allows, so speech outside the grammar scores near 1.
Three features say more: the likelihood ratio against any sounds at all, the margin to the next hypothesis, and the
duration. `python -m recognizer.evaluation.fitting` fitted the weights for the models of 2026-11-27 on half of the
speakers, each recognised by a model trained without them. On the other half, over an ordinary call: of two-syllable
Mandarin answers accepted or confirmed, 96.4 % are right, and 1.1 % of all are accepted wrongly (268 trials); the
Mandarin model accepts 1.9 % of other speech and the English one 2.0 %, 0 and 0.5 % of noise (219 trials each), and
no tones or music.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from recognizer.alike import alike
from recognizer.base import HeardWord

CONFIRM_BELOW: Final = 0.8
REJECT_BELOW: Final = 0.45
"""Recommended bands: accept, confirm (“您说的是八分，对吗？”) below CONFIRM_BELOW, ask again below REJECT_BELOW."""

_MIN_RATIO, _MAX_RATIO = -12.0, 6.0
"""A ratio is clipped to this range; beyond it carries no more information."""
MAX_MARGIN: Final = 4.0
"""Hypotheses further apart than this do not compete."""
_CONFUSABLE_MARGIN: Final = 2.0
"""Confusable words closer than this are confirmed rather than accepted."""
_FILLER_MARGIN: Final = -1.0
"""A hypothesis below this margin to silence or a filler is rejected: on the dev half, 2 % of the right Mandarin
answers are asked again, and a fifth less of other speech is read back for confirmation."""
_BELOW_BAND: Final = 0.01
_MIN_SINGLE_SYLLABLE_MS: Final = 140
"""Minimum duration of a one-syllable answer: 99 % of 1500 real ones took longer; clicks are often shorter."""
_SYLLABLE_MS: Final = (100, 900)
"""Minimum and maximum duration of a syllable; 120 to 780 ms in real answers."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One decoder path and its natural log likelihood (greater is likelier)."""

    words: tuple[HeardWord, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for a hypothesis `text` in a language (BCP 47 tag), with its syllable count and duration.

    `ratio`: log likelihood ratio of the hypothesis against any sounds at all, per word of the answer (None: that
    likelihood is unknown). `margin`: log likelihood ratio against the best competing hypothesis, `rival` (negative if
    the rival is likelier; MAX_MARGIN without one).
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
    """Weights of the log odds: a bias for one syllable and for several, and slopes for ratio and margin."""

    single: float
    several: float
    ratio: float
    margin: float


_MANDARIN: Final = Weights(single=1.11, several=1.38, ratio=0.37, margin=0.24)
_ENGLISH: Final = Weights(single=-1.17, several=-3.72, ratio=0.45, margin=0.72)
_NO_RATIO: Final = Weights(single=-0.4, several=-0.4, ratio=0.0, margin=0.45)
"""For remote servers, whose ratio is unknown: accept without a rival, confirm with a distant one. Not fitted."""


def weights_of(language: str) -> Weights:
    """Return the weights for a language (BCP 47 tag)."""
    return _MANDARIN if language.partition("-")[0] == "zh" else _ENGLISH


def features(evidence: Evidence) -> tuple[float, float, float, float]:
    """Return the features of the evidence, in the order of the weights."""
    single = evidence.syllables == 1
    ratio = max(_MIN_RATIO, min(evidence.ratio or 0.0, _MAX_RATIO))
    return float(single), float(not single), ratio, min(evidence.margin, MAX_MARGIN)


def confidence(evidence: Evidence) -> float:
    """Return the confidence, 0 to 1; below CONFIRM_BELOW while a confusable word is a close rival."""
    shortest, longest = _SYLLABLE_MS
    if evidence.syllables == 1:
        shortest = _MIN_SINGLE_SYLLABLE_MS
    if not shortest * evidence.syllables <= evidence.spoken_ms <= longest * evidence.syllables:
        return 0.0
    weights = _NO_RATIO if evidence.ratio is None else weights_of(evidence.language)
    single, several, ratio, margin = features(evidence)
    odds = weights.single * single + weights.several * several + weights.ratio * ratio + weights.margin * margin
    sure = 1 / (1 + math.exp(-odds))
    if not evidence.rival and evidence.margin < _FILLER_MARGIN:
        return min(sure, REJECT_BELOW - _BELOW_BAND)
    if evidence.margin < _CONFUSABLE_MARGIN and alike(evidence.text, evidence.rival):
        return min(sure, CONFIRM_BELOW - _BELOW_BAND)
    return sure
