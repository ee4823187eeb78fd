"""Conversion of Chinese text to pinyin with tone numbers, for speech engines that need it.

Must not know: the engines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pypinyin import Style, lazy_pinyin

from ivr.prompts.mandarin import numeral

_READINGS: Final = {"没收": ["mei2", "shou1"]}
"""pypinyin reads 没收 as “confiscate”, which never occurs here."""
_COUNTING: Final = frozenset("第周十百千零一二三四五六七八九")
_DATES: Final = frozenset("月日号")
"""After _COUNTING or before _DATES, 一 is a number and keeps its tone."""
PUNCTUATION: Final = str.maketrans("，、；：。？！嗯", ",,,,.?!恩", "“”‘’（）")


def pinyin(text: str) -> str:
    """Convert `您好，按1` to `nin2 hao3, an4 yi1`, with tone sandhi (不是 → bu2 shi4) except for digits."""
    spoken: list[str] = []
    for run in re.split(r"(\d+)", text):
        if run.isdigit():
            spoken += _syllables(numeral(int(run)), sandhi=False)
        elif run:
            spoken += _syllables(run, sandhi=True)
    return re.sub(r" ([,.?!])", r"\1", " ".join(spoken))


def _syllables(text: str, *, sandhi: bool) -> list[str]:
    read = []
    for run in re.findall("[一-鿿]+|[^一-鿿]+", text.translate(PUNCTUATION)):
        by_character = _read(run, sandhi=sandhi)
        read += _apply_sandhi(run, by_character) if sandhi else by_character
    return [syllable.strip() for syllable in read if syllable.strip()]


def _read(run: str, *, sandhi: bool) -> list[str]:
    read = []
    for part in re.split(f"({'|'.join(_READINGS)})", run):
        read += _READINGS.get(part) or lazy_pinyin(
            part, style=Style.TONE3, tone_sandhi=sandhi, neutral_tone_with_five=True
        )
    return read


def _apply_sandhi(text: str, read: Sequence[str]) -> list[str]:
    """Apply the tone sandhi of 一 and 不 before other characters; pypinyin does so only within words that it knows."""
    changed = list(read)
    for place, (char, after) in enumerate(zip(text, read[1:], strict=False)):
        counts = text[place - 1 : place] in _COUNTING or text[place + 1] in _DATES
        if char == "不" and after[-1] == "4":
            changed[place] = "bu2"
        elif char == "一" and counts:
            changed[place] = "yi1"
        elif char == "一" and after[-1] in "1234":
            changed[place] = "yi2" if after[-1] == "4" else "yi4"
    return changed
