"""Evaluation of a model on all trials under all conditions. Must not know: tables, plots, goals."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recognizer.evaluation import english, mandarin, others, voices
from recognizer.evaluation.conditions import CONDITIONS, PLAIN
from recognizer.evaluation.folds import fold_models
from recognizer.evaluation.hearing import HeardTrial, hear
from recognizer.evaluation.trials import Half, Trial
from recognizer.model import SpeechModel, open_model
from recognizer.training.corpus import FOLDS, CorpusRecording, Samples, fold_of, held_out, recordings

_PHRASES: Final = Path(__file__).parents[1] / "training" / "phrases.zh.txt"
_DEV_CONDITIONS: Final = (PLAIN, "noise 20 dB", "noise 10 dB")
_CROWD: Final = 40
_PAGE: Final = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a model: processor time to load it with its graphs built (s), memory with both graphs and size (MB)."""

    load_s: float
    memory_mb: float
    size_mb: float


@dataclass(frozen=True, slots=True)
class Opened:
    """A loaded model with its cost. Speakers of a fold are tested on the fold model trained without them.

    Without `folds`, all speakers are tested on the model itself.
    """

    name: str
    language: str
    model: SpeechModel
    folds: Sequence[SpeechModel]
    cost: Cost

    def model_for(self, trial: Trial) -> SpeechModel:
        """Return the model that was not trained on the trial's speaker."""
        fold = None if trial.synthetic or trial.how == "noise" else fold_of(trial.speaker)
        return self.folds[fold] if self.folds and fold is not None else self.model


def make_trials(folder: Path, language: str, acoustic: Path, *, halves: Sequence[Half]) -> list[Trial]:
    """Return all trials of a language, by the speakers of all folds; `acoustic` aligns sentences."""
    heldout = [one for one in recordings(folder) if any(held_out(one, fold) for fold in range(FOLDS))]
    made = [*_answers(folder, heldout, language, acoustic), *others.no_answers(folder, heldout, language)]
    return [*(one for one in made if one.half in halves), *(voices.answers(language) if "test" in halves else ())]


def open_models(language: str, folder: Path, cache: Path, trials: Iterable[Trial]) -> Opened:
    """Load the model and its fold models, and learn every phrase of the trials."""
    phrases = {phrase for trial in trials for phrase in trial.question.grammar.phrases}
    models = [open_model(language, one, cache) for one in (folder, *fold_models(folder, language, cache))]
    for model in models:
        model.learn(phrases)
    with multiprocessing.get_context("spawn").Pool(1) as alone:
        cost = alone.apply(cost_of, (language, folder, cache, phrases))
    return Opened(folder.name, language, models[0], models[1:], cost)


def cost_of(language: str, folder: Path, cache: Path, phrases: Iterable[str]) -> Cost:
    """Measure the cost of opening a model whose graphs are built; call it in a process of its own."""
    open_model(language, folder, cache)
    begun = time.thread_time()
    before = _resident_mb()
    model = open_model(language, folder, cache)
    spent = time.thread_time() - begun
    model.learn(phrases)
    taken = _resident_mb() - before
    return Cost(spent, taken, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6)


def trial_count(trials: Sequence[Trial]) -> int:
    """Return the number of results that `run_trials` will yield."""
    return sum(len(_conditions(trial)) for trial in trials)


def run_trials(one: Opened, trials: Sequence[Trial]) -> Iterator[HeardTrial]:
    """Run every trial under each of its conditions."""
    crowd = _crowd(trials)
    for trial in trials:
        behind = [voice for speaker, voice in crowd if speaker != trial.speaker]
        for condition in _conditions(trial):
            yield hear(one.model_for(trial), trial, condition, behind)


def _conditions(trial: Trial) -> Sequence[str]:
    if not trial.said:
        return (PLAIN,)
    return _DEV_CONDITIONS if trial.half == "dev" else tuple(CONDITIONS)


def _crowd(trials: Sequence[Trial]) -> Sequence[tuple[str, Samples]]:
    """Return voices for background babble: segments of other speech."""
    talking = [trial for trial in trials if trial.how == "other speech" and len(trial.sound) > 8000]
    return [(trial.speaker, trial.sound) for trial in talking[:: max(1, len(talking) // _CROWD)]]


def _answers(folder: Path, heldout: Sequence[CorpusRecording], language: str, acoustic: Path) -> Iterator[Trial]:
    if language.startswith("zh"):
        words = _PHRASES.read_text(encoding="utf-8").split()
        return mandarin.answers(folder, heldout, acoustic, words)
    return english.answers(folder, heldout)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6
