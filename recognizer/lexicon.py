"""Chinese phrases to phones by way of pinyin, with tones (for tonal models) or without.

Must not know: graphs, Vosk, audio.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PINYIN_DICT

Pronunciation = tuple[str, ...]
"""Phones in order: `("i_m", "f_an", "f_i")`, with tones `("i_m", "f_an3", "f_i4")`."""

MAX_PRONUNCIATIONS: Final = 8
_TONES: Final = "12345"

_OVERRIDES: Final[dict[str, tuple[str, ...]]] = {
    "嗯": ("en4", "en2"),
    "呃": ("e4", "e2"),
    "额": ("e4", "e2"),
    "诶": ("ei4", "ai4"),
    "欸": ("ei4", "ai4"),
    "唔": ("wu2",),
    "没收": ("mei2 shou1",),
    "重说": ("chong2 shuo1",),
    "重听": ("chong2 ting1",),
    "重放": ("chong2 fang4",),
    "重打": ("chong2 da3",),
    "长": ("chang2",),
    "得": ("de5", "dei3"),
    "谁": ("shui2", "shei2"),
    "这": ("zhe4", "zhei4"),
    "那": ("na4", "nei4"),
    "哪": ("na3", "nei3"),
    "会儿": ("hui4 er5", "hui4"),
    "点儿": ("dian3 er5", "dian3"),
    "这儿": ("zhe4 er5", "zhe4"),
    "那儿": ("na4 er5", "na4"),
}
"""Overrides where the dictionary is wrong or a word has several common readings; the longest entry wins, and the first
reading is the most common."""

_INITIALS: Final = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcs")
_IRREGULAR: Final = {
    "ng": ("f_eng",),
    "hng": ("i_h", "f_eng"),
    "n": ("f_en",),
    "hm": ("i_h", "f_en"),
    "m": ("i_m", "f_u"),
    "ê": ("f_ei",),
    "eh": ("f_ei",),
    "yo": ("f_iu",),
    "yai": ("f_ia",),
}
_Y_FINALS: Final = {
    **{"i": "i", "a": "ia", "e": "ie", "ao": "iao", "ou": "iu", "an": "ian", "in": "in", "ang": "iang", "ing": "ing"},
    **{"ong": "iong", "u": "v", "ue": "ve", "uan": "van", "un": "vn"},
}
_W_FINALS: Final = {
    **{"u": "u", "a": "ua", "o": "uo", "ai": "uai", "ei": "ui", "an": "uan", "en": "un", "ang": "uang", "eng": "ong"},
}
_JQX_FINALS: Final = {"u": "v", "ue": "ve", "uan": "van", "un": "vn"}


class Unpronounceable(ValueError):
    """A phrase without a pronunciation; the message states which part and why."""


def pronunciations(phrase: str) -> tuple[Pronunciation, ...]:
    """Return the toneless pronunciations of a Chinese phrase, most common first, at most MAX_PRONUNCIATIONS.

    Raises:
        Unpronounceable: a character has no pinyin (a letter, a digit, a space, a rare character).
    """
    rows = _readings(phrase)
    return tuple(dict.fromkeys(_to_phones(syllable.rstrip(_TONES) for syllable in row) for row in rows))


def toned(phrase: str) -> tuple[Pronunciation, ...]:
    """Return the pronunciations with tones: first after tone sandhi (“可以” is ke2 yi3), then in citation form.

    Raises:
        Unpronounceable: as for `pronunciations`.
    """
    rows = _readings(phrase)
    both = dict.fromkeys(itertools.chain(map(_with_sandhi, rows), rows))
    return tuple(dict.fromkeys(_to_phones(row) for row in both))[:MAX_PRONUNCIATIONS]


@lru_cache(maxsize=4096)
def sound(phrase: str) -> frozenset[Pronunciation]:
    """Return the pronunciations of a phrase as a set. Two phrases with a common element are homophones to the model.

    Raises:
        Unpronounceable: as for `pronunciations`.
    """
    return frozenset(pronunciations(phrase))


def phones(syllable: str) -> Pronunciation:
    """Return the phones of a pinyin syllable: `("i_sh", "f_ir")` for "shi", `("i_sh", "f_ir2")` for "shi2".

    Raises:
        Unpronounceable: no such syllable.
    """
    plain = syllable.rstrip(_TONES)
    *initial, final = _plain_phones(plain.replace("ü", "v"), syllable)
    return (*initial, final + syllable[len(plain) :])


def _plain_phones(spelled: str, syllable: str) -> Pronunciation:
    if spelled in _IRREGULAR:
        return _IRREGULAR[spelled]
    if spelled[:1] in {"y", "w"}:
        final = (_Y_FINALS if spelled[0] == "y" else _W_FINALS).get(spelled[1:])
        if final is None:
            raise Unpronounceable(f'no such syllable: "{syllable}"')
        return (f"f_{final}",)
    initial = next((start for start in _INITIALS if spelled.startswith(start)), "")
    final = spelled[len(initial) :]
    if not re.fullmatch(r"[aeiouv][a-z]*", final):
        raise Unpronounceable(f'no such syllable: "{syllable}"')
    return (*((f"i_{initial}",) if initial else ()), f"f_{_final(initial, final)}")


def _final(initial: str, final: str) -> str:
    if final == "i" and initial in {"zh", "ch", "sh", "r"}:
        return "ir"
    if final == "i" and initial in {"z", "c", "s"}:
        return "iz"
    if initial in {"j", "q", "x"}:
        return _JQX_FINALS.get(final, final)
    if initial in {"b", "p", "m", "f"} and final == "ong":
        return "eng"
    return {"ue": "ve"}.get(final, final)


_OVERRIDE_PATTERN: Final = re.compile("|".join(sorted(_OVERRIDES, key=len, reverse=True)))


def _readings(phrase: str) -> tuple[tuple[str, ...], ...]:
    """Return the readings of the phrase, each a sequence of pinyin syllables with tones."""
    choices = list(_parts(phrase))
    if not choices:
        raise Unpronounceable("the phrase is empty")
    combined = itertools.islice(itertools.product(*choices), MAX_PRONUNCIATIONS)
    return tuple(dict.fromkeys(tuple(itertools.chain.from_iterable(parts)) for parts in combined))


def _parts(phrase: str) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield the alternative readings of each part of the phrase, in order."""
    place = 0
    for match in _OVERRIDE_PATTERN.finditer(phrase):
        yield from _dictionary(phrase[place : match.start()])
        yield tuple(tuple(reading.split()) for reading in _OVERRIDES[match.group()])
        place = match.end()
    yield from _dictionary(phrase[place:])


def _dictionary(text: str) -> Iterator[tuple[tuple[str, ...], ...]]:
    for char in text:
        if ord(char) not in PINYIN_DICT:
            raise Unpronounceable(f'"{char}" has no pinyin')
    for syllable in lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=True):
        yield ((syllable,),)


def _with_sandhi(row: tuple[str, ...]) -> tuple[str, ...]:
    """Apply tone sandhi: 一 and 不 before other tones, a third tone before a third tone."""
    spoken = list(row)
    for place, (one, after) in enumerate(itertools.pairwise(row)):
        if one == "yi1" and after[-1] in "1234":
            spoken[place] = "yi2" if after[-1] == "4" else "yi4"
        elif one == "bu4" and after[-1] == "4":
            spoken[place] = "bu2"
        elif one[-1] == after[-1] == "3":
            spoken[place] = f"{one[:-1]}2"
    return tuple(spoken)


def _to_phones(row: Iterable[str]) -> Pronunciation:
    return tuple(itertools.chain.from_iterable(map(phones, row)))
