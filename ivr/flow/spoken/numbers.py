"""Parser and formatter for whole numbers from 0 to 9999 in words. Must not know: what is counted.

Own code because libraries accept too much or too little: cn2an reads 八九 as 89 or, in strict mode, rejects 一百二;
text2num does not support Chinese.
"""

from __future__ import annotations

import re

from ivr.flow.spoken.text import CHINESE, normalise

HIGHEST = 9999

ZH_DIGITS = "零一二三四五六七八九"
_ZH_VALUE = {word: value for value, word in enumerate(ZH_DIGITS)} | {"两": 2, "〇": 0}
_ZH_NUMBER = re.compile(
    r"(?:(?P<thousands>[一二两三四五六七八九])千(?P<gap>零?))?"
    r"(?:(?P<hundreds>[一二两三四五六七八九])百(?P<zero>零?))?"
    r"(?:(?P<tens>[一二三四五六七八九]?)(?P<ten>十))?"
    r"(?P<units>[一二三四五六七八九]?)"
)

EN_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
EN_TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
EN_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_SMALL = {word: value for value, word in enumerate(EN_UNITS + EN_TEENS)}
_EN_TENS = {word: (value + 2) * 10 for value, word in enumerate(EN_TENS)}
_EN_NUMBER = re.compile(
    rf"(?:(?P<thousands>a|{'|'.join(EN_UNITS[1:])}) thousand)?"
    rf"(?: ?(?P<hundreds>a|{'|'.join(EN_UNITS[1:] + EN_TEENS[1:])}) hundred)?"
    rf"(?: ?(?P<and>and))?(?: ?(?P<rest>(?:{'|'.join(EN_TENS)})(?: (?:{'|'.join(EN_UNITS[1:])}))?"
    rf"|{'|'.join(EN_TEENS + EN_UNITS[1:])}))?"
)


def parse_number(text: str, language: str) -> int | None:
    """Return the number, 0 to 9999, that the whole text is; None if it is none or several (八九, "eight nine")."""
    spoken = normalise(text, language)
    if re.fullmatch(r"[0-9]{1,4}", spoken):
        return int(spoken)
    return _chinese(spoken) if language == CHINESE else _english(spoken)


def say_number(number: int, language: str) -> str:
    """Return the usual words for a number from 0 to 9999: 一百零二, 两千; "one hundred and two".

    Raises:
        ValueError: the number is not within 0 to 9999.
    """
    if not 0 <= number <= HIGHEST:
        raise ValueError(f"{number} is not between 0 and {HIGHEST}")
    return _say_chinese(number) if language == CHINESE else _say_english(number)


def _chinese(spoken: str) -> int | None:
    if spoken in _ZH_VALUE:
        return _ZH_VALUE[spoken]
    match = _ZH_NUMBER.fullmatch(spoken)
    if not match or not spoken:
        return None
    part = match.groupdict(default="")
    thousands, hundreds, units = (_ZH_VALUE.get(part[name], 0) for name in ("thousands", "hundreds", "units"))
    tens = (_ZH_VALUE[part["tens"]] if part["tens"] else 1) if part["ten"] else 0
    if (part["gap"] and hundreds) or ((part["gap"] or part["zero"]) and not tens and not units):
        return None
    if units and not tens and not part["gap"] and not part["zero"]:
        units *= 10 if hundreds else 100 if thousands else 1
    return thousands * 1000 + hundreds * 100 + tens * 10 + units


def _english(spoken: str) -> int | None:
    if spoken == EN_UNITS[0]:
        return 0
    match = _EN_NUMBER.fullmatch(spoken)
    if not match or not spoken:
        return None
    part = match.groupdict(default="")
    larger = [part[name] for name in ("thousands", "hundreds") if part[name]]
    if part["and"] and not (larger and part["rest"]):
        return None
    rest = sum(_EN_SMALL.get(word, 0) + _EN_TENS.get(word, 0) for word in part["rest"].split())
    number = _count(part["thousands"]) * 1000 + _count(part["hundreds"]) * 100 + rest
    return number if number <= HIGHEST else None


def _count(word: str) -> int:
    return 1 if word == "a" else _EN_SMALL.get(word, 0)


def _say_chinese(number: int) -> str:
    if number < 10:
        return ZH_DIGITS[number]
    thousands, hundreds, tens, units = (int(digit) for digit in f"{number:04}")
    words = f"{ZH_DIGITS[thousands]}千" if thousands else ""
    words += f"{ZH_DIGITS[hundreds]}百" if hundreds else ""
    if words and (tens or units) and (not tens or (thousands and not hundreds)):
        words += "零"
    if tens:
        words += f"{ZH_DIGITS[tens]}十" if words or tens > 1 else "十"
    words += ZH_DIGITS[units] if units else ""
    return words.replace("二千", "两千").replace("二百", "两百")


def _say_english(number: int) -> str:
    words = []
    thousands, below = divmod(number, 1000)
    hundreds, below = divmod(below, 100)
    if thousands:
        words += [EN_UNITS[thousands], "thousand"]
    if hundreds:
        words += [EN_UNITS[hundreds], "hundred"]
    if below and words:
        words.append("and")
    if below >= 20:
        words.append(EN_TENS[below // 10 - 2])
        below %= 10
    if below or not words:
        words.append((EN_UNITS + EN_TEENS)[below])
    return " ".join(words)
