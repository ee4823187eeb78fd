"""What an answer may turn out to be. Must not know: how it was given, what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ivr.events import Value


@dataclass(frozen=True, slots=True)
class Understood:
    """A value; `sure` tells whether it may be kept without reading it back."""

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
    """Yes, that is what I said."""


@dataclass(frozen=True, slots=True)
class Denied:
    """No, that is not what I said."""


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """A number, but not one of the scale; a time, but past or too far ahead."""


@dataclass(frozen=True, slots=True)
class NotWhole:
    """A number between two of the scale."""


@dataclass(frozen=True, slots=True)
class OutsideHours:
    """A time at which nobody is called."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The beginning of an answer."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """No answer to this question."""


AnswerOutcome = (
    Understood | Command | Confirmed | Denied | OutOfRange | NotWhole | OutsideHours | Unfinished | NotUnderstood
)
Completeness = Literal["complete", "prefix", "nothing"]
