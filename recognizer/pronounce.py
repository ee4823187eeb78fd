"""Pronunciation by language: dispatch to the Chinese and the English rules.

Must not know: graphs, Vosk, audio, flows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from recognizer import english, lexicon, wording
from recognizer.lexicon import Pronunciation, Unpronounceable

Pronounce = Callable[[str], tuple[Pronunciation, ...]]


@dataclass(frozen=True, slots=True)
class Phonology:
    """The pronunciation rules of a language.

    `separator` joins words in writing. `plain` and `toned` (for tonal models) return pronunciations and raise
    Unpronounceable. `spoken_form` converts a phrase to its spoken form (digits as words) on a best-effort basis.
    """

    separator: str
    plain: Pronounce
    toned: Pronounce
    spoken_form: Callable[[str], str]


def _unknown(phrase: str) -> tuple[Pronunciation, ...]:
    raise Unpronounceable("this language has no pronunciation rules")


_LANGUAGES: Final = {
    "zh": Phonology("", lexicon.pronunciations, lexicon.toned, wording.chinese),
    "en": Phonology(" ", english.pronunciations, english.pronunciations, wording.english),
}
_OTHER: Final = Phonology(" ", _unknown, _unknown, str)


def language(tag: str) -> Phonology:
    """Return the rules of a language (BCP 47 tag, `zh-CN`); for unknown ones, only that spaces separate words."""
    return _LANGUAGES.get(tag.partition("-")[0], _OTHER)


@lru_cache(maxsize=8192)
def pronunciations(tag: str, phrase: str) -> tuple[Pronunciation, ...]:
    """Return the toneless pronunciations of a phrase, most common first; its spelling if it has none."""
    try:
        return language(tag).plain(phrase)
    except Unpronounceable:
        return (tuple(phrase.split()),)


@lru_cache(maxsize=8192)
def sound(tag: str, phrase: str) -> frozenset[Pronunciation]:
    """Return the pronunciations as a set. Two phrases with a common element are homophones to a model."""
    return frozenset(pronunciations(tag, phrase))


def syllables(tag: str, phrase: str) -> int:
    """Return the syllable count of the most common pronunciation; one per word if the pronunciation is unknown."""
    (usual, *_) = pronunciations(tag, phrase)
    return sum(name.startswith("f_") or name in english.VOWELS for name in usual) or len(usual)
