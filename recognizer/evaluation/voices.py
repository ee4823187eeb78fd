"""Answers by held-out synthetic voices. Must not know: models, conditions, how voices are synthesised."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import numpy as np

from recognizer.evaluation.questions import (
    CLOSED,
    EN_DIGITS,
    ZH_DIGITS,
    EvaluationQuestion,
)
from recognizer.evaluation.trials import Trial
from recognizer.training.espeak import ENGLISH, MANDARIN, Espeak, Manner
from recognizer.training.synthetic import HELD_OUT_VARIANTS, pinyin

_REPETITIONS: Final = 2
"""Utterances per phrase, each with a random voice."""
_STRINGS: Final = 20


def answers(language: str) -> Iterator[Trial]:
    """Yield every phrase of the closed questions, and digit strings.

    Raises:
        OSError: espeak-ng is not installed.
    """
    rng = random.Random(0)  # noqa: S311
    espeak = Espeak()
    chinese = language.startswith("zh")
    digits = ZH_DIGITS if chinese else EN_DIGITS
    rows = ["".join(rng.choices("零一二三四五六七八九", k=4)) for _ in range(_STRINGS)]
    if not chinese:
        rows = [" ".join(rng.choices(digits.grammar.phrases, k=4)) for _ in range(_STRINGS)]
    said: list[tuple[EvaluationQuestion, str]] = [(digits, row) for row in rows]
    said += [(question, phrase) for question in CLOSED[language] for phrase in question.grammar.phrases * _REPETITIONS]
    for question, phrase in said:
        variant = rng.choice(sorted(HELD_OUT_VARIANTS))
        manner = Manner(
            voice=MANDARIN if chinese else rng.choice(ENGLISH),
            variant=variant,
            rate=rng.randint(130, 220),
            pitch=rng.randint(25, 75),
            spread=rng.randint(25, 75),
            gap=0,
        )
        text = "".join(pinyin(phrase)) if chinese else phrase
        voice = espeak.say(text, manner)
        loud = np.flatnonzero(np.abs(voice) > 0.01 * np.abs(voice).max(initial=1.0))
        yield Trial(question, phrase, "synthetic", variant, "test", voice[loud[0] : loud[-1] + 1].astype(np.int16))
