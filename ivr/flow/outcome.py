"""Outcomes of interpreting an answer. Must not know: how it was given, how it is handled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ivr.events import Value


@dataclass(frozen=True, slots=True)
class Understood:
    """A value; `sure` means it can be accepted without a read-back."""

    value: Value
    heard: str
    confidence: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A universal command: repeat, wait, agent or refuse."""

    name: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The caller confirmed the read-back."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The caller rejected the read-back."""


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """A number outside the scale, or a time in the past or too far ahead."""


@dataclass(frozen=True, slots=True)
class NotWhole:
    """A number between two whole scores."""


@dataclass(frozen=True, slots=True)
class OutsideHours:
    """A time outside calling hours."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An incomplete answer, such as the first digits of a phone number."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """No-match: not an answer to this question."""


AnswerOutcome = (
    Understood | Command | Confirmed | Denied | OutOfRange | NotWhole | OutsideHours | Unfinished | NotUnderstood
)
Completeness = Literal["complete", "prefix", "nothing"]
