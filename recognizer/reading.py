"""Extraction of the answer from decoded words: fillers are dropped, anything else is rejected.

Must not know: decoders, audio, what an answer means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from recognizer.base import HeardWord


@dataclass(frozen=True, slots=True)
class ExpectedPhrases:
    """The phrases of a grammar, and the fillers that may precede and follow them.

    `separator` joins the words of a phrase: empty in Chinese, a space in English.
    """

    phrases: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    separator: str

    def closed(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """Return the one phrase in the words, as one word; empty if there is anything else.

        Surrounding fillers and repetitions of the answer (“对对对”) are dropped. The longest phrase wins.
        """
        texts = [word.text for word in words]
        for start, end in _spans(len(words)):
            phrase = self.separator.join(texts[start:end])
            if (
                phrase in self.phrases
                and self._composed_of(texts[:start], self.before)
                and self._composed_of(texts[end:], {*self.after, phrase})
            ):
                return (self._word(words[start:end]),)
        return ()

    def sequence(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """Return all phrases in order, without fillers; empty if there is anything else."""
        found = []
        place = 0
        while place < len(words):
            word, size = self._next(words[place:])
            if word:
                found.append(word)
            elif not size:
                return ()
            place += size
        return tuple(found)

    def spotted(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """Return all phrases in order, regardless of the words between them."""
        found = []
        place = 0
        while place < len(words):
            word, size = self._next(words[place:])
            if word:
                found.append(word)
            place += size or 1
        return tuple(found)

    def _next(self, words: Sequence[HeardWord]) -> tuple[HeardWord | None, int]:
        """Return the longest leading phrase and its word count, or None and the word count of a leading filler."""
        texts = [word.text for word in words]
        for end in range(len(words), 0, -1):
            if self.separator.join(texts[:end]) in self.phrases:
                return self._word(words[:end]), end
        fillers = self.before | self.after
        return None, next((end for end in range(len(words), 0, -1) if self.separator.join(texts[:end]) in fillers), 0)

    def _composed_of(self, texts: Sequence[str], parts: Collection[str]) -> bool:
        ends = range(1, len(texts) + 1)
        return not texts or any(
            self.separator.join(texts[:end]) in parts and self._composed_of(texts[end:], parts) for end in ends
        )

    def _word(self, words: Sequence[HeardWord]) -> HeardWord:
        return HeardWord(
            text=self.separator.join(word.text for word in words),
            start_ms=words[0].start_ms,
            end_ms=words[-1].end_ms,
            confidence=min(word.confidence for word in words),
        )


def _spans(count: int) -> Iterator[tuple[int, int]]:
    """Yield all spans of `count` words, longest first, then from the left."""
    for size in range(count, 0, -1):
        for start in range(count - size + 1):
            yield start, start + size
