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
    """The answers accepted to one question.

    `closed`: the answer is exactly one of `phrases`. `sequence`: the answer is one or more of `phrases` in any order
    (digits, a date and a time). `free`: any speech; `phrases` are cue words to spot and may be empty.
    Phrases are plain text without spaces in Chinese, lower case with spaces in English. `same` holds groups of phrases
    with the same meaning (“yes”, “yes please”), which need not be told apart.
    """

    language: str
    kind: GrammarKind
    phrases: tuple[str, ...]
    same: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One recognised phrase of the grammar, with its position in the audio fed so far (ms) and confidence (0 to 1)."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One interpretation of the audio. `text` joins the words (no spaces in Chinese); `confidence` is 0 to 1."""

    text: str
    confidence: float
    words: tuple[HeardWord, ...] = ()


class Listener(Protocol):
    """A recognition of one answer. Not safe for concurrent use; `close` is idempotent."""

    def feed(self, pcm: bytes) -> None:
        """Accept the next audio: 16-bit little-endian mono at 8 kHz, any whole number of samples. Never block."""

    async def hypotheses(self) -> Sequence[Hypothesis]:
        """Decode all audio fed so far and return hypotheses, best first; empty if it contains no phrase of the grammar.

        More audio may be fed afterwards; a later call covers everything since the start.
        """

    def close(self) -> None:
        """Release the decoder; no audio may be fed afterwards."""


class Recognizer(Protocol):
    """A recogniser of one or more languages. Safe for concurrent use; one per process."""

    @property
    def languages(self) -> frozenset[str]:
        """The supported languages, as BCP 47 tags (`zh-CN`)."""

    def listen(self, grammar: Grammar) -> Listener:
        """Start a recognition with a grammar.

        Raises:
            UnheardPhrase: a phrase of the grammar is out of the model's vocabulary.
            UnheardLanguage: no model is installed for the grammar's language.
        """

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases that cannot be recognised, each with the reason and, if there is one, a suggestion."""

    def close(self) -> None:
        """Release models and threads."""


class UnheardPhrase(ValueError):
    """A grammar contains a phrase that is out of the model's vocabulary."""


class UnheardLanguage(ValueError):
    """No model is installed for a grammar's language."""
