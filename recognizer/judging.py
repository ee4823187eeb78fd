"""Scoring of decoder alternatives: hypotheses with a confidence from their rivals and the background likelihood.

Must not know: decoders, audio, what an answer means (only which answers mean the same).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from recognizer.base import Grammar, HeardWord, Hypothesis
from recognizer.confidence import MAX_MARGIN, Alternative, Evidence, confidence
from recognizer.grammar import expected_phrases
from recognizer.lexicon import Pronunciation
from recognizer.pronounce import pronunciations, syllables

MIN_CONFIDENCE: Final = 0.05
"""Hypotheses below this are dropped."""

Score = Callable[[Evidence], float]
"""Computes the confidence of a hypothesis, 0 to 1."""


class Judge:
    """Scorer of the answers to one question, closed or a sequence."""

    def __init__(self, grammar: Grammar, score: Score = confidence) -> None:
        self._score = score
        self._language = grammar.language
        self._expected = expected_phrases(grammar.language, grammar.phrases)
        self._group = {phrase: number for number, group in enumerate(grammar.same) for phrase in group}
        self._find = self._expected.closed if grammar.kind == "closed" else self._expected.sequence

    def hypotheses(self, alternatives: Sequence[Alternative], background: float | None) -> tuple[Hypothesis, ...]:
        """Return the answers among the alternatives, most confident first.

        `background` is the log likelihood of the audio as any sounds at all; None if unknown.
        """
        best: dict[str, Hypothesis] = {}
        for alternative in alternatives:
            found = self._find(alternative.words)
            text = self._expected.separator.join(word.text for word in found)
            if found and text not in best:
                ratio = None if background is None else (alternative.score - background) / len(found)
                score, rival = max(self._rivals(alternative, text, alternatives), default=(-float("inf"), ""))
                margin = min(alternative.score - score, MAX_MARGIN)
                length = sum(syllables(self._language, word.text) for word in found)
                spoken_ms = sum(word.end_ms - word.start_ms for word in found)
                sure = self._score(Evidence(self._language, text, rival, ratio, margin, length, spoken_ms))
                best[text] = Hypothesis(text, sure, tuple(replace(word, confidence=sure) for word in found))
        worth = (hypothesis for hypothesis in best.values() if hypothesis.confidence >= MIN_CONFIDENCE)
        return tuple(sorted(worth, key=lambda hypothesis: -hypothesis.confidence))

    def _rivals(self, one: Alternative, text: str, alternatives: Sequence[Alternative]) -> Iterator[tuple[float, str]]:
        """Yield score and text of each alternative with another meaning and another sound."""
        sound = self._sound(one.words)
        for other in alternatives:
            says = self._expected.separator.join(word.text for word in self._find(other.words))
            if not self._same(says, text) and self._sound(other.words) != sound:
                yield other.score, says

    def _same(self, one: str, other: str) -> bool:
        group = self._group.get(one)
        return one == other or (group is not None and group == self._group.get(other))

    def _sound(self, words: Sequence[HeardWord]) -> Pronunciation:
        return tuple(itertools.chain.from_iterable(pronunciations(self._language, word.text)[0] for word in words))


def transcript(words: Sequence[HeardWord], separator: str) -> tuple[Hypothesis, ...]:
    """Return one hypothesis for the whole audio; its confidence is that of the least confident word."""
    if not words:
        return ()
    return (
        Hypothesis(separator.join(word.text for word in words), min(word.confidence for word in words), tuple(words)),
    )
