"""Negative trials: other speech, noise, tones and music. Must not know: models, figures."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.evaluation.questions import CLOSED, EvaluationQuestion
from recognizer.evaluation.trials import Half, How, Trial, half_of
from recognizer.lexicon import pronunciations
from recognizer.training import sounds
from recognizer.training.corpus import CorpusRecording, samples
from recognizer.training.inventory import PHONES, untoned

_PIECE_S: Final = 1.5
_SPEECH: Final = 70
"""Maximum number of recordings per half and kind: syllables or words, sentences, another language."""
_TONES: Final = 60
_SEEDS: Final[dict[Half, int]] = {"dev": 7, "test": 1}


def no_answers(folder: Path, heldout: Sequence[CorpusRecording], language: str) -> Iterator[Trial]:
    """Yield all negative trials for each closed question of a language."""
    spoken = "zh" if language.startswith("zh") else "en"
    for question in CLOSED[language]:
        for half in _SEEDS:
            ours = [one for one in heldout if _half(one) == half]
            own = [one for one in ours if one.language == spoken and not _answers(one, question)]
            foreign = [one for one in ours if one.language == ("en" if spoken == "zh" else "zh")]
            groups: tuple[tuple[How, list[CorpusRecording]], ...] = (
                ("other speech", [one for one in own if one.pinyin]),
                ("other speech", [one for one in own if one.said]),
                ("other speech", [one for one in foreign if one.said]),
                ("foreign syllables", [one for one in foreign if one.pinyin]),
            )
            for how, group in groups:
                yield from _speech(folder, group, question, how, half)
            yield from _noise(folder, [one for one in ours if one.language == "noise"], question, half)
            rng = np.random.default_rng(_SEEDS[half])
            for _ in range(_TONES):
                voice = sounds.sound(rng).astype(np.int16)
                yield Trial(question, "", "tones and music", "-", half, voice)


def _speech(
    folder: Path, group: Sequence[CorpusRecording], question: EvaluationQuestion, how: How, half: Half
) -> Iterator[Trial]:
    """Yield segments of sentences, and words."""
    rng = random.Random(0)  # noqa: S311
    size = int(_PIECE_S * SAMPLE_RATE_HZ)
    for one in rng.sample(list(group), min(_SPEECH, len(group))):
        voice = samples(folder / one.path)
        for start in range(0, max(1, len(voice) - size + 1), size):
            yield Trial(question, "", how, one.speaker, half, voice[start : start + size])


def _noise(folder: Path, group: Sequence[CorpusRecording], question: EvaluationQuestion, half: Half) -> Iterator[Trial]:
    for one in group:
        voice = samples(folder / one.path)
        for start in range(0, len(voice), 2 * SAMPLE_RATE_HZ):
            piece = voice[start : start + 2 * SAMPLE_RATE_HZ]
            if len(piece) > SAMPLE_RATE_HZ // 2 and piece.any():
                yield Trial(question, "", "noise", one.path.stem, half, piece)


def _answers(one: CorpusRecording, question: EvaluationQuestion) -> bool:
    """Return whether a syllable is an answer apart from its tone, or an English text shares a word with an answer."""
    phrases = question.grammar.phrases
    if one.language == "en":
        return not set(one.said.split()).isdisjoint(word for phrase in phrases for word in phrase.split())
    transcript = one.transcript() if one.pinyin else None
    plain = tuple(untoned(PHONES[number]) for number in transcript[0]) if transcript else ()
    return any(plain in pronunciations(phrase) for phrase in phrases)


def _half(one: CorpusRecording) -> Half:
    return half_of(one.path.stem if one.language == "noise" else one.speaker)
