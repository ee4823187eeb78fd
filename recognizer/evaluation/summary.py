"""Evaluation of a model folder. Must not know: how figures are presented, flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.measuring import make_trials, open_models, run_trials, trial_count
from recognizer.evaluation.tables import Measured
from recognizer.evaluation.trials import Half
from recognizer.vosk import SHIPPED

Track = Callable[[Iterator[HeardTrial], int], Iterable[HeardTrial]]
"""Wraps the trial results, given their number, for example in a progress bar."""


def evaluate(
    speech: Path, language: str, folder: Path, cache: Path, track: Track, halves: Sequence[Half] = ("test",)
) -> Measured:
    """Evaluate the model in `folder` on the recordings in `speech`; graphs are built under `cache`.

    The shipped Mandarin model aligns the sentences, so that all models are tested on the same pieces.
    """
    trials = make_trials(speech, language, SHIPPED["zh-CN"], halves=halves)
    model = open_models(language, folder, cache, trials)
    return Measured(folder.name, language, list(track(run_trials(model, trials), trial_count(trials))), model.cost)
