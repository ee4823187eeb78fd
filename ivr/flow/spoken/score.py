"""Parser for scores on a scale of whole numbers, such as 1 to 10. Must not know: what is scored.

Score phrases contain 分 or "points", 打 or 给, "out of ten". Invalid scores are recognised rather than mapped to the
nearest one, so that the caller is asked again: a half gives ParsedFraction, 十一分 or 一百分 ParsedOutOfRange.
"""

from __future__ import annotations

import re
from functools import cache

from ivr.flow.spoken.carriers import leading, trailing
from ivr.flow.spoken.numbers import parse_number, say_number
from ivr.flow.spoken.result import Parsed, ParsedFraction, ParsedNothing, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.text import CHINESE, ENGLISH, Tokens, join, strip, tokens

_SCORE_CARRIERS = {
    CHINESE: "打 给 评 打个 给个 打一个 给一个 给你 给您 给你们 给他 给他们 给师傅 评分 分数 分数是 打分",
    ENGLISH: "give|i give|i'd give|i'll give|i would give|i will give|give it|give you|give them|you|it|them|a|an"
    "|about|around|the|score|my score is|number|of",
}
_HIGHEST = {
    CHINESE: {"满分", "最高分"},
    ENGLISH: {
        "full marks",
        "full score",
        "top marks",
        "top score",
        "perfect score",
        "maximum",
        "highest",
        "highest score",
    },
}
_LOWEST = {CHINESE: {"最低分"}, ENGLISH: {"minimum", "lowest", "lowest score"}}

_DIGITS = "[零〇一二两三四五六七八九十百千0-9]"
_ZH_SCORE = re.compile(rf"(?P<minus>负?)(?P<number>{_DIGITS}+)个?分?")
_ZH_BETWEEN = re.compile(rf"{_DIGITS}+(?:(?:点{_DIGITS}+|[.]0*[1-9][0-9]*)分?|个?分?半分?|分多|多分)")
_EN_SCORE = re.compile(
    r"(?P<minus>(?:minus )?)(?P<number>.+?)(?: (?:points?|stars?|marks?))?(?: out of (?:a )?(?P<scale>.+))?"
)
_EN_BETWEEN = re.compile(
    r"(?P<number>.+?) (?:point .+|and (?:a|one) half)(?: points?)?(?: out of .+)?|[0-9]+[.]0*[1-9][0-9]*.*"
)


def parse_score(text: str, language: str, low: int, high: int) -> Parsed[int]:
    """Return the score said: ParsedValue within low to high, ParsedOutOfRange, ParsedFraction (八点五分, 八分半,
    "eight and a half") or ParsedNothing.

    满分 and "full marks" mean `high`. Two scores (八九分, 九到十分, "eight or nine"), a scale other than the question's
    ("eight out of ten" if `high` is 5) and the adverb 十分 (十分满意) give ParsedNothing.
    """
    spoken = join(strip(tokens(text, language), _leading(language), trailing(language)), language)
    if spoken in _HIGHEST[language]:
        return ParsedValue(high)
    if spoken in _LOWEST[language]:
        return ParsedValue(low)
    number = _chinese(spoken) if language == CHINESE else _english(spoken, high)
    if isinstance(number, ParsedFraction):
        return number
    if number is None:
        return ParsedNothing()
    return ParsedValue(number) if low <= number <= high else ParsedOutOfRange(number)


def score_phrases(language: str, low: int, high: int) -> dict[str, Parsed[int]]:
    """Return every phrase that a grammar for this scale needs, with the result of parse_score.

    Besides the scores, the grammar contains near misses (零分, 十一分, 一百分, 八分半), so that they are recognised
    as such and not as the nearest score.
    """
    beyond = {max(low - 1, 0), high + 1, high + 2, 100} - set(range(low, high + 1))
    phrases = [phrase for number in range(low, high + 1) for phrase in _phrases_for(number, high, language)]
    phrases += [phrase for number in sorted(beyond) for phrase in _phrases_for(number, high, language)[:4]]
    phrases += [phrase for number in range(low, high) for phrase in _half_phrases(number, language)]
    phrases += sorted(_HIGHEST[language])
    phrases += ["打满分", "给满分", "给个满分"] if language == CHINESE else ["the maximum", "the highest score"]
    return {phrase: parse_score(phrase, language, low, high) for phrase in phrases}


def _chinese(spoken: str) -> int | ParsedFraction | None:
    if _ZH_BETWEEN.fullmatch(spoken):
        return ParsedFraction(spoken)
    spoken = re.sub(r"[.]0+(?=分|$)", "", spoken)
    if len(spoken) % 2 == 0 and "分" in spoken and spoken[: len(spoken) // 2] * 2 == spoken:
        spoken = spoken[: len(spoken) // 2]
    match = _ZH_SCORE.fullmatch(spoken)
    number = parse_number(match["number"], CHINESE) if match else None
    return -number if match and number and match["minus"] else number


def _english(spoken: str, high: int) -> int | ParsedFraction | None:
    between = _EN_BETWEEN.fullmatch(spoken)
    if between and (between["number"] is None or parse_number(between["number"], ENGLISH) is not None):
        return ParsedFraction(spoken)
    match = _EN_SCORE.fullmatch(re.sub(r"[.]0+(?= |$)", "", spoken))
    if not match or (match["scale"] and parse_number(match["scale"], ENGLISH) != high):
        return None
    number = parse_number(re.sub(r"^(hundred|thousand)", r"a \1", match["number"]), ENGLISH)
    return -number if number and match["minus"] else number


def _phrases_for(number: int, high: int, language: str) -> list[str]:
    word = say_number(number, language)
    if language == ENGLISH:
        article = "an" if word.startswith(("eight", "eleven")) else "a"
        points = "point" if number == 1 else "points"
        return [word, f"{article} {word}", f"{word} {points}", f"{word} out of {say_number(high, language)}"]
    words = [word, "两"] if number == 2 else [word]
    phrases = [word, *(form.format(word) for word in words[::-1] for form in ("{}分", "打{}分", "给{}分"))]
    return phrases + words[1:]


def _half_phrases(number: int, language: str) -> list[str]:
    word = say_number(number, language)
    if language == ENGLISH:
        return [f"{word} and a half", f"{word} point five"]
    counted = "两" if number == 2 else word
    return [f"{counted}分半", f"{word}点五分", f"{word}点五"]


@cache
def _leading(language: str) -> frozenset[Tokens]:
    listing = _SCORE_CARRIERS[language].split() if language == CHINESE else _SCORE_CARRIERS[language].split("|")
    return leading(language) | {tokens(phrase, language) for phrase in listing}
