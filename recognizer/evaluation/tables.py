"""Figures as Markdown tables. Real recordings and synthetic sounds never share a table. Must not know: plots, HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from recognizer.evaluation.conditions import CONDITIONS, PLAIN
from recognizer.evaluation.goals import GoalResult, goal_results, response_ms
from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.measuring import Cost
from recognizer.evaluation.tally import ANSWERS, NO_ANSWERS, Tally, TallyRow, interval

_MIN_ANSWERS: Final = 8
"""Minimum number of answers for a speaker to have a row of their own."""
HEAD: Final = ("n", "right", "wrong", "confirmed: right", "wrong", "asked again")
"""Per cent of the trials: accepted right and wrong, confirmed right and wrong, asked again."""


@dataclass(frozen=True)
class Measured:
    """A model's figures: all trial results and its cost."""

    name: str
    language: str
    heard: Sequence[HeardTrial]
    cost: Cost

    def part(self, *, synthetic: bool, condition: str | None = PLAIN) -> list[HeardTrial]:
        """Return the results of the test half from real or synthetic sources, under one condition or all (None)."""
        return [
            one
            for one in self.heard
            if one.half == "test" and one.synthetic == synthetic and condition in {None, one.condition}
        ]

    def rows(self) -> Sequence[TallyRow]:
        """Return the rows of answers in the model's language."""
        return ANSWERS[self.language]


Cells = Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table with a title; the first column is text, the others are figures."""

    title: str
    head: Cells
    rows: Sequence[Cells]

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"**{self.title}**", "", f"| {' | '.join(self.head)} |", f"|---|{'--:|' * (len(self.head) - 1)}"]
        return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in self.rows)])


def tables(one: Measured) -> list[Table]:
    """Return all tables of a model, goals first."""
    made = [_goals(goal_results(one.heard, one.cost))]
    for synthetic in (False, True):
        source = "synthetic voices" if synthetic else "real speakers"
        plain = one.part(synthetic=synthetic)
        made.append(_answers(f"Answers of {source}, {PLAIN}", plain, one.rows()))
        made.append(_by_condition(f"Right (accepted wrongly) by condition, {source}", one, synthetic=synthetic))
        made.append(_no_answers("synthetic sounds" if synthetic else "real sounds", plain))
    made.append(_speakers(one.part(synthetic=False)))
    made.append(_costs(one))
    return [table for table in made if table.rows]


def _goals(all_: Iterable[GoalResult]) -> Table:
    rows = []
    for one in all_:
        value = f"{one.value:.1f} %" if one.n else f"{one.value:.3g} {one.unit}"
        probably = f"{one.range_[0]:.1f} to {one.range_[1]:.1f} %" if one.n else ""
        rows.append((one.name, one.goal, value, "yes" if one.reached else "**no**", probably, str(one.n or "")))
    return Table("Goals", ("what", "goal", "measured", "reached", "probably", "n"), rows)


def _answers(title: str, heard: Sequence[HeardTrial], rows: Sequence[TallyRow]) -> Table:
    made = []
    for row in rows:
        tally = Tally.of(one for one in heard if row.holds(one))
        if tally.n:
            low, high = interval(tally.right, tally.n)
            made.append((row.name, *_cells(tally), f"{100 * low:.0f} to {100 * high:.0f}"))
    return Table(title, ("what", *HEAD, "right or confirmed right, probably"), made)


def _by_condition(title: str, one: Measured, *, synthetic: bool) -> Table:
    heard = one.part(synthetic=synthetic, condition=None)
    made = []
    for row in one.rows():
        tallies = [Tally.of(h for h in heard if row.holds(h) and h.condition == name) for name in CONDITIONS]
        if any(tally.n for tally in tallies):
            made.append((row.name, *(f"{_share(t.right, t.n)} ({_share(t.accept_wrong, t.n)})" for t in tallies)))
    return Table(title, ("what", *CONDITIONS), made)


def _no_answers(source: str, heard: Sequence[HeardTrial]) -> Table:
    made = []
    for row in NO_ANSWERS:
        for question in dict.fromkeys(one.question for one in heard):
            tally = Tally.of(one for one in heard if row.holds(one) and one.question == question)
            if tally.n:
                cells = (tally.accept_wrong, tally.confirm_wrong, tally.again)
                made.append((f"{row.name}, {question}", str(tally.n), *(_share(cell, tally.n) for cell in cells)))
    return Table(f"No answers: {source}", ("what", "n", "accepted", "confirmed", "again"), made)


def _speakers(heard: Sequence[HeardTrial]) -> Table:
    answers = [one for one in heard if one.answer]
    count = Counter(one.speaker for one in answers)
    made = [
        (speaker, *_cells(Tally.of(one for one in answers if one.speaker == speaker)))
        for speaker in sorted(count)
        if count[speaker] >= _MIN_ANSWERS
    ]
    few = [one for one in answers if count[one.speaker] < _MIN_ANSWERS]
    if few:
        number = sum(n < _MIN_ANSWERS for n in count.values())
        made.append((f"{number} with fewer than {_MIN_ANSWERS} answers", *_cells(Tally.of(few))))
    return Table(f"Answers by speaker, {PLAIN}", ("speaker", *HEAD), made)


def _costs(one: Measured) -> Table:
    median, most = response_ms(one.part(synthetic=False))
    rows = [
        ("final result after the end of the audio", f"{median:.0f} ms, 95 % below {most:.0f} ms"),
        ("size of the model", f"{one.cost.size_mb:.1f} MB"),
    ]
    return Table("Costs (processor time)", ("what", "measured"), rows)


def _cells(tally: Tally) -> Cells:
    counts = (tally.accept_right, tally.accept_wrong, tally.confirm_right, tally.confirm_wrong, tally.again)
    return (str(tally.n), *(_share(count, tally.n) for count in counts))


def _share(count: int, n: int) -> str:
    return f"{100 * count / n:.1f}" if n else "–"
