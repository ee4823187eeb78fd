"""What came out of reading an answer. Must not know: questions, prompts, what is asked next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ParsedValue(Generic[T]):
    """The answer was understood."""

    value: T


@dataclass(frozen=True, slots=True)
class ParsedOutOfRange(Generic[T]):
    """Understood, but not allowed: a score beyond the scale, a time past, a telephone number nobody can have."""

    value: T


@dataclass(frozen=True, slots=True)
class ParsedFraction:
    """A score between two whole ones; `text` is what was said. The caller has to choose one of them."""

    text: str


@dataclass(frozen=True, slots=True)
class ParsedIncomplete:
    """The beginning of a number; the caller may go on. `digits` are those said so far."""

    digits: str


@dataclass(frozen=True, slots=True)
class ParsedNothing:
    """No answer, or more than one."""


Parsed = ParsedValue[T] | ParsedOutOfRange[T] | ParsedFraction | ParsedIncomplete | ParsedNothing
"""A closed union; every reader says which of these it gives."""
