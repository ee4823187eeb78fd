"""General speech for the background model: short sequences of dictionary words, and the sentences of the corpus.

Its phone bigram is the background that answers are compared with. The training clips are unsuitable because answers
are far too frequent in them: the background would match “yes” at no cost. Must not know: audio, networks, files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Final

from recognizer import english
from recognizer.training.inventory import NUMBER, SPOKEN
from recognizer.training.synthetic import dictionary
from recognizer.training.transcripts import Transcript, of_english, of_pinyin

_ROWS: Final = 20000
_LONGEST: Final = 3
_SENTENCE: Final = 6
"""Minimum number of words of a sentence; the sequences joined for training from single recordings are shorter."""


def general_speech(language: str, recorded: Iterable[Transcript]) -> list[Transcript]:
    """Return sequences of one to three words, and the recorded sentences repeated to the same number of phones."""
    rng = random.Random(0)  # noqa: S311
    word = _WORDS[language](rng)
    made = [tuple(chain.from_iterable(word() for _ in range(rng.randint(1, _LONGEST)))) for _ in range(_ROWS)]
    spoken = {NUMBER[name] for name in SPOKEN[language]}
    sentences = [said for said in recorded if len(said) >= _SENTENCE and said[0][0] in spoken]
    often = round(_phones(made) / max(1, _phones(sentences)))
    return made + sentences * often


def _phones(texts: Iterable[Transcript]) -> int:
    return sum(len(word) for said in texts for word in said)


def _mandarin(rng: random.Random) -> Callable[[], Transcript]:
    words = dictionary()
    return lambda: of_pinyin([rng.choice(words)])


def _english(rng: random.Random) -> Callable[[], Transcript]:
    words = english.words()
    return lambda: of_english(rng.choice(words))


_WORDS: Final[Mapping[str, Callable[[random.Random], Callable[[], Transcript]]]] = {"zh": _mandarin, "en": _english}
