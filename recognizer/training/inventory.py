"""The phones of the trained models: Mandarin initials and finals with tones, English phones.

One network is trained on both languages, because that gives it far more speakers; each language's model gets only the
phones of its language. Must not know: words, audio, Kaldi.
"""

from __future__ import annotations

from typing import Final

from recognizer.english import PHONES as ENGLISH
from recognizer.phones import NOISE, SILENCE

INITIALS: Final = (
    "b",
    "p",
    "m",
    "f",
    "d",
    "t",
    "n",
    "l",
    "g",
    "k",
    "h",
    "j",
    "q",
    "x",
    "zh",
    "ch",
    "sh",
    "r",
    "z",
    "c",
    "s",
)
FINALS: Final = (
    *[
        "a",
        "o",
        "e",
        "ai",
        "ei",
        "ao",
        "ou",
        "an",
        "en",
        "ang",
        "eng",
        "ong",
        "er",
        "i",
        "ir",
        "iz",
        "ia",
        "ie",
        "iao",
        "iu",
        "ian",
        "in",
        "iang",
        "ing",
        "iong",
    ],
    *["u", "ua", "uo", "uai", "ui", "uan", "un", "uang", "v", "ve", "van", "vn"],
)
TONES: Final = "12345"
MANDARIN: Final = (
    *(f"i_{initial}" for initial in INITIALS),
    *(f"f_{final}{tone}" for final in FINALS for tone in TONES),
)
SPOKEN: Final = {"zh": MANDARIN, "en": ENGLISH}
"""Speech phones by language."""
PHONES: Final = (SILENCE, NOISE, *MANDARIN, *ENGLISH)
NUMBER: Final = {name: number for number, name in enumerate(PHONES)}
OUTPUTS: Final = 2 * len(PHONES)
"""Number of network outputs; each phone has two: enter (even numbers) and stay (odd)."""


def phones_of(language: str) -> tuple[str, ...]:
    """Return the phones of one language's model, silence first."""
    return (SILENCE, NOISE, *SPOKEN[language])


def untoned(name: str) -> str:
    """Return the phone without its tone."""
    return name.rstrip(TONES)
