"""Chinese text as pinyin with tone numbers, for speech engines that read it. Must not know: the engines."""

from __future__ import annotations

import re
from typing import Final

from pypinyin import Style, lazy_pinyin

from ivr.prompts.mandarin import numeral

MARKS: Final = str.maketrans("，、；：。？！嗯", ",,,,.?!恩", "“”‘’（）")


def pinyin(text: str) -> str:
    """`您好，按1` → `nin2 hao3, an4 yi1`. Tones change as in speech (不是 → bu2 shi4), but not those of digits."""
    spoken: list[str] = []
    for run in re.split(r"(\d+)", text):
        if run.isdigit():
            spoken += _syllables(numeral(int(run)), sandhi=False)
        elif run:
            spoken += _syllables(run, sandhi=True)
    return re.sub(r" ([,.?!])", r"\1", " ".join(spoken))


def _syllables(text: str, *, sandhi: bool) -> list[str]:
    plain = text.translate(MARKS)
    return [
        syllable.strip()
        for syllable in lazy_pinyin(plain, style=Style.TONE3, tone_sandhi=sandhi, neutral_tone_with_five=True)
        if syllable.strip()
    ]
