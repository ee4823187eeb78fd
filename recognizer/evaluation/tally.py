"""Counts of trial results: accepted, confirmed or asked again, right or wrong. Must not know: tables, plots."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from recognizer.evaluation.hearing import HeardTrial

_Z: Final = 1.96
"""z value of a 95 % confidence interval."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts by decision. In a negative trial, any accepted or confirmed hypothesis is wrong."""

    accept_right: int = 0
    accept_wrong: int = 0
    confirm_right: int = 0
    confirm_wrong: int = 0
    again: int = 0

    @classmethod
    def of(cls, heard: Iterable[HeardTrial]) -> Tally:
        """Count the results."""
        counts = dict.fromkeys(cls.__slots__, 0)
        for one in heard:
            cell = "again" if one.band == "again" else f"{one.band}_{'right' if one.right else 'wrong'}"
            counts[cell] += 1
        return cls(**counts)

    @property
    def n(self) -> int:
        """The number of trials."""
        return self.taken + self.again

    @property
    def right(self) -> int:
        """Accepted or confirmed, and right."""
        return self.accept_right + self.confirm_right

    @property
    def taken(self) -> int:
        """Accepted or confirmed."""
        return self.right + self.accept_wrong + self.confirm_wrong


@dataclass(frozen=True, slots=True)
class TallyRow:
    """A row of a table; `holds` selects its trial results."""

    name: str
    holds: Callable[[HeardTrial], bool]


def _asked(question: str) -> Callable[[HeardTrial], bool]:
    return lambda one: one.question == question and one.answer


def _two(one: HeardTrial) -> bool:
    return one.length == 2 and one.answer and one.question != "digit string"


def _digit(one: HeardTrial) -> bool:
    return one.question == "score" and one.length == 1 and one.answer


DIGITS: Final = TallyRow("score digits", lambda one: _digit(one) and one.how != "cut out")
TWO_SYLLABLES: Final = TallyRow("two-syllable answers", _two)
_SHARED: Final = (TallyRow("yes/no", _asked("yes/no")), DIGITS)
_STRINGS: Final = TallyRow("digit strings", _asked("digit string"))
ANSWERS: Final[Mapping[str, Sequence[TallyRow]]] = {
    "zh-CN": (
        *_SHARED,
        TallyRow("score digits cut out of sentences", lambda one: _digit(one) and one.how == "cut out"),
        TallyRow("choice", _asked("choice")),
        TWO_SYLLABLES,
        TallyRow("… put together of syllables", lambda one: _two(one) and one.how == "put together"),
        TallyRow("… cut out of sentences", lambda one: _two(one) and one.how == "cut out"),
        TallyRow("one syllable among ten", lambda one: one.question == "one of ten" and one.length == 1),
        TallyRow("three syllables among ten", lambda one: one.question == "one of ten" and one.length == 3),
        _STRINGS,
    ),
    "en-US": (*_SHARED, TallyRow("words", _asked("words")), _STRINGS),
}
"""Rows of answers by language."""
NO_ANSWERS: Final = tuple(
    TallyRow(how, lambda one, how=how: one.how == how)  # type: ignore[misc]
    for how in ("other speech", "foreign syllables", "noise", "tones and music")
)
"""Rows of negative trials, which should be asked again."""


def interval(count: int, n: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share at 95 % confidence."""
    if not n:
        return 0.0, 1.0
    share, square = count / n, _Z**2
    middle = share + square / (2 * n)
    reach = _Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, (middle - reach) / (1 + square / n)), min(1.0, (middle + reach) / (1 + square / n))
