"""Phrases → words that a model has, and the lint: which phrases can't be heard, why, and what to say instead.

Must not know: Vosk, audio, flows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache

from recognizer.fillers import fillers
from recognizer.lexicon import Unpronounceable
from recognizer.pronounce import language as language_of
from recognizer.pronounce import sound
from recognizer.reading import ExpectedPhrases

HasWord = Callable[[str], bool]


def unpronounceable(language: str, phrases: Sequence[str]) -> dict[str, str]:
    """The phrases that cannot be pronounced, each with the reason and, where one can be said, a suggestion."""
    faults = {phrase: _fault(language, phrase) for phrase in phrases}
    return {phrase: f"{fault}{_suggestion(language, phrase)}" for phrase, fault in faults.items() if fault}


def split(language: str, phrase: str, has_word: HasWord) -> tuple[str, ...] | None:
    """The phrase as the fewest words that the model has; None when there is no such row of words."""
    if language_of(language).joint:
        words = tuple(phrase.split())
        return words if words and all(map(has_word, words)) else None
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(1, len(phrase) + 1):
        rows = [(*row, phrase[start:end]) for start, row in best.items() if has_word(phrase[start:end])]
        if rows:
            best[end] = min(rows, key=len)
    return best.get(len(phrase)) or None


def wordless(language: str, phrases: Sequence[str], has_word: HasWord) -> dict[str, str]:
    """The phrases that are no row of the model's words, with what is missing and, where there is one, a suggestion."""
    faults = {}
    for phrase in phrases:
        if split(language, phrase, has_word) is None:
            named = ", ".join(f'"{part}"' for part in _missing(language, phrase, has_word)) or f'"{phrase}"'
            faults[phrase] = f"the model has no word {named}{_suggestion(language, phrase)}"
    return faults


def _missing(language: str, phrase: str, has_word: HasWord) -> tuple[str, ...]:
    """The words of the phrase that the model lacks; in Chinese, the characters that are in none of its words."""
    if language_of(language).joint:
        return tuple(dict.fromkeys(word for word in phrase.split() if not has_word(word)))
    spans = itertools.combinations(range(len(phrase) + 1), 2)
    covered = {place for start, end in spans if has_word(phrase[start:end]) for place in range(start, end)}
    return tuple(dict.fromkeys(char for place, char in enumerate(phrase) if place not in covered))


def confusable(language: str, phrases: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of different phrases that sound the same to a model: “是” and “事” without tones, “two” and “too”."""
    sounds = {phrase: sound(language, phrase) for phrase in phrases}
    return tuple((one, other) for one, other in itertools.combinations(sounds, 2) if sounds[one] & sounds[other])


@lru_cache(maxsize=256)
def expected(language: str, phrases: tuple[str, ...]) -> ExpectedPhrases:
    """What counts as an answer: the phrases among fillers.

    A phrase that sounds like a filler counts as that filler where another answer is beside it: “六八” is “六吧”.
    """
    spoken = fillers(language)
    alike = confusable(language, (*phrases, *spoken.all))
    twins = {phrase: filler for phrase, filler in alike if phrase in phrases and filler in spoken.all}

    def with_twins(words: tuple[str, ...]) -> frozenset[str]:
        return frozenset((*words, *(phrase for phrase, filler in twins.items() if filler in words)))

    return ExpectedPhrases(
        phrases=frozenset(phrases),
        before=with_twins(spoken.before),
        after=with_twins(spoken.after),
        joint=language_of(language).joint,
    )


@lru_cache(maxsize=256)
def distinct_fillers(language: str, phrases: tuple[str, ...]) -> tuple[str, ...]:
    """The fillers that sound unlike every phrase, so that they may stand in a grammar beside them."""
    taken = frozenset(itertools.chain.from_iterable(sound(language, phrase) for phrase in phrases))
    return tuple(filler for filler in fillers(language).all if not sound(language, filler) & taken)


def _suggestion(language: str, phrase: str) -> str:
    """A phrase that means the same and can be said, as the end of a sentence; empty where there is none."""
    spoken = language_of(language).in_words(phrase)
    return f'; say "{spoken}"' if spoken != phrase and not _fault(language, spoken) else ""


def _fault(language: str, phrase: str) -> str:
    try:
        language_of(language).plain(phrase)
    except Unpronounceable as reason:
        return str(reason)
    return ""
