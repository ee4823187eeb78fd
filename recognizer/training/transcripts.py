"""Transcripts as sequences of phone numbers. Must not know: audio, where the words come from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recognizer import english
from recognizer.lexicon import Pronunciation, Unpronounceable, phones, toned
from recognizer.training.inventory import NUMBER

Transcript = tuple[tuple[int, ...], ...]
"""Words in order, each a sequence of phone numbers, with optional pauses between words. Empty: no speech."""

_LONGEST_WORD = 4


def of_text(text: str) -> Transcript:
    """Convert Chinese text. Longer texts may have a pause between any two syllables.

    Raises:
        Unpronounceable: the text is not Chinese only.
    """
    spoken = toned(text)[0]
    return (numbers(spoken),) if len(text) <= _LONGEST_WORD else tuple(map(numbers, _syllables(spoken)))


def of_english(text: str) -> Transcript:
    """Convert English words, each in its most common pronunciation; a pause may be between any two.

    Raises:
        Unpronounceable: a word is not in the dictionary.
    """
    return tuple(numbers(english.pronunciations(word)[0]) for word in text.split())


def of_pinyin(words: Sequence[Sequence[str]]) -> Transcript:
    """Convert words of pinyin syllables with tones (`ba1`); a syllable without a tone has the neutral tone.

    Raises:
        Unpronounceable: no such syllable.
    """
    return tuple(numbers([phone for syllable in word for phone in phones(with_tone(syllable))]) for word in words)


def with_tone(syllable: str) -> str:
    """Return the syllable, with tone 5 if it has no tone."""
    return syllable if re.search(r"[1-5]$", syllable) else f"{syllable}5"


def numbers(spoken: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of the phones.

    Raises:
        Unpronounceable: no such phone.
    """
    try:
        return tuple(NUMBER[name] for name in spoken)
    except KeyError as unknown:
        raise Unpronounceable(f"no such phone: {unknown}") from None


def _syllables(spoken: Pronunciation) -> list[Pronunciation]:
    rows: list[list[str]] = [[]]
    for name in spoken:
        rows[-1].append(name)
        if name.startswith("f_"):
            rows.append([])
    return [tuple(row) for row in rows if row]
