"""Accuracy and cost goals of a model, checked on the test half over an ordinary call.

Must not know: how figures are presented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from recognizer.evaluation.conditions import PLAIN
from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.measuring import Cost
from recognizer.evaluation.tally import DIGITS, NO_ANSWERS, TWO_SYLLABLES, Tally, TallyRow, interval


@dataclass(frozen=True, slots=True)
class GoalResult:
    """A figure and its goal. `range_` is the confidence interval of a share; `n` counts the trials (0: not a share)."""

    name: str
    goal: str
    value: float
    range_: tuple[float, float]
    n: int
    reached: bool
    unit: str = "%"


@dataclass(frozen=True, slots=True)
class _Share:
    name: str
    row: TallyRow
    part: Callable[[Tally], tuple[int, int]]
    least: float | None = None
    most: float | None = None


def _taken(tally: Tally) -> tuple[int, int]:
    return tally.right, tally.taken


def _right(tally: Tally) -> tuple[int, int]:
    return tally.right, tally.n


def _wrong(tally: Tally) -> tuple[int, int]:
    return tally.accept_wrong, tally.n


_SPEECH, _, _NOISE, _TONES = NO_ANSWERS
_SHARES: Final = (
    _Share("two-syllable answers right among accepted and confirmed", TWO_SYLLABLES, _taken, least=0.95),
    _Share("two-syllable answers accepted wrongly", TWO_SYLLABLES, _wrong, most=0.015),
    _Share("score digits right, accepted or confirmed", DIGITS, _right, least=0.88),
    _Share("score digits accepted wrongly", DIGITS, _wrong, most=0.03),
    _Share("other speech accepted", _SPEECH, _wrong, most=0.03),
    _Share("noise accepted", _NOISE, _wrong, most=0.005),
    _Share("tones and music accepted (synthetic)", _TONES, _wrong, most=0.005),
)
_MOST_RTF: Final = 0.02
_MOST_LOAD_S: Final = 0.1
_MOST_MEMORY_MB: Final = 15.0


def goal_results(heard: Sequence[HeardTrial], cost: Cost) -> list[GoalResult]:
    """Return the results for all goals that the trial results cover."""
    plain = [one for one in heard if one.half == "test" and one.condition == PLAIN]
    made = []
    for share in _SHARES:
        ours = [one for one in plain if share.row.holds(one) and (one.synthetic == (share.row is _TONES))]
        count, n = share.part(Tally.of(ours))
        if n:
            made.append(_goal_result(share, count, n))
    answers = [one for one in plain if one.answer and not one.synthetic]
    if answers:
        rtf = sum(one.spent_s for one in answers) / sum(one.audio_s for one in answers)
        made.append(
            GoalResult("processor time for a second of audio", "≤ 0.02 s", rtf, (0, 0), 0, rtf <= _MOST_RTF, "s")
        )
    load, memory = cost.load_s, cost.memory_mb
    made.append(GoalResult("time to load", "≤ 100 ms", 1000 * load, (0, 0), 0, load <= _MOST_LOAD_S, "ms"))
    made.append(GoalResult("memory of the model", "≤ 15 MB", memory, (0, 0), 0, memory <= _MOST_MEMORY_MB, "MB"))
    return made


def response_ms(heard: Sequence[HeardTrial]) -> tuple[float, float]:
    """Return the median and 95th percentile of the processor time from the end of the audio to the final result."""
    times = [1000 * one.answered_s for one in heard if one.answer]
    if not times:
        return 0.0, 0.0
    middle, most = np.percentile(times, [50, 95])
    return float(middle), float(most)


def _goal_result(share: _Share, count: int, n: int) -> GoalResult:
    value = count / n
    goal = f"≥ {100 * share.least:g} %" if share.least is not None else f"≤ {100 * (share.most or 0):g} %"
    reached = value >= share.least if share.least is not None else value <= (share.most or 0)
    low, high = interval(count, n)
    return GoalResult(share.name, goal, 100 * value, (100 * low, 100 * high), n, reached)
