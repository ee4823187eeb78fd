"""The recogniser's port: a grammar and 8 kHz audio in, hypotheses out.

Must not know: calls, flows, questions, networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

SAMPLE_RATE_HZ = 8000
FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE_HZ * FRAME_MS // 1000 * 2
"""Bytes in one frame: 20 ms of signed 16-bit little-endian mono samples at 8 kHz."""

GrammarKind = Literal["closed", "sequence", "free"]


@dataclass(frozen=True, slots=True)
class Grammar:
    """What may be said to one question.

    `closed`: the answer is exactly one of `phrases`. `sequence`: the answer is one or more of `phrases` in any order
    (digits, a date and a time). `free`: anything at all; `phrases` are cue words worth spotting and may be empty.
    Phrases are plain text without spaces in Chinese, lower case with spaces in English. `same` holds groups of phrases
    that answer the same (“yes”, “yes please”): which of them was said need not be certain.
    """

    language: str
    kind: GrammarKind
    phrases: tuple[str, ...]
    same: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One recognised phrase of the grammar, with its place in the audio fed so far (ms) and its confidence (0 to 1)."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of the audio. `text` joins the words (no spaces in Chinese); `confidence` is 0 to 1."""

    text: str
    confidence: float
    words: tuple[HeardWord, ...] = ()


class Listener(Protocol):
    """Listens to one answer. Not safe for concurrent use; `close` may be called more than once."""

    def feed(self, pcm: bytes) -> None:
        """Take the next audio: 16-bit little-endian mono at 8 kHz, any whole number of samples. Never blocks."""

    async def hypotheses(self) -> Sequence[Hypothesis]:
        """Decode all audio fed so far, best reading first; empty when it holds no phrase of the grammar.

        Listening may go on afterwards: more audio may be fed and a later call covers everything since the start.
        """

    def close(self) -> None:
        """Give the decoder back; nothing may be fed afterwards."""


class Recognizer(Protocol):
    """Hears one or more languages. Safe for concurrent use; one per process."""

    @property
    def languages(self) -> frozenset[str]:
        """The languages heard, as BCP 47 tags (`zh-CN`)."""

    def listen(self, grammar: Grammar) -> Listener:
        """Start listening with a grammar.

        Raises:
            UnheardPhrase: a phrase of the grammar has no word in the model.
            UnheardLanguage: no model is installed for the grammar's language.
        """

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """The phrases that this recogniser cannot hear, each with the reason and, where there is one, a suggestion."""

    def close(self) -> None:
        """Let go of models and threads."""


class UnheardPhrase(ValueError):
    """A grammar holds a phrase that the model has no words for."""


class UnheardLanguage(ValueError):
    """No model is installed for a grammar's language."""
