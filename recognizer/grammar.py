"""Grammar phrases as words of a model, and the lint: phrases that cannot be recognised, the reason, an alternative.

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
    """Return the phrases without a pronunciation, each with the reason and, if there is one, a suggestion."""
    faults = {phrase: _fault(language, phrase) for phrase in phrases}
    return {phrase: f"{fault}{_suggestion(language, phrase)}" for phrase, fault in faults.items() if fault}


def split(language: str, phrase: str, has_word: HasWord) -> tuple[str, ...] | None:
    """Split the phrase into the fewest words of the model; return None if it cannot be split."""
    if language_of(language).separator:
        words = tuple(phrase.split())
        return words if words and all(map(has_word, words)) else None
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(1, len(phrase) + 1):
        rows = [(*row, phrase[start:end]) for start, row in best.items() if has_word(phrase[start:end])]
        if rows:
            best[end] = min(rows, key=len)
    return best.get(len(phrase)) or None


def out_of_vocabulary(language: str, phrases: Sequence[str], has_word: HasWord) -> dict[str, str]:
    """Return the phrases with out-of-vocabulary words, with the missing words and, if there is one, a suggestion."""
    faults = {}
    for phrase in phrases:
        if split(language, phrase, has_word) is None:
            named = ", ".join(f'"{part}"' for part in _missing(language, phrase, has_word)) or f'"{phrase}"'
            faults[phrase] = f"the model has no word {named}{_suggestion(language, phrase)}"
    return faults


def _missing(language: str, phrase: str, has_word: HasWord) -> tuple[str, ...]:
    """Return the out-of-vocabulary words of the phrase; in Chinese, the characters that no word of the model covers."""
    if language_of(language).separator:
        return tuple(dict.fromkeys(word for word in phrase.split() if not has_word(word)))
    spans = itertools.combinations(range(len(phrase) + 1), 2)
    covered = {place for start, end in spans if has_word(phrase[start:end]) for place in range(start, end)}
    return tuple(dict.fromkeys(char for place, char in enumerate(phrase) if place not in covered))


def confusable(language: str, phrases: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return pairs of phrases that are homophones to a model: “是” and “事” without tones, “two” and “too”."""
    sounds = {phrase: sound(language, phrase) for phrase in phrases}
    return tuple((one, other) for one, other in itertools.combinations(sounds, 2) if sounds[one] & sounds[other])


@lru_cache(maxsize=256)
def expected_phrases(language: str, phrases: tuple[str, ...]) -> ExpectedPhrases:
    """Return the expected answers: the phrases, with fillers around them.

    A phrase that is a homophone of a filler counts as that filler next to another answer: “六八” is “六吧”.
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
        separator=language_of(language).separator,
    )


@lru_cache(maxsize=256)
def distinct_fillers(language: str, phrases: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fillers that are homophones of no phrase, so that a grammar may contain both."""
    taken = frozenset(itertools.chain.from_iterable(sound(language, phrase) for phrase in phrases))
    return tuple(filler for filler in fillers(language).all if not sound(language, filler) & taken)


def _suggestion(language: str, phrase: str) -> str:
    """Return a pronounceable phrase with the same meaning, as the end of an error message; empty if there is none."""
    spoken = language_of(language).spoken_form(phrase)
    return f'; say "{spoken}"' if spoken != phrase and not _fault(language, spoken) else ""


def _fault(language: str, phrase: str) -> str:
    try:
        language_of(language).plain(phrase)
    except Unpronounceable as reason:
        return str(reason)
    return ""
