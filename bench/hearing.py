"""`make eval`: evaluate the models and simulate surveys with their accuracy; print Markdown, write a page to var/eval.

All random choices have fixed seeds; takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ivr.flow.crowd import CrowdResult, HeardAs, HearingModel, survey
from ivr.flow.parse import parse
from recognizer.confidence import CONFIRM_BELOW
from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.report import Section, page
from recognizer.evaluation.summary import evaluate
from recognizer.evaluation.tables import Measured, Table, tables
from recognizer.vosk import SHIPPED

ROOT: Final = Path(__file__).parents[1]
CALLS: Final = 600
_NOON: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_COMPLETE, _STORED_RIGHT = 0.97, 0.99


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables of each model; write them and the page."""
    options = _options(arguments)
    console = Console(stderr=True)
    models = dict(options.model or SHIPPED)
    options.out.mkdir(parents=True, exist_ok=True)
    measurements = []
    for language, folder in models.items():
        console.print(f"{folder.name}: preparing the {language} trials …")
        with _progress(console) as progress:
            track = partial(_tracked, progress, folder.name)
            measurements.append(evaluate(options.speech, language, folder, options.out / "graphs", track))
    sections = [_crowd_section(one) for one in measurements]
    for one, section in zip(measurements, sections, strict=True):
        text = "\n\n".join(
            [f"# {one.name} ({one.language})", *(each.markdown() for each in (*tables(one), section.table))]
        )
        (options.out / f"{one.name}.md").write_text(f"{text}\n", encoding="utf-8")
        print(f"\n{text}")
    when = f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {os.cpu_count()} cores; real speech from {options.speech}."
    report = options.out / "index.html"
    report.write_text(page(measurements, sections, when), encoding="utf-8")
    console.print(f"Report: {report}")


def _tracked(progress: Progress, name: str, heard: Iterator[HeardTrial], count: int) -> Iterable[HeardTrial]:
    return progress.track(heard, total=count, description=name)


def hearing_model(heard: Sequence[HeardTrial]) -> HearingModel:
    """Return how real answers of the test half were recognised on ordinary calls, by kind of answer.

    Closed answers of two syllables also represent choices: their accuracy is similar and there are more of them.
    """
    kinds: dict[str, Callable[[HeardTrial], bool]] = {
        "yes_no": lambda one: one.question == "yes/no",
        "choice": lambda one: one.question in {"choice", "words"} or (one.question == "one of ten" and one.length == 2),
        "score": lambda one: one.question == "score",
    }
    return {kind: [_heard_as(one) for one in heard if one.answer and holds(one)] for kind, holds in kinds.items()}


def _heard_as(one: HeardTrial) -> HeardAs:
    sure = one.readings[0].confidence if one.readings else 0.0
    if one.band == "confirm":
        sure = min(sure, CONFIRM_BELOW - 0.01)
    return HeardAs(one.right, 0.0 if one.band == "again" else sure)


def _crowd_section(one: Measured) -> Section:
    flow_set = parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml")
    heard = hearing_model(one.part(synthetic=False))
    result = survey(flow_set, "survey", one.language, heard, calls=CALLS, seed=1, now=_NOON, first="convenient")
    number = ", ".join(f"{kind}: {len(drawn)}" for kind, drawn in heard.items())
    return Section(
        title=f"Simulated callers: {one.name}",
        text=f"{CALLS} callers who have time for the survey take it through the real flows. They answer truthfully in "
        f"phrases of the flows; each answer is recognised like a random one of the real answers above ({number}). "
        "Callers reject a wrong read-back and press keys after two misses. They never hang up and never press a wrong "
        "key; background noise and interruptions are not simulated.",
        table=_crowd_table(result, one.name),
    )


def _crowd_table(result: CrowdResult, name: str) -> Table:
    complete, right = result.completed / result.calls, result.right / result.stored
    rows = [
        ("calls completed", "≥ 97 %", f"{100 * complete:.1f} %", "yes" if complete >= _COMPLETE else "**no**"),
        ("stored answers right", "≥ 99 %", f"{100 * right:.2f} %", "yes" if right >= _STORED_RIGHT else "**no**"),
        ("answers by key", "", f"{100 * result.keyed / result.stored:.1f} %", ""),
        ("answers confirmed", "", f"{100 * result.confirmed / result.stored:.1f} %", ""),
        ("caller turns per call", "", f"{result.turns / result.calls:.1f}", ""),
    ]
    return Table(f"{result.calls} simulated callers, {name}", ("what", "goal", "measured", "reached"), rows)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench.hearing", description=__doc__)
    parser.add_argument("--speech", type=Path, required=True, help="folder of recordings with a manifest.tsv")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "eval", help="folder for the report")
    parser.add_argument(
        "--model",
        type=_model,
        action="append",
        help="language and folder, such as zh-CN=models/zh (default: the shipped models)",
    )
    return parser.parse_args(arguments)


def _model(text: str) -> tuple[str, Path]:
    language, _, folder = text.partition("=")
    return language, Path(folder)


if __name__ == "__main__":
    main()
