"""The evaluation report: one self-contained HTML page. Must not know: how figures are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2

from recognizer.evaluation import plots
from recognizer.evaluation.conditions import PLAIN
from recognizer.evaluation.goals import goal_results
from recognizer.evaluation.tables import Measured, Table, tables

_TEMPLATE: Final = "report.html.j2"
_Plot = Callable[[Measured], str]
_PLOTS: Final[dict[str, tuple[tuple[str, _Plot], ...]]] = {
    "Real recordings": (
        (f"Answers on an ordinary call ({PLAIN})", lambda one: plots.answers(one, synthetic=False)),
        ("Recognised correctly by condition, per cent", lambda one: plots.conditions(one, synthetic=False)),
        ("Negative trials by question", lambda one: plots.no_answers(one, synthetic=False)),
        ("Score digits: spoken and recognised, all conditions", plots.digits),
        ("Speakers", plots.speakers),
        ("Confidence, all conditions", plots.confidences),
    ),
    "Synthetic voices and sounds": (
        (f"Answers on an ordinary call ({PLAIN})", lambda one: plots.answers(one, synthetic=True)),
        ("Recognised correctly by condition, per cent", lambda one: plots.conditions(one, synthetic=True)),
        ("Tones and music by question", lambda one: plots.no_answers(one, synthetic=True)),
    ),
}


@dataclass(frozen=True, slots=True)
class Section:
    """An additional section of the report."""

    title: str
    text: str
    table: Table


def page(models: Sequence[Measured], sections: Sequence[Section], made: str) -> str:
    """Render the page; `made` states the date and the machine."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(_TEMPLATE).render(
        made=made,
        sections=sections,
        models=[
            {
                "name": one.name,
                "language": one.language,
                "goals": goal_results(one.heard, one.cost),
                "tables": [table for table in tables(one) if table.title != "Goals"],
                "parts": {
                    part: [(title, svg) for title, draw in drawings if (svg := draw(one))]
                    for part, drawings in _PLOTS.items()
                },
            }
            for one in models
        ],
    )
