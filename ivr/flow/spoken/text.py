"""Normalisation of text written by a recogniser or a person. Must not know: the meaning of words.

A text becomes tokens: characters in Chinese (a run of Latin letters or digits is one token), words in English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import TypeVar

CHINESE = "zh-CN"
ENGLISH = "en-US"
LANGUAGES = (CHINESE, ENGLISH)

Tokens = tuple[str, ...]
T = TypeVar("T")

_TOKEN = {
    CHINESE: re.compile(r"[0-9]+(?:[.:][0-9]+)?|[a-z]+|[^\W_]"),
    ENGLISH: re.compile(r"[0-9]+(?:[.:][0-9]+)?|[^\W\d_]+(?:'[^\W\d_]+)*"),
}
_CLAUSE = re.compile(r"[,;!?。、]+|\.(?![0-9])")


def tokens(text: str, language: str) -> Tokens:
    """Return the text's tokens in lower case, without full-width forms, spaces and punctuation.

    Raises:
        KeyError: the language is not one of LANGUAGES.
    """
    return tuple(_TOKEN[language].findall(_plain(text)))


def clauses(text: str, language: str) -> list[Tokens]:
    """Return the tokens of each part between punctuation marks; recognised text has none and is a single part."""
    parts = (tuple(_TOKEN[language].findall(part)) for part in _CLAUSE.split(_plain(text)))
    return [part for part in parts if part]


def join(words: Tokens, language: str) -> str:
    """Join tokens as grammars write them: no spaces in Chinese, single spaces in English."""
    return ("" if language == CHINESE else " ").join(words)


def normalise(text: str, language: str) -> str:
    """Return the text as a grammar writes it."""
    return join(tokens(text, language), language)


def strip(words: Tokens, leading: Collection[Tokens], trailing: Collection[Tokens]) -> Tokens:
    """Strip `leading` entries from the start and `trailing` entries from the end, longest first; keep one token."""
    start, end = 0, len(words)
    while length := _longest(words, start, end - start - 1, leading):
        start += length
    while length := next(
        (n for n in range(min(_span(trailing), end - start - 1), 0, -1) if words[end - n : end] in trailing), 0
    ):
        end -= length
    return words[start:end]


def segment(words: Tokens, vocabulary: Mapping[Tokens, T]) -> list[tuple[Tokens, T]] | None:
    """Segment the words into vocabulary entries, longest first from the left; None if that is impossible."""
    count = len(words)
    span = _span(vocabulary)
    lengths: list[int | None] = [None] * count + [0]
    for start in range(count - 1, -1, -1):
        for length in range(min(span, count - start), 0, -1):
            if lengths[start + length] is not None and words[start : start + length] in vocabulary:
                lengths[start] = length
                break
    pieces: list[tuple[Tokens, T]] = []
    at = 0
    while at < count:
        length = lengths[at] or 0
        if not length:
            return None
        piece = words[at : at + length]
        pieces.append((piece, vocabulary[piece]))
        at += length
    return pieces


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("oclock", "o'clock")
    return "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text)


def _longest(words: Tokens, start: int, room: int, vocabulary: Collection[Tokens]) -> int:
    longest = min(_span(vocabulary), room)
    return next((n for n in range(longest, 0, -1) if words[start : start + n] in vocabulary), 0)


def _span(vocabulary: Collection[Tokens]) -> int:
    return max(map(len, vocabulary), default=0)
