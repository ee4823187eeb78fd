"""What a Vosk decoder gives → words and alternatives. Must not know: decoders, grammars, what an answer means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recognizer.base import HeardWord
from recognizer.confidence import Alternative

Results = list[dict[str, Any]]
"""What Vosk gave for the stretches of the audio between its own end points, in order."""
Phrase = Callable[[str], str]
"""A word of the decoder's graph in writing."""


def words(results: Results, phrase: Phrase = str) -> tuple[HeardWord, ...]:
    """The words of the only reading, with Vosk's own confidence."""
    return tuple(_word(word, phrase) for result in results for word in result.get("result", ()))


def alternatives(results: Results, phrase: Phrase = str) -> list[Alternative]:
    """The alternatives of the last stretch, each after the best of the stretches before."""
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
