"""Carrier phrases around an answer: 我觉得…吧, "I'd say … please". Must not know: any question.

No entry inverts a meaning: 不, 没, "not" and question particles (吗) are excluded, so 不满意 stays 不满意.
"""

from __future__ import annotations

from functools import cache

from ivr.flow.spoken.text import CHINESE, ENGLISH, Tokens, join, strip, tokens

_LEADING = {
    CHINESE: """
        我 我们 我觉得 我认为 我感觉 我想 我选 我要 我说 觉得 感觉 应该 应该是 大概 大概是 可能 可能是 算 算是
        嗯 呃 额 哦 噢 啊 哎 唉 诶 哈 喂 那个 这个 那 那就 就 就是 是 都 也 已经 反正 其实 总体 总体来说 整体 差不多
        对我来说 说实话 老实说 这样 怎么说呢 他 他们 你们 师傅 服务 态度 服务态度
    """,
    ENGLISH: """
        i|i'm|i am|i was|i think|i'd say|i would say|i guess|i feel|i believe|i suppose|it's|it is|it was|that's|that is
        they were|he was|she was|well|um|uh|er|erm|hmm|oh|so|okay so|just|maybe|probably|actually|honestly|let's say|say
        let me think|let me see|to be honest|kind of|you know|like|overall
    """,
}
_TRAILING = {
    CHINESE: """
        吧 啊 呀 哟 嘛 呢 哦 噢 哈 啦 呗 喽 嘞 哎 呃 嗯 的 了 谢谢 谢谢你 谢谢您 谢谢你们 就这样 就这样吧 左右 的吧 了吧
    """,
    ENGLISH: """
        please|thanks|thank you|thank you very much|i think|i guess|i suppose|i'd say|i would say|maybe|really|overall
        sir|madam|then|that's all|that's it|um|uh
    """,
}


@cache
def leading(language: str) -> frozenset[Tokens]:
    """Return the carrier phrases before an answer."""
    return _table(_LEADING[language], language)


@cache
def trailing(language: str) -> frozenset[Tokens]:
    """Return the particles and courtesies after an answer."""
    return _table(_TRAILING[language], language)


def strip_carriers(text: str, language: str) -> str:
    """Return the bare answer, normalised for a grammar: 我觉得满意吧 becomes 满意. Empty only if the text is."""
    return join(strip(tokens(text, language), leading(language), trailing(language)), language)


def _table(listing: str, language: str) -> frozenset[Tokens]:
    entries = listing.split() if language == CHINESE else listing.replace("\n", "|").split("|")
    return frozenset(entry for phrase in entries if (entry := tokens(phrase, language)))
