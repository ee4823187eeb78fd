"""English phrase → the model's phones, by the CMU Pronouncing Dictionary. Must not know: graphs, Vosk, audio."""

from __future__ import annotations

import itertools
import lzma
import re
from functools import cache
from pathlib import Path
from typing import Final

from recognizer.lexicon import MAX_PRONUNCIATIONS, Pronunciation, Unpronounceable

DICTIONARY: Final = Path(__file__).parent / "models" / "cmudict" / "cmudict.txt.xz"
PHONES: Final = tuple(
    f"e_{name}"
    for name in (
        *("aa", "ae", "ah", "ao", "aw", "ay", "b", "ch", "d", "dh", "eh", "er", "ey", "f", "g", "hh", "ih", "iy", "jh"),
        *("k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s", "sh", "t", "th", "uh", "uw", "v", "w", "y", "z", "zh"),
    )
)
"""ARPAbet without stress."""


def pronunciations(phrase: str) -> tuple[Pronunciation, ...]:
    """All usual pronunciations of a phrase (words between spaces), at most MAX_PRONUNCIATIONS.

    `pronunciations("two")` is `(("e_t", "e_uw"),)`.

    Raises:
        Unpronounceable: a word is not in the dictionary, or there is none.
    """
    words = phrase.lower().split()
    if not words:
        raise Unpronounceable("the phrase is empty")
    rows = itertools.islice(itertools.product(*map(_readings, words)), MAX_PRONUNCIATIONS)
    return tuple(dict.fromkeys(tuple(itertools.chain.from_iterable(row)) for row in rows))


def _readings(word: str) -> tuple[Pronunciation, ...]:
    if not re.fullmatch(r"[a-z']+", word):
        raise Unpronounceable(f'"{word}" is no English word')
    dictionary, place = _dictionary(), 0
    found = []
    while (place := dictionary.find(f"\n{word} ", place)) >= 0:
        place += len(word) + 2
        found.append(tuple(f"e_{phone}" for phone in dictionary[place : dictionary.index("\n", place)].split()))
    if not found:
        raise Unpronounceable(f'"{word}" is not in the dictionary')
    return tuple(found)


@cache
def _dictionary() -> str:
    """All entries in one text of 3 MB, which takes a tenth of the memory of a table of words."""
    return "\n" + lzma.decompress(DICTIONARY.read_bytes()).decode("ascii")
