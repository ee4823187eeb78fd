"""Decoded words → the answer in them: fillers dropped, everything that is no answer refused.

Must not know: decoders, audio, what an answer means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from recognizer.base import HeardWord


@dataclass(frozen=True, slots=True)
class ExpectedPhrases:
    """What a grammar expects: its phrases, and the fillers that may stand before and after them.

    `joint` stands between the words of a phrase: nothing in Chinese, a space in English.
    """

    phrases: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    joint: str

    def closed(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """The one phrase that the words are, as one word; empty when they are anything else.

        Fillers around it are dropped, and so is the same answer said again (“对对对”). Of several readings the one with
        the longest phrase counts.
        """
        texts = [word.text for word in words]
        for start, end in _spans(len(words)):
            phrase = self.joint.join(texts[start:end])
            if (
                phrase in self.phrases
                and self._made_of(texts[:start], self.before)
                and self._made_of(texts[end:], {*self.after, phrase})
            ):
                return (self._word(words[start:end]),)
        return ()

    def sequence(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        """All phrases in order with the fillers dropped; empty when anything else was said among them."""
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
        """The phrases found anywhere, in order, whatever stands between them."""
        found = []
        place = 0
        while place < len(words):
            word, size = self._next(words[place:])
            if word:
                found.append(word)
            place += size or 1
        return tuple(found)

    def _next(self, words: Sequence[HeardWord]) -> tuple[HeardWord | None, int]:
        """The longest phrase at the beginning, else how many words of filler stand there."""
        texts = [word.text for word in words]
        for end in range(len(words), 0, -1):
            if self.joint.join(texts[:end]) in self.phrases:
                return self._word(words[:end]), end
        fillers = self.before | self.after
        return None, next((end for end in range(len(words), 0, -1) if self.joint.join(texts[:end]) in fillers), 0)

    def _made_of(self, texts: Sequence[str], parts: Collection[str]) -> bool:
        ends = range(1, len(texts) + 1)
        return not texts or any(
            self.joint.join(texts[:end]) in parts and self._made_of(texts[end:], parts) for end in ends
        )

    def _word(self, words: Sequence[HeardWord]) -> HeardWord:
        return HeardWord(
            text=self.joint.join(word.text for word in words),
            start_ms=words[0].start_ms,
            end_ms=words[-1].end_ms,
            confidence=min(word.confidence for word in words),
        )


def _spans(count: int) -> Iterator[tuple[int, int]]:
    """All stretches of `count` words, the longest first, then from the left."""
    for size in range(count, 0, -1):
        for start in range(count - size + 1):
            yield start, start + size
