"""Parser for spoken strings of digits. Must not know: what the digits are for.

Chinese says 幺 for one and, in radio usage, 洞 (0), 拐 (7), 勾 (9); English says "oh", "double five" and "triple five".
"""

from __future__ import annotations

from functools import cache

from ivr.flow.spoken.carriers import leading, trailing
from ivr.flow.spoken.numbers import EN_TEENS, EN_TENS, EN_UNITS, ZH_DIGITS
from ivr.flow.spoken.text import CHINESE, ENGLISH, Tokens, tokens

_DIGIT = {
    CHINESE: {word: str(value) for value, word in enumerate(ZH_DIGITS)}
    | {"〇": "0", "洞": "0", "幺": "1", "两": "2", "拐": "7", "勾": "9"},
    ENGLISH: {word: str(value) for value, word in enumerate(EN_UNITS)} | {"oh": "0", "o": "0", "nought": "0"},
}
_TIMES = {
    CHINESE: {f"{word}个": count for word, count in zip("两二三四五六七八九", (2, *range(2, 10)), strict=True)},
    ENGLISH: {"double": 2, "triple": 3, "treble": 3},
}
_ZEROS = {CHINESE: {}, ENGLISH: {"hundred": "00", "thousand": "000"}}
_PAIRS = {word: str(value) for value, word in enumerate(EN_TEENS, 10)}
_TENS = {word: str(value) for value, word in enumerate(EN_TENS, 2)}
_FILLERS = {
    CHINESE: "我的 我家 电话 手机 号码 手机号 电话号码 联系电话 号 区号 加 转 杠 然后 对 是的 好 好的",
    ENGLISH: "my|number|phone number|number is|phone|is|area code|plus|dash|then|and|yes|okay|ok",
}


def parse_digits(text: str, language: str) -> str:
    """Return the digits said, in order; empty if there are none or a word is neither a digit nor a filler.

    三个八 is 888, "double five" 55, "eight hundred" 800, "twenty three" 23.
    """
    words = tokens(text, language)
    digits = ""
    at = 0
    while at < len(words):
        said, length = _digits(words, at, language)
        length = length or _filler(words, at, language)
        if not length:
            return ""
        digits += said
        at += length
    return digits


def digit_words(language: str) -> tuple[str, ...]:
    """Return the words that a sequence grammar needs for digits, without the rare radio words."""
    if language == CHINESE:
        return (*ZH_DIGITS, "幺", "两", "两个", "三个", "四个")
    return (*EN_UNITS, "oh", "double", "triple", "hundred", "thousand", *EN_TEENS, *EN_TENS)


def _digits(words: Tokens, at: int, language: str) -> tuple[str, int]:
    """Return the digits that start at the word `at`, and the number of words they span (0: none)."""
    one = words[at]
    span = 2 if language == CHINESE else 1
    times = _TIMES[language].get("".join(words[at : at + span]))
    if times and at + span < len(words):
        digit = _digit(words[at + span], language)
        if len(digit) == 1:
            return digit * times, span + 1
    if language == ENGLISH and one in _TENS:
        unit = _digit(words[at + 1], language) if at + 1 < len(words) else ""
        return (_TENS[one] + unit, 2) if unit in set("123456789") else (_TENS[one] + "0", 1)
    pair = _PAIRS.get(one, "") if language == ENGLISH else ""
    digits = _digit(one, language) or _ZEROS[language].get(one, "") or pair
    return digits, 1 if digits else 0


def _digit(word: str, language: str) -> str:
    return word if word.isdecimal() else _DIGIT[language].get(word, "")


def _filler(words: Tokens, at: int, language: str) -> int:
    table = _fillers(language)
    return next((length for length in range(min(6, len(words) - at), 0, -1) if words[at : at + length] in table), 0)


@cache
def _fillers(language: str) -> frozenset[Tokens]:
    listing = _FILLERS[language].split() if language == CHINESE else _FILLERS[language].split("|")
    return leading(language) | trailing(language) | {tokens(phrase, language) for phrase in listing}
