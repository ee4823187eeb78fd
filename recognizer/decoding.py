"""One answer's audio → hypotheses, by comparing what the grammar allows with any sounds at all.

Must not know: threads, calls, what an answer means.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from recognizer.audio import is_tone
from recognizer.base import SAMPLE_RATE_HZ, Grammar, Hypothesis, Word
from recognizer.confidence import MARGIN_MOST, Alternative, Evidence, confidence
from recognizer.grammar import chinese, expected
from recognizer.lexicon import pronunciations
from recognizer.listener import Decoding
from recognizer.model import Model
from recognizer.passes import Passes, Results
from recognizer.reading import Expected

LEAST_CONFIDENCE: Final = 0.05
"""Readings below this are not worth mentioning."""
_AROUND_MS: Final = 200


def decoding(model: Model, grammar: Grammar) -> Decoding:
    """The decoding that fits a grammar's kind."""
    return FreeDecoding(model, grammar) if grammar.kind == "free" else AnswerDecoding(model, grammar)


class AnswerDecoding:
    """Of a closed answer or a sequence; `judge` says how sure each reading is."""

    def __init__(self, model: Model, grammar: Grammar, judge: Callable[[Evidence], float] = confidence) -> None:
        self._judge = judge
        self._language = grammar.language
        self._expected = expected(grammar.language, grammar.phrases)
        self._find = self._expected.closed if grammar.kind == "closed" else self._expected.sequence
        self._passes = Passes(lambda: (model.answers(grammar), model.anything()))

    def feed(self, pcm: bytes) -> None:
        """Decode the next audio."""
        self._passes.feed(pcm)

    def read(self) -> tuple[Hypothesis, ...]:
        """The answers that the audio may hold, surest first."""
        answers, anything = map(_alternatives, self._passes.results())
        if not answers or is_tone(bytes(self._passes.audio)):
            return ()
        background = anything[0].score if anything else answers[0].score
        best: dict[str, Hypothesis] = {}
        for alternative in answers:
            found = self._find(alternative.words)
            text = self._expected.joint.join(word.text for word in found)
            if found and text not in best:
                ratio = (alternative.score - background) / len(found)
                score, rival = max(self._rivals(alternative, text, answers), default=(-float("inf"), ""))
                margin = min(alternative.score - score, MARGIN_MOST)
                syllables = sum(_syllables(self._language, word.text) for word in found)
                spoken_ms = sum(word.end_ms - word.start_ms for word in found)
                sure = self._judge(Evidence(text, rival, ratio, margin, syllables, spoken_ms))
                best[text] = Hypothesis(text, sure, tuple(replace(word, confidence=sure) for word in found))
        worth = (hypothesis for hypothesis in best.values() if hypothesis.confidence >= LEAST_CONFIDENCE)
        return tuple(sorted(worth, key=lambda hypothesis: -hypothesis.confidence))

    def _rivals(self, one: Alternative, text: str, alternatives: Sequence[Alternative]) -> Iterator[tuple[float, str]]:
        """The alternatives that say something else and sound different: their scores and texts."""
        sound = _sound(self._language, one.words)
        for other in alternatives:
            says = self._expected.joint.join(word.text for word in self._find(other.words))
            if says != text and _sound(self._language, other.words) != sound:
                yield other.score, says


class FreeDecoding:
    """Of free speech: everything where the model has words for it, else the cue words found and looked at again."""

    def __init__(self, model: Model, grammar: Grammar) -> None:
        self._model = model
        self._grammar = grammar
        self._expected: Expected = expected(grammar.language, grammar.phrases)
        self._passes = Passes(lambda: (model.free(grammar),))

    def feed(self, pcm: bytes) -> None:
        """Decode the next audio."""
        self._passes.feed(pcm)

    def read(self) -> tuple[Hypothesis, ...]:
        """One reading of all that was said; confidence is that of the least sure word."""
        (results,) = self._passes.results()
        words = tuple(_word(word) for result in results for word in result.get("result", ()))
        if not self._model.transcribes:
            words = tuple(filter(None, map(self._looked_at_again, self._expected.spotted(words))))
        if not words:
            return ()
        text = self._expected.joint.join(word.text for word in words)
        return (Hypothesis(text, min(word.confidence for word in words), words),)

    def _looked_at_again(self, word: Word) -> Word | None:
        """The word with the confidence that it would have as an answer of its own; None when it would be none."""
        start, end = (_bytes(place) for place in (max(0, word.start_ms - _AROUND_MS), word.end_ms + _AROUND_MS))
        answer = AnswerDecoding(self._model, replace(self._grammar, kind="closed"))
        answer.feed(bytes(self._passes.audio[start:end]))
        sure = next((heard.confidence for heard in answer.read() if heard.text == word.text), None)
        return None if sure is None else replace(word, confidence=sure)


def _alternatives(results: Results) -> list[Alternative]:
    """The alternatives of the last stretch, each after the best of the stretches before."""
    *done, last = ([_alternative(entry) for entry in result.get("alternatives", ())] for result in results)
    bests = [alternatives[0] for alternatives in done if alternatives]
    before = tuple(word for best in bests for word in best.words)
    score = sum(best.score for best in bests)
    return [Alternative((*before, *entry.words), score + entry.score) for entry in last]


def _alternative(entry: dict[str, Any]) -> Alternative:
    return Alternative(tuple(map(_word, entry.get("result", ()))), float(entry["confidence"]))


def _word(word: dict[str, Any]) -> Word:
    return Word(word["word"], round(word["start"] * 1000), round(word["end"] * 1000), float(word.get("conf", 1.0)))


def _sound(language: str, words: Sequence[Word]) -> tuple[str, ...]:
    if not chinese(language):
        return tuple(word.text for word in words)
    return tuple(itertools.chain.from_iterable(pronunciations(word.text)[0] for word in words))


def _syllables(language: str, text: str) -> int:
    """Characters in Chinese; in other languages at least one a word."""
    return len(text) if chinese(language) else len(text.split())


def _bytes(place_ms: int) -> int:
    return place_ms * SAMPLE_RATE_HZ // 1000 * 2
