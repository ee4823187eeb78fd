"""What anybody may say who does not answer: words of the dictionary in short rows, and the sentences of the corpus.

How phones follow each other in it is what the recogniser compares answers with. In the training clips answers are far
too frequent: any sounds at all would cost nothing where they are “yes”. Must not know: audio, networks, files.
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
"""Rows of single recordings, joined for training, are shorter."""


def talk(language: str, recorded: Iterable[Transcript]) -> list[Transcript]:
    """Rows of one to three words, and as much speech in the sentences among what was recorded, over and over."""
    chance = random.Random(0)  # noqa: S311
    word = _WORDS[language](chance)
    made = [tuple(chain.from_iterable(word() for _ in range(chance.randint(1, _LONGEST)))) for _ in range(_ROWS)]
    spoken = {NUMBER[name] for name in SPOKEN[language]}
    sentences = [said for said in recorded if len(said) >= _SENTENCE and said[0][0] in spoken]
    often = round(_phones(made) / max(1, _phones(sentences)))
    return made + sentences * often


def _phones(texts: Iterable[Transcript]) -> int:
    return sum(len(word) for said in texts for word in said)


def _mandarin(chance: random.Random) -> Callable[[], Transcript]:
    words = dictionary()
    return lambda: of_pinyin([chance.choice(words)])


def _english(chance: random.Random) -> Callable[[], Transcript]:
    words = english.words()
    return lambda: of_english(chance.choice(words))


_WORDS: Final[Mapping[str, Callable[[random.Random], Callable[[], Transcript]]]] = {"zh": _mandarin, "en": _english}
