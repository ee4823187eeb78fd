"""Answers of held-out English speakers: yes and no, digits, digit strings, single words. Must not know: models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from recognizer.evaluation.questions import EN_DIGITS, EN_SCORE, EN_WORDS, EN_YES_NO
from recognizer.evaluation.trials import Trial, half_of
from recognizer.training.corpus import CorpusRecording, samples

_MOST_PER_SPEAKER: Final = 4
"""Maximum number of recordings of one answer per speaker."""


def answers(folder: Path, heldout: Sequence[CorpusRecording]) -> Iterator[Trial]:
    """Yield all answers of held-out speakers in `folder`."""
    count: dict[tuple[str, str, str], int] = {}
    for one in heldout:
        for question in (EN_YES_NO, EN_SCORE, EN_WORDS, EN_DIGITS):
            words = one.said.split()
            fits = one.said in question.grammar.phrases if question.kind == "closed" else len(words) > 1
            if one.language != "en" or not words or not fits or not set(words) <= _vocabulary(question.grammar.phrases):
                continue
            key = one.speaker, question.name, one.said
            count[key] = count.get(key, 0) + 1
            if count[key] <= _MOST_PER_SPEAKER:
                yield Trial(
                    question, one.said, "recorded", one.speaker, half_of(one.speaker), samples(folder / one.path)
                )


def _vocabulary(phrases: Sequence[str]) -> set[str]:
    return {word for phrase in phrases for word in phrase.split()}
