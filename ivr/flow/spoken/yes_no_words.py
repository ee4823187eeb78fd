"""Words for yes and no. Must not know: how they combine, any question.

Each language has backchannels (weakest: 嗯 before another answer is ignored), bare answer words, and answers with
content. `Rank` orders them; a question's own phrases (解决了) rank highest.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

from ivr.flow.spoken.carriers import leading, trailing
from ivr.flow.spoken.text import CHINESE, ENGLISH, Tokens, tokens


class Rank(IntEnum):
    """Informativeness of an answer; of several answers the highest rank decides."""

    FILLER = 0
    BACKCHANNEL = 1
    WORD = 2
    CONTENT = 3
    OWN = 4


_TABLE: dict[str, list[tuple[bool, Rank, str]]] = {
    CHINESE: [
        (True, Rank.BACKCHANNEL, "嗯 嗯嗯 嗯哼"),
        (
            True,
            Rank.WORD,
            "是 是的 是啊 是呀 就是 应该是 应该是的 对 对的 对啊 对呀 没错 当然 确实",
        ),
        (True, Rank.WORD, "好 好的 好啊 好呀 好吧 好嘞 行 行啊 行吧 行的 成 ok okay yes"),
        (True, Rank.CONTENT, "可以 可以的 可以啊 没问题 没有问题 没毛病 有 有的 愿意"),
        (False, Rank.WORD, "不 不是 不是的 不是啊 不对 不对的 否 no"),
        (False, Rank.CONTENT, "没有 没有啊 没有的 没有呢 没 没呢 还没 还没有 还没呢 并没有 从来没有"),
        (False, Rank.CONTENT, "不行 不可以 不用 不用了 不要 不必 不能 不好 不成 不愿意 不太 不太好 不怎么 不是很"),
    ],
    ENGLISH: [
        (True, Rank.BACKCHANNEL, "mm|mhm|mm hmm|uh huh"),
        (
            True,
            Rank.WORD,
            "yes|yeah|yep|yup|yes please|sure|correct|that's correct|right|that's right|that is right|of course",
        ),
        (True, Rank.WORD, "ok|okay|alright|all right|fine|that's fine|indeed|absolutely|definitely|certainly|exactly"),
        (True, Rank.CONTENT, "i do|i did|i am|i have|it is|it does|it did|it has|it was|they did|they have|they do"),
        (True, Rank.CONTENT, "he did|she did|no problem|not a problem|no worries|go ahead"),
        (False, Rank.WORD, "no|nope|nah|no thanks|no thank you|not|wrong|incorrect|that's wrong"),
        (
            False,
            Rank.CONTENT,
            "not yet|not really|not at all|not now|never|not correct|that's not right|it's not|it is not",
        ),
        (
            False,
            Rank.CONTENT,
            "i don't|i didn't|i do not|i did not|i'm not|i haven't|it isn't|it doesn't|it didn't|it hasn't",
        ),
        (
            False,
            Rank.CONTENT,
            "it hasn't been|it wasn't|they didn't|they did not|they haven't|they don't|he didn't|she didn't",
        ),
    ],
}
_APOLOGIES = {CHINESE: "不好意思 对不起 抱歉", ENGLISH: "sorry|i'm afraid|i'm sorry"}
_HEDGES = {CHINESE: "差不多 可能 可能是 大概 大概是 算 算是 左右", ENGLISH: "maybe|probably|kind of"}

_STANDALONE_NO = {
    CHINESE: "否 no 不是的 不是啊 不对 不对的 没有啊 没有的 没有呢 没呢 还没呢 不行 不成 不用了",
    ENGLISH: "no thanks|no thank you|wrong|incorrect|that's wrong|that's not right",
}
STARTS = {CHINESE: "是的 对 嗯 不 没有", ENGLISH: "yes|yeah|no"}
COMBINED = {
    CHINESE: "对对 对对对 是的是的 不不 不不不 没有没有 对没有 是的没有 嗯没有 嗯是的 嗯对 嗯好的 好的可以 不没有",
    ENGLISH: "no no|no no no|yes yes|no not yet|yes it is",
}


@cache
def answers(language: str) -> dict[Tokens, tuple[bool, Rank]]:
    """Return every default answer with its meaning and its rank."""
    return {
        tokens(phrase, language): (meaning, rank)
        for meaning, rank, listing in _TABLE[language]
        for phrase in phrases(listing, language)
    }


@cache
def fillers(language: str) -> frozenset[Tokens]:
    """Return words that mean neither yes nor no. Hedges (可能, "maybe") are excluded: a hedged yes is asked again."""
    return (leading(language) | trailing(language) | _words(_APOLOGIES, language)) - _words(_HEDGES, language)


@cache
def negators(language: str) -> frozenset[Tokens]:
    """Return noes that, without a pause, can negate the next phrase: 不 in 不满意, "not" in "not fixed"."""
    noes = {words for words, (meaning, _) in answers(language).items() if not meaning}
    return frozenset(noes - _words(_STANDALONE_NO, language))


def phrases(listing: str, language: str) -> list[str]:
    """Split a table row into its phrases."""
    return listing.split() if language == CHINESE else listing.split("|")


def _words(table: dict[str, str], language: str) -> frozenset[Tokens]:
    return frozenset(tokens(phrase, language) for phrase in phrases(table[language], language))
