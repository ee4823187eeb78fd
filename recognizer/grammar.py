"""Phrases → words that a model has, and the lint: which phrases can't be heard, why, and what to say instead.

Must not know: Vosk, audio, flows.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Final

from recognizer.fillers import fillers
from recognizer.lexicon import Unpronounceable, sound
from recognizer.reading import Expected

HasWord = Callable[[str], bool]

_DIGITS: Final = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
_PAUSES: Final = re.compile(r"[\s,.;:!?，。；：！？、…·~—-]+")


def chinese(language: str) -> bool:
    """Whether a language (BCP 47 tag) is Chinese: written without spaces, spoken in pinyin."""
    return language.partition("-")[0] == "zh"


def unpronounceable(phrases: Sequence[str]) -> dict[str, str]:
    """The Chinese phrases without pinyin, each with the reason and, where one can be said, a suggestion."""
    faults = {}
    for phrase in phrases:
        try:
            sound(phrase)
        except Unpronounceable as reason:
            faults[phrase] = f"{reason}{_suggestion(phrase)}"
    return faults


def split(language: str, phrase: str, has_word: HasWord) -> tuple[str, ...] | None:
    """The phrase as the fewest words that the model has; None when there is no such row of words."""
    if not chinese(language):
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
            faults[phrase] = f"the model has no word {named}{_suggestion(phrase) if chinese(language) else ''}"
    return faults


def _missing(language: str, phrase: str, has_word: HasWord) -> tuple[str, ...]:
    """The words of the phrase that the model lacks; in Chinese, the characters that are in none of its words."""
    if not chinese(language):
        return tuple(dict.fromkeys(word for word in phrase.split() if not has_word(word)))
    spans = itertools.combinations(range(len(phrase) + 1), 2)
    covered = {place for start, end in spans if has_word(phrase[start:end]) for place in range(start, end)}
    return tuple(dict.fromkeys(char for place, char in enumerate(phrase) if place not in covered))


def confusable(language: str, phrases: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of different phrases that sound the same to a model without tones (“是”, “四十” no; “是”, “事” yes).

    Phrases that can't be said at all are left out; see `unpronounceable`. In other languages than Chinese only spelling
    is known, so there are no pairs.
    """
    if not chinese(language):
        return ()
    faulty = unpronounceable(phrases)
    known = [phrase for phrase in dict.fromkeys(phrases) if phrase not in faulty]
    return tuple((one, other) for one, other in itertools.combinations(known, 2) if sound(one) & sound(other))


def expected(language: str, phrases: Sequence[str]) -> Expected:
    """What counts as an answer: the phrases among fillers.

    A phrase that sounds like a filler counts as that filler where another answer is beside it: “六八” is “六吧”.
    """
    spoken = fillers(language)
    alike = confusable(language, (*phrases, *spoken.all))
    twins = {phrase: filler for phrase, filler in alike if phrase in phrases and filler in spoken.all}

    def with_twins(words: tuple[str, ...]) -> frozenset[str]:
        return frozenset((*words, *(phrase for phrase, filler in twins.items() if filler in words)))

    return Expected(
        phrases=frozenset(phrases),
        before=with_twins(spoken.before),
        after=with_twins(spoken.after),
        joint="" if chinese(language) else " ",
    )


def distinct_fillers(language: str, phrases: Sequence[str]) -> tuple[str, ...]:
    """The fillers that sound unlike every phrase, so that they may stand in a grammar beside them."""
    if not chinese(language):
        return tuple(filler for filler in fillers(language).all if filler not in phrases)
    taken = frozenset(itertools.chain.from_iterable(map(sound, phrases)))
    return tuple(filler for filler in fillers(language).all if filler not in phrases and not sound(filler) & taken)


def _suggestion(phrase: str) -> str:
    """A Chinese phrase that means the same and can be said, as the end of a sentence; empty where there is none."""
    spoken = _PAUSES.sub("", re.sub(r"(\d+)(?:\.(\d+))?", _in_words, phrase))
    try:
        sound(spoken)
    except Unpronounceable:
        return ""
    return f'; say "{spoken}"' if spoken != phrase else ""


def _in_words(number: re.Match[str]) -> str:
    whole, fraction = number.groups()
    return _whole_number(whole) + (f"点{_one_by_one(fraction)}" if fraction else "")


def _whole_number(digits: str) -> str:
    """Up to 99 as a number, longer ones digit by digit, as telephone numbers are said."""
    if len(digits) > 2 or digits.startswith("0"):
        return "一百" if digits == "100" else _one_by_one(digits)
    tens, ones = divmod(int(digits), 10)
    ten = "" if not tens else "十" if tens == 1 else f"{_DIGITS[str(tens)]}十"
    return ten + ("" if tens and not ones else _DIGITS[str(ones)])


def _one_by_one(digits: str) -> str:
    return "".join(_DIGITS[digit] for digit in digits)
