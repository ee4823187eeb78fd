"""Utterances of synthetic callers: answers with hesitation, other words; fast, slow, with accents in Mandarin.

Must not know: how speech is synthesised, what a model is.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from pypinyin.phrases_dict import phrases_dict

from recognizer.fillers import fillers
from recognizer.lexicon import Unpronounceable, toned
from recognizer.training.espeak import ENGLISH, MANDARIN, VARIANTS, Manner
from recognizer.training.transcripts import Transcript, of_english, of_pinyin

Words = tuple[tuple[str, ...], ...]
"""Words of pinyin syllables with tones."""

HELD_OUT_VARIANTS: Final = frozenset(
    ["f3", "m5", "klatt4", "belinda", "john", "Mario", "zac", "Andrea", "quincy", "michel"]
)
_ACCENTS: Final[tuple[dict[str, str], ...]] = (
    {"zh": "z", "ch": "c", "sh": "s"},
    {"n": "l"},
    {"l": "n"},
    {"h": "f"},
)
_DIGITS: Final = "零幺一二三四五六七八九"
_MERGED_ENDINGS: Final = (("ing", "in"), ("eng", "en"), ("in", "ing"))


@dataclass(frozen=True, slots=True)
class SyntheticUtterance:
    """An utterance: the `text` for the synthesiser, the transcript `meant`, and the playback `speed`."""

    text: str
    meant: Transcript
    manner: Manner
    speed: float


def mandarin(phrases: Sequence[str], rng: random.Random) -> SyntheticUtterance:
    """Generate a Mandarin utterance in response to a question whose answers are `phrases`."""
    words = _words(phrases, rng)
    spoken = _accented(words, rng) if rng.random() < 0.2 else words
    text = rng.choice((" ", "  ")).join(rng.choice(("", " ")).join(word) for word in spoken)
    return SyntheticUtterance(text, of_pinyin(words), _manner(MANDARIN, rng), _speed(rng))


def english(phrases: Sequence[str], rng: random.Random) -> SyntheticUtterance:
    """Generate an English utterance: one answer or a sequence of two to four, sometimes with fillers."""
    spoken = fillers("en")
    words = [rng.choice(phrases)]
    if rng.random() < 0.25:
        words = [rng.choice(phrases) for _ in range(rng.choice((2, 3, 4)))]
    if rng.random() < 0.2:
        words.insert(0, rng.choice(spoken.before))
    if rng.random() < 0.15:
        words.append(rng.choice(spoken.after))
    text = rng.choice((" ", " ", ", ")).join(words)
    return SyntheticUtterance(text, of_english(text.replace(",", "")), _manner(rng.choice(ENGLISH), rng), _speed(rng))


def _manner(voice: str, rng: random.Random) -> Manner:
    return Manner(
        voice=voice,
        variant=rng.choice([variant for variant in VARIANTS if variant not in HELD_OUT_VARIANTS]),
        rate=rng.randint(110, 260),
        pitch=rng.randint(15, 85),
        spread=rng.randint(15, 85),
        gap=rng.choice((0, 0, 0, 1, 4, 12)),
    )


def _speed(rng: random.Random) -> float:
    return rng.choice((1.0, 0.9, 1.1, 0.95, 1.06))


def _words(phrases: Sequence[str], rng: random.Random) -> Words:
    kind = rng.random()
    if kind < 0.1:
        return tuple(pinyin(rng.choice(_DIGITS)) for _ in range(rng.choice((2, 3, 4, 4, 6, 8, 11))))
    if kind < 0.45:
        return _answer(phrases, rng)
    if kind < 0.8:
        return tuple(rng.choice(dictionary()) for _ in range(rng.choice((1, 1, 2, 3))))
    return tuple((rng.choice(rng.choice(_syllables())),) for _ in range(rng.choice((1, 1, 2, 3))))


def _answer(phrases: Sequence[str], rng: random.Random) -> Words:
    """Generate an answer, sometimes with fillers (“嗯……八分吧”), a false start or a repetition."""
    spoken = fillers("zh")
    words = [pinyin(rng.choice(phrases))]
    fate = rng.random()
    if fate < 0.06 and len(words[0]) > 1:
        words.insert(0, words[0][:1])
    elif fate < 0.12:
        words.append(words[0])
    if rng.random() < 0.25:
        words.insert(0, pinyin(rng.choice(spoken.before)))
    if rng.random() < 0.2:
        words.append(pinyin(rng.choice(spoken.after)))
    return tuple(words)


@cache
def pinyin(text: str) -> tuple[str, ...]:
    """Return the pinyin after tone sandhi, derived from the phones so that both agree."""
    syllables: list[str] = []
    start = ""
    for phone in toned(text)[0]:
        kind, name = phone.split("_")
        if kind == "i":
            start = name
        else:
            syllables.append(_spelling(start, name[:-1]) + name[-1])
            start = ""
    return tuple(syllables)


def _spelling(initial: str, final: str) -> str:
    if initial:
        return initial + {"ir": "i", "iz": "i"}.get(final, final)
    spelled = {"iu": "you", "ui": "wei", "un": "wen", "ong": "weng", "v": "yu", "ve": "yue", "van": "yuan", "vn": "yun"}
    if final in spelled:
        return spelled[final]
    if final in {"i", "in", "ing"}:
        return f"y{final}"
    if final == "u":
        return "wu"
    return {"i": "y", "u": "w"}[final[0]] + final[1:] if final[0] in "iu" else final


@cache
def dictionary() -> tuple[tuple[str, ...], ...]:
    """Return dictionary words of two to four characters."""
    words = []
    for word in list(phrases_dict)[::7]:
        if 2 <= len(word) <= 4:
            try:
                words.append(pinyin(word))
            except Unpronounceable:
                continue
    return tuple(words)


@cache
def _syllables() -> tuple[tuple[str, ...], ...]:
    """Return all syllables, grouped by sound regardless of tone."""
    alike: dict[str, list[str]] = {}
    for syllable in sorted({syllable for word in dictionary() for syllable in word}):
        alike.setdefault(syllable[:-1], []).append(syllable)
    return tuple(map(tuple, alike.values()))


def _accented(words: Words, rng: random.Random) -> Words:
    starts = rng.choice(_ACCENTS)
    ending = rng.choice(_MERGED_ENDINGS)
    return tuple(tuple(_merged(syllable, starts, ending) for syllable in word) for word in words)


def _merged(syllable: str, starts: dict[str, str], ending: tuple[str, str]) -> str:
    plain, tone = syllable[:-1], syllable[-1]
    for one, other in starts.items():
        if plain.startswith(one) and not (one in {"n", "l"} and "v" in plain):
            plain = other + plain[len(one) :]
            break
    if plain.endswith(ending[0]):
        plain = plain.removesuffix(ending[0]) + ending[1]
    return plain + tone
