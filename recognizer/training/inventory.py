"""The phones of the models trained here: initials, finals with tones. Must not know: words, audio, Kaldi."""

from __future__ import annotations

from typing import Final

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
PHONES: Final = (
    SILENCE,
    NOISE,
    *(f"i_{initial}" for initial in INITIALS),
    *(f"f_{final}{tone}" for final in FINALS for tone in TONES),
)
NUMBER: Final = {name: number for number, name in enumerate(PHONES)}
OUTPUTS: Final = 2 * len(PHONES)
"""Each phone has two: entering it (even numbers) and staying in it (odd)."""


def untoned(name: str) -> str:
    """The phone without its tone."""
    return name.rstrip(TONES)
