"""Decoding of one answer's audio into hypotheses, scored against a background model of any sounds at all.

Must not know: threads, calls, what an answer means.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from recognizer.audio import is_tone
from recognizer.base import SAMPLE_RATE_HZ, Grammar, HeardWord, Hypothesis
from recognizer.confidence import confidence
from recognizer.grammar import expected_phrases
from recognizer.judging import Judge, Score, transcript
from recognizer.listener import Decoding
from recognizer.model import SpeechModel
from recognizer.passes import Passes
from recognizer.reading import ExpectedPhrases
from recognizer.results import alternatives, words

_MARGIN_MS: Final = 200


def decoding(model: SpeechModel, grammar: Grammar) -> Decoding:
    """Return the decoding for a grammar's kind."""
    return FreeDecoding(model, grammar) if grammar.kind == "free" else AnswerDecoding(model, grammar)


class AnswerDecoding:
    """Decoding of a closed answer or a sequence."""

    def __init__(self, model: SpeechModel, grammar: Grammar, score: Score = confidence) -> None:
        self._model = model
        self._judge = Judge(grammar, score)
        self._passes = Passes(lambda: (model.answers(grammar), model.anything()))

    def feed(self, pcm: bytes) -> None:
        """Decode the next audio."""
        self._passes.feed(pcm)

    def read(self) -> tuple[Hypothesis, ...]:
        """Return the candidate answers in the audio, most confident first."""
        answers, anything = (alternatives(results, self._model.phrase) for results in self._passes.results())
        if not answers or is_tone(bytes(self._passes.audio)):
            return ()
        return self._judge.hypotheses(answers, background=anything[0].score if anything else None)


class FreeDecoding:
    """Decoding of free speech: a transcript if the model has a vocabulary, else the cue words spotted and rescored."""

    def __init__(self, model: SpeechModel, grammar: Grammar) -> None:
        self._model = model
        self._grammar = grammar
        self._expected: ExpectedPhrases = expected_phrases(grammar.language, grammar.phrases)
        self._passes = Passes(lambda: (model.free(grammar),))

    def feed(self, pcm: bytes) -> None:
        """Decode the next audio."""
        self._passes.feed(pcm)

    def read(self) -> tuple[Hypothesis, ...]:
        """Return one hypothesis for the whole audio; its confidence is that of the least confident word."""
        (results,) = self._passes.results()
        heard = words(results, self._model.phrase)
        if not self._model.transcribes:
            heard = tuple(filter(None, map(self._rescored, self._expected.spotted(heard))))
        return transcript(heard, self._expected.separator)

    def _rescored(self, word: HeardWord) -> HeardWord | None:
        """Return the word with its confidence as a closed answer in isolation; None if it would be rejected."""
        start, end = (_bytes(place) for place in (max(0, word.start_ms - _MARGIN_MS), word.end_ms + _MARGIN_MS))
        answer = AnswerDecoding(self._model, replace(self._grammar, kind="closed"))
        answer.feed(bytes(self._passes.audio[start:end]))
        sure = next((heard.confidence for heard in answer.read() if heard.text == word.text), None)
        return None if sure is None else replace(word, confidence=sure)


def _bytes(place_ms: int) -> int:
    return place_ms * SAMPLE_RATE_HZ // 1000 * 2
