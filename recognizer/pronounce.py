"""How a phrase sounds, by its language: the dispatch to what is known of Chinese and of English.

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
    """What is known of a language.

    `joint` stands between words in writing. `toned` is `plain` for models that hear tones; both raise Unpronounceable.
    `in_words` writes a phrase so that it can be said (digits as words), as well as it can.
    """

    joint: str
    plain: Pronounce
    toned: Pronounce
    in_words: Callable[[str], str]


def _unknown(phrase: str) -> tuple[Pronunciation, ...]:
    raise Unpronounceable("nothing is known of how this language is pronounced")


_LANGUAGES: Final = {
    "zh": Phonology("", lexicon.pronunciations, lexicon.toned, wording.chinese),
    "en": Phonology(" ", english.pronunciations, english.pronunciations, wording.english),
}
_OTHER: Final = Phonology(" ", _unknown, _unknown, str)


def language(tag: str) -> Phonology:
    """What is known of the language of a BCP 47 tag (`zh-CN`); of others, only that words stand between spaces."""
    return _LANGUAGES.get(tag.partition("-")[0], _OTHER)


@lru_cache(maxsize=8192)
def pronunciations(tag: str, phrase: str) -> tuple[Pronunciation, ...]:
    """How a phrase is pronounced, without tones, the usual way first; where that is not known, its spelling."""
    try:
        return language(tag).plain(phrase)
    except Unpronounceable:
        return (tuple(phrase.split()),)


@lru_cache(maxsize=8192)
def sound(tag: str, phrase: str) -> frozenset[Pronunciation]:
    """What a phrase sounds like to a model. Two phrases that share an element can't be told apart."""
    return frozenset(pronunciations(tag, phrase))


def syllables(tag: str, phrase: str) -> int:
    """How many syllables a phrase usually has; one a word where its pronunciation is not known."""
    (usual, *_) = pronunciations(tag, phrase)
    return sum(name.startswith("f_") or name in english.VOWELS for name in usual) or len(usual)
