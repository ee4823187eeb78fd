"""Parser for a choice among a question's own phrases. Must not know: yes and no."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from ivr.flow.spoken.carriers import leading, trailing
from ivr.flow.spoken.result import Parsed, ParsedNothing, ParsedValue
from ivr.flow.spoken.text import Tokens, segment, strip, tokens

T = TypeVar("T")


def parse_choice(text: str, language: str, phrases: Mapping[T, Collection[str]]) -> Parsed[T]:
    """Return the value whose phrase was said: ParsedValue or ParsedNothing. `phrases` maps values to their phrases.

    Carriers and particles around and between phrases are ignored (我觉得满意吧), the longest phrase wins (很不满意
    before 满意), and every word has to belong to a phrase or a carrier: 不满意 is never 满意. A value said twice is
    that value; phrases of two values, or a phrase that two values share, give ParsedNothing.
    """
    spoken = tokens(text, language)
    vocabulary: dict[Tokens, set[T]] = {words: set() for words in leading(language) | trailing(language)}
    meanings: dict[Tokens, set[T]] = {}
    for value, several in phrases.items():
        for phrase in several:
            meanings.setdefault(tokens(phrase, language), set()).add(value)
    vocabulary |= meanings
    for candidate in (spoken, strip(spoken, leading(language), trailing(language))):
        if candidate in meanings:
            return _single([meanings[candidate]])
    pieces = segment(spoken, vocabulary)
    return _single([values for _, values in pieces if values]) if pieces else ParsedNothing()


def _single(said: list[set[T]]) -> Parsed[T]:
    values = set().union(*said) if said else set()
    return ParsedValue(values.pop()) if len(values) == 1 else ParsedNothing()
