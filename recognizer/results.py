"""Parser of Vosk results into words and alternatives. Must not know: decoders, grammars, what an answer means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recognizer.base import HeardWord
from recognizer.confidence import Alternative

Results = list[dict[str, Any]]
"""Vosk's results for the segments of the audio between its own endpoints, in order."""
Phrase = Callable[[str], str]
"""Maps a word of the decoder's graph to its written form."""


def words(results: Results, phrase: Phrase = str) -> tuple[HeardWord, ...]:
    """Return the words of the single hypothesis, with Vosk's own confidence."""
    return tuple(_word(word, phrase) for result in results for word in result.get("result", ()))


def alternatives(results: Results, phrase: Phrase = str) -> list[Alternative]:
    """Return the alternatives of the last segment, each prefixed with the best paths of the earlier segments."""
    *done, last = ([_alternative(entry, phrase) for entry in result.get("alternatives", ())] for result in results)
    bests = [readings[0] for readings in done if readings]
    before = tuple(word for best in bests for word in best.words)
    score = sum(best.score for best in bests)
    return [Alternative((*before, *entry.words), score + entry.score) for entry in last]


def _alternative(entry: dict[str, Any], phrase: Phrase) -> Alternative:
    return Alternative(tuple(_word(word, phrase) for word in entry.get("result", ())), float(entry["confidence"]))


def _word(word: dict[str, Any], phrase: Phrase) -> HeardWord:
    start_ms, end_ms = (round(word[side] * 1000) for side in ("start", "end"))
    return HeardWord(phrase(word["word"]), start_ms, end_ms, float(word.get("conf", 1.0)))
