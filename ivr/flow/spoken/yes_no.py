"""Parser for yes and no, also in combination. Must not know: the question, except its own phrases for yes and no."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from ivr.flow.spoken.result import Parsed, ParsedNothing, ParsedValue
from ivr.flow.spoken.text import CHINESE, ENGLISH, Tokens, clauses, join, normalise, segment, tokens
from ivr.flow.spoken.yes_no_words import COMBINED, STARTS, Rank, answers, fillers, negators, phrases

_RESULT = re.compile(r"(解决|搞定|[修弄搞换装办做]好|[修弄搞换装办做]完|处理好|处理完)了$")
_SOFT_NO = {("no",), ("nope",), ("nah",)}

_Vocabulary = dict[Tokens, tuple[bool | None, Rank]]
_UNCLEAR = (None, Rank.OWN)
"""An ambiguous phrase derived from the question's own: 没有解决了 if 没有解决 is no and 解决了 is yes."""

_Link = Literal["apart", "negated", "unclear"]


@dataclass(frozen=True, slots=True)
class _Answer:
    words: Tokens
    meaning: bool
    rank: Rank
    paused: bool
    """Whether a pause (punctuation) separates this answer from the previous one."""
    direct: bool
    """Whether this answer immediately follows the previous one."""


def parse_yes_no(text: str, language: str, yes: Collection[str] = (), no: Collection[str] = ()) -> Parsed[bool]:
    """Return whether the text means yes or no: ParsedValue or ParsedNothing.

    `yes` and `no` are the question's own phrases; they extend the language's default words and take precedence.

    A text that is one phrase has the phrase's meaning. Otherwise it has to consist of phrases and fillers (我觉得, 吧,
    "thanks"), and the phrase of the highest rank decides: the question's own (解决了) before answers with content
    (没有, 可以, "it is"), before bare words (是, 不, "yes"), before backchannels (嗯). Hence “不，解决了” is yes,
    “对，没有收费” is no and “嗯，不是” is no. Phrases of the same rank must agree, and no "no" may follow a yes
    (解决了没有 and 好不好 are questions).

    Recognised text has no commas, so a "no" directly before one of the question's own yes phrases can be an answer or
    negate the phrase:

    - 不 or 不是 before a completed result (不解决了, 不修好了) is an answer, since results are negated by 没;
    - 不, 没, 没有 before a phrase without 了 (不满意, 没解决) negates it: no;
    - "not" before a phrase negates it; "no" before a phrase of several words ("no it's fixed") is an answer;
    - anything else (没有解决了, 不收费了, "no fixed", 没有不方便) is ambiguous: ParsedNothing.
    """
    said = _deny(_answers(text, language, _vocabulary(language, frozenset(yes), frozenset(no))), language)
    if not said:
        return ParsedNothing()
    top = max(answer.rank for answer in said)
    meanings = {answer.meaning for answer in said if answer.rank == top}
    last = max(index for index, answer in enumerate(said) if answer.rank == top)
    if len(meanings) > 1 or (True in meanings and any(not answer.meaning for answer in said[last + 1 :])):
        return ParsedNothing()
    return ParsedValue(meanings.pop())


def yes_no_phrases(language: str, yes: Collection[str] = (), no: Collection[str] = ()) -> dict[str, bool]:
    """Return every phrase that a grammar for the question needs, with its meaning.

    These are the question's own phrases, the default words, and unambiguous combinations of both as callers run them
    together (是的解决了, 不解决了, 对没有收费).
    """
    own = [phrase for phrase in (*yes, *no) if tokens(phrase, language) not in answers(language)]
    joined = [
        f"{start} {phrase}"
        for phrase in own
        for start in phrases(STARTS[language], language)
        if parse_yes_no(f"{start} {phrase}", language, yes, no) == parse_yes_no(phrase, language, yes, no)
    ]
    usual = [join(words, language) for words in answers(language) if language == ENGLISH or not _latin(words)]
    candidates = [*yes, *no, *usual, *phrases(COMBINED[language], language), *joined]
    return {
        normalise(phrase, language): parsed.value
        for phrase in candidates
        if isinstance(parsed := parse_yes_no(phrase, language, yes, no), ParsedValue)
    }


