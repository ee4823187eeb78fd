"""`python -m recognizer.training.evaluate`: models side by side on speakers that none was trained on.

The way is the service's own: Vosk, the graphs of `recognizer.building`, the confidence and bands of
`recognizer.confidence`. Must not know: how models are trained.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from recognizer.base import Grammar
from recognizer.confidence import CONFIRM_BELOW, REJECT_BELOW
from recognizer.decoding import decoding
from recognizer.lexicon import sound
from recognizer.model import Model, open_model
from recognizer.training.trials import Trial, trials

_LANGUAGE: Final = "zh-CN"
CELLS: Final = ("accept right", "accept wrong", "confirm right", "confirm wrong", "again")

Table = dict[str, Counter[str]]
"""By kind of trial, how many ended in which of CELLS; `best right` counts the first reading whatever its confidence."""


def table(model: Model, asked: Sequence[Trial]) -> Table:
    """Put all trials to a model."""
    model.learn({phrase for trial in asked for phrase in trial.phrases})
    made: Table = {}
    for trial in asked:
        listening = decoding(model, Grammar(_LANGUAGE, "closed", trial.phrases))
        listening.feed(trial.pcm)
        heard = listening.read()
        right = bool(heard) and bool(trial.said) and bool(sound(heard[0].text) & sound(trial.said))
        row = made.setdefault(trial.kind, Counter())
        row[_cell(heard[0].confidence if heard else 0.0, right)] += 1
        row["best right"] += right
        row["n"] += 1
    return made


def in_text(made: Table) -> str:
    """The table as Markdown, in per cent."""
    lines = [f"| what | n | best reading right | {' | '.join(CELLS)} |", f"|---|{'--:|' * (len(CELLS) + 2)}"]
    for kind, row in made.items():
        shares = " | ".join(f"{100 * row[cell] / row['n']:.1f}" for cell in ("best right", *CELLS))
        lines.append(f"| {kind} | {row['n']} | {shares} |")
    return "\n".join(lines)


def alignment(model: Model, pcm: bytes, phrases: Sequence[str]) -> Sequence[tuple[str, int, int]]:
    """Where phrases said one after the other begin and end (ms); empty when they are not heard so."""
    model.learn(phrases)
    listening = decoding(model, Grammar(_LANGUAGE, "sequence", tuple(dict.fromkeys(phrases))))
    listening.feed(pcm)
    for hypothesis in listening.read():
        if [word.text for word in hypothesis.words] == list(phrases):
            return [(word.text, word.start_ms, word.end_ms) for word in hypothesis.words]
    return []


def _cell(confidence: float, right: bool) -> str:
    if confidence < REJECT_BELOW:
        return "again"
    return f"{'confirm' if confidence < CONFIRM_BELOW else 'accept'} {'right' if right else 'wrong'}"


def compare(speech: Path, folders: Sequence[Path]) -> str:
    """A table in Markdown for each model. Sentences are cut where the first model hears their syllables."""
    with tempfile.TemporaryDirectory() as cache:
        models = [open_model(_LANGUAGE, folder, Path(cache)) for folder in folders]
        asked = list(trials(speech, lambda pcm, phrases: alignment(models[0], pcm, phrases)))
        return "\n\n".join(in_text(table(model, asked)) for model in models)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser("python -m recognizer.training.evaluate", description=__doc__)
    parser.add_argument("--speech", type=Path, required=True, help="folder of recordings with a manifest.tsv")
    parser.add_argument("models", type=Path, nargs="+", help="folders of models")
    options = parser.parse_args(arguments)
    sys.stdout.write(compare(options.speech, options.models) + "\n")


if __name__ == "__main__":
    main()
