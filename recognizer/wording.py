"""Written phrases to spoken form: digits as words, no punctuation. Must not know: pronunciations, models."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_CHINESE: Final = tuple("零一二三四五六七八九")
_ENGLISH: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS: Final = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER: Final = re.compile(r"(\d+)(?:\.(\d+))?")
_COUNTED: Final = re.compile(r"\d+(?:\.\d+)?(?![\d.]|st|nd|rd|th)")
"""Numbers without an ordinal suffix: “8pm”, but not “8th”."""
_PUNCTUATION: Final = re.compile(r"[\s,.;:!?，。；：！？、…·~—-]+")


def chinese(phrase: str) -> str:
    """Return the spoken form in Chinese: “8.5分” is “八点五分”; spaces and punctuation are removed."""
    return _PUNCTUATION.sub("", _with_numbers(phrase, _chinese_number, "点", _chinese_digits))


def english(phrase: str) -> str:
    """Return the spoken form in English, single-spaced: “8.5 points” is “eight point five points”."""
    spelled = _COUNTED.sub(r" \g<0> ", phrase.lower().replace("’", "'"))
    return " ".join(_PUNCTUATION.split(_with_numbers(spelled, _english_number, " point ", _english_digits))).strip()


def _with_numbers(phrase: str, whole: Callable[[str], str], point: str, digit_by_digit: Callable[[str], str]) -> str:
    def spell(number: re.Match[str]) -> str:
        digits, fraction = number.groups()
        return whole(digits) + (f"{point}{digit_by_digit(fraction)}" if fraction else "")

    return _NUMBER.sub(spell, phrase)


def _chinese_number(digits: str) -> str:
    """Read numbers up to 100 as a number, longer ones digit by digit like telephone numbers."""
    if len(digits) > 2 or digits.startswith("0"):
        return "一百" if digits == "100" else _chinese_digits(digits)
    tens, ones = divmod(int(digits), 10)
    ten = "" if not tens else "十" if tens == 1 else f"{_CHINESE[tens]}十"
    return ten + ("" if tens and not ones else _CHINESE[ones])


def _english_number(digits: str) -> str:
    if len(digits) > 2 or digits.startswith("0"):
        return "one hundred" if digits == "100" else _english_digits(digits)
    tens, ones = divmod(int(digits), 10)
    if tens == 1:
        return _TEENS[ones]
    return " ".join(word for word in (_TENS[tens], _ENGLISH[ones] if ones or not tens else "") if word)


def _chinese_digits(digits: str) -> str:
    return "".join(_CHINESE[int(digit)] for digit in digits)


def _english_digits(digits: str) -> str:
    return " ".join(_ENGLISH[int(digit)] for digit in digits)
