"""The questions of an evaluation: accepted answers and their meanings. Must not know: audio, models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from recognizer.base import Grammar, GrammarKind


@dataclass(frozen=True)
class EvaluationQuestion:
    """A question. `meanings` maps each meaning to its phrases; in a `sequence` each phrase is its own meaning."""

    name: str
    language: str
    kind: GrammarKind
    meanings: Mapping[str, tuple[str, ...]]

    @cached_property
    def grammar(self) -> Grammar:
        """The grammar passed to the recogniser."""
        groups = tuple(self.meanings.values())
        return Grammar(self.language, self.kind, tuple(phrase for group in groups for phrase in group), groups)

    def meaning(self, text: str) -> str:
        """Return the meaning of a hypothesis; of a sequence, its text."""
        return next((name for name, phrases in self.meanings.items() if text in phrases), text)


def one_of(name: str, language: str, phrases: Iterable[str]) -> EvaluationQuestion:
    """Return a closed question whose answers all have different meanings."""
    return EvaluationQuestion(name, language, "closed", {phrase: (phrase,) for phrase in phrases})


_NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

ZH_YES_NO: Final = EvaluationQuestion(
    "yes/no",
    "zh-CN",
    "closed",
    {
        "yes": ("是", "是的", "对", "对的", "好的", "可以", "有"),
        "no": ("不是", "不对", "不", "没有", "不可以"),
    },
)
ZH_CHOICE: Final = EvaluationQuestion(
    "choice",
    "zh-CN",
    "closed",
    {
        "satisfied": ("满意", "很满意", "非常满意"),
        "neutral": ("一般", "还可以"),
        "dissatisfied": ("不满意", "很不满意", "非常不满意"),
    },
)
ZH_SCORE: Final = EvaluationQuestion(
    "score", "zh-CN", "closed", {digit: (digit, f"{digit}分") for digit in "一二三四五六七八九十"}
)
ZH_DIGITS: Final = EvaluationQuestion(
    "digit string", "zh-CN", "sequence", {digit: (digit,) for digit in "零一二三四五六七八九幺"}
)
EN_YES_NO: Final = EvaluationQuestion(
    "yes/no",
    "en-US",
    "closed",
    {
        "yes": ("yes", "yes please", "yeah", "right", "that is right", "correct", "sure", "okay"),
        "no": ("no", "no thanks", "nope", "not at all", "wrong", "not yet"),
    },
)
EN_SCORE: Final = one_of("score", "en-US", _NUMBERS)
EN_DIGITS: Final = EvaluationQuestion(
    "digit string", "en-US", "sequence", {word: (word,) for word in ("zero", "oh", *_NUMBERS[:9])}
)
EN_WORDS: Final = one_of("words", "en-US", ("up", "down", "left", "right", "on", "off", "stop", "go", "happy", "bird"))

CLOSED: Final[Mapping[str, tuple[EvaluationQuestion, ...]]] = {
    "zh-CN": (ZH_YES_NO, ZH_CHOICE, ZH_SCORE),
    "en-US": (EN_YES_NO, EN_SCORE, EN_WORDS),
}
"""Closed questions by language, for negative trials."""
