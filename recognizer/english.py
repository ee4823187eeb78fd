"""English phrases to phones, by the CMU Pronouncing Dictionary. Must not know: graphs, Vosk, audio."""

from __future__ import annotations

import itertools
import lzma
import re
from bisect import bisect_left
from functools import cache, lru_cache
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
VOWELS: Final = frozenset(name for name in PHONES if name[2] in "aeiou")
"""Syllable nuclei: one per syllable."""


def pronunciations(phrase: str) -> tuple[Pronunciation, ...]:
    """Return the pronunciations of a phrase (words separated by spaces), most common first, at most MAX_PRONUNCIATIONS.

    `pronunciations("two")` is `(("e_t", "e_uw"),)`.

    Raises:
        Unpronounceable: a word is not in the dictionary, or the phrase is empty.
    """
    words = phrase.lower().split()
    if not words:
        raise Unpronounceable("the phrase is empty")
    rows = itertools.islice(itertools.product(*map(_readings, words)), MAX_PRONUNCIATIONS)
    return tuple(dict.fromkeys(tuple(itertools.chain.from_iterable(row)) for row in rows))


def words() -> tuple[str, ...]:
    """Return all words of the dictionary, in order."""
    return tuple(dict.fromkeys(line.partition(" ")[0] for line in _dictionary().splitlines()))


@lru_cache(maxsize=4096)
def _readings(word: str) -> tuple[Pronunciation, ...]:
    if not re.fullmatch(r"[a-z']+", word):
        raise Unpronounceable(f'"{word}" is not an English word')
    dictionary = _dictionary()
    found: list[Pronunciation] = []
    place = bisect_left(range(len(dictionary)), word, key=_word_at)
    while place < len(dictionary) and _word_at(place) == word:
        end = dictionary.index("\n", place)
        found.append(tuple(f"e_{phone}" for phone in dictionary[place + len(word) : end].split()))
        place = end + 1
    if not found:
        raise Unpronounceable(f'"{word}" is not in the dictionary')
    return tuple(found)


def _word_at(place: int) -> str:
    """Return the word of the line that contains an offset into the dictionary."""
    dictionary = _dictionary()
    start = dictionary.rfind("\n", 0, place) + 1
    return dictionary[start : dictionary.index(" ", start)]


@cache
def _dictionary() -> str:
    """Load all entries, sorted, as one 3 MB string: a tenth of the memory of a dict of words."""
    return lzma.decompress(DICTIONARY.read_bytes()).decode("ascii")
