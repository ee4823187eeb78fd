"""Evaluation of a model folder. Must not know: how figures are presented, flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.measuring import count, hearings, opened, trials
from recognizer.evaluation.tables import Measured
from recognizer.evaluation.trials import Half
from recognizer.vosk import SHIPPED

Watch = Callable[[Iterator[HeardTrial], int], Iterable[HeardTrial]]
"""Wraps the trial results, given their number, for example in a progress bar."""


def measured(
    speech: Path, language: str, folder: Path, cache: Path, watch: Watch, halves: Sequence[Half] = ("test",)
) -> Measured:
    """Evaluate the model in `folder` on the recordings in `speech`; graphs are built under `cache`.

    The shipped Mandarin model aligns the sentences, so that all models are tested on the same pieces.
    """
    asked = trials(speech, language, SHIPPED["zh-CN"], halves=halves)
    one = opened(language, folder, cache, asked)
    return Measured(folder.name, language, list(watch(hearings(one, asked), count(asked))), one.cost)