def _latin(words: Tokens) -> bool:
    """Return whether the words are loanwords (ok): accepted in text, but without pronunciation in a Chinese grammar."""
    return any(word.isascii() for word in words)


def _answers(text: str, language: str, vocabulary: _Vocabulary) -> list[_Answer]:
    parts = [segment(clause, vocabulary) for clause in clauses(text, language)]
    if None in parts:
        parts = [segment(tokens(text, language), vocabulary)]
    said: list[_Answer] = []
    for part in parts:
        paused, direct = True, False
        for words, (meaning, rank) in part or ():
            if meaning is not None:
                said.append(_Answer(words, meaning, rank, paused, direct))
                paused = False
            elif rank == Rank.OWN:
                return []
            direct = meaning is not None
    return said


def _deny(said: list[_Answer], language: str) -> list[_Answer]:
    """Return the answers with each negated phrase turned into a no; empty if ambiguous."""
    denied = list(said)
    for index, (before, after) in enumerate(pairwise(said)):
        link = _link(before, after, language)
        if link == "unclear":
            return []
        if link == "negated":
            denied[index + 1] = _Answer(after.words, False, after.rank, after.paused, after.direct)
    return denied


def _link(before: _Answer, after: _Answer, language: str) -> _Link:
    if not after.paused and after.words == ("不", *before.words):
        return "unclear"
    if after.paused or before.words not in negators(language) or before.words == after.words:
        return "apart"
    if language == CHINESE:
        before_text, text = join(before.words, language), join(after.words, language)
        return _deny_chinese(before_text, text, after) if after.meaning else _double_chinese(before_text, text, after)
    return _link_english(before, after)


def _deny_chinese(negator: str, text: str, after: _Answer) -> _Link:
    if after.rank < Rank.OWN or (negator in {"不", "不是"} and _RESULT.search(text)):
        return "apart"
    if not after.direct or negator == "不是" or text.endswith("了") or text.startswith(("不", "没")):
        return "unclear"
    return "negated"


def _double_chinese(negator: str, text: str, after: _Answer) -> _Link:
    if after.direct and ((text.startswith("不") and negator != "不") or (text.startswith("没") and negator == "不是")):
        return "unclear"
    return "unclear" if after.rank == Rank.OWN and not re.search("[不没]", text) else "apart"


def _link_english(before: _Answer, after: _Answer) -> _Link:
    if before.words in _SOFT_NO:
        clear = not after.meaning or after.rank < Rank.OWN or len(after.words) > 1 or not after.direct
        return "apart" if clear else "unclear"
    if after.meaning:
        return "negated" if after.rank == Rank.OWN and after.direct else "unclear"
    negative = after.words in _SOFT_NO or any(word == "not" or word.endswith("n't") for word in after.words)
    return "apart" if negative else "unclear"


@lru_cache(maxsize=256)
def _vocabulary(language: str, yes: frozenset[str], no: frozenset[str]) -> _Vocabulary:
    usual = answers(language)
    vocabulary: _Vocabulary = dict.fromkeys(fillers(language), (None, Rank.FILLER))
    vocabulary |= usual
    own_yes, own_no = ({tokens(phrase, language) for phrase in own} for own in (yes, no))
    for words in own_yes ^ own_no:
        vocabulary[words] = (words in own_yes, usual[words][1] if words in usual else Rank.OWN)
    for words in own_no - own_yes:
        denied = next((words[len(no) :] for no in (("没", "有"), ("没",)) if words[: len(no)] == no), None)
        if denied and (*denied, "了") in own_yes:
            vocabulary.setdefault((*words, "了"), _UNCLEAR)
    vocabulary |= dict.fromkeys(own_yes & own_no, _UNCLEAR)
    vocabulary.pop((), None)
    return vocabulary
