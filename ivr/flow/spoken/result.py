"""Results of parsing an answer. Must not know: questions, prompts, the next question."""

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
    """Understood but not allowed: a score off the scale, a time in the past, an impossible telephone number."""

    value: T


@dataclass(frozen=True, slots=True)
class ParsedFraction:
    """A score between two whole scores, of which the caller has to choose one; `text` is the wording."""

    text: str


@dataclass(frozen=True, slots=True)
class ParsedIncomplete:
    """The beginning of a number; the caller may continue. `digits` are those said so far."""

    digits: str


@dataclass(frozen=True, slots=True)
class ParsedNothing:
    """No answer, or more than one."""


Parsed = ParsedValue[T] | ParsedOutOfRange[T] | ParsedFraction | ParsedIncomplete | ParsedNothing
"""A closed union; every parser documents the members that it returns."""
