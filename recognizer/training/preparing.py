"""Recordings and synthetic voices → stores of clips, each made once. Must not know: networks, features."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.training import clips, sounds
from recognizer.training.corpus import Recording, held_out, recordings, samples
from recognizer.training.espeak import Espeak
from recognizer.training.synthetic import utterance
from recognizer.training.transcripts import Transcript

LONGEST_S: Final = 6.0
_PEAK: Final = 12000.0
_PAUSE_S: Final = (0.08, 0.6)
_SOFT: Final = 0.01
_PARTS: Final = 4
_MOST_PER_SPEAKER: Final = 4000

Sound = tuple[NDArray[np.int16], Transcript]


def trained_on(folder: Path) -> list[Recording]:
    """The recordings of Mandarin for training: what is said is known, the speaker is not held out.

    Raises:
        LicenceRefused: a recording of the folder may not go into a shipped model.
    """
    mandarin = [one for one in recordings(folder) if one.language == "zh" and not held_out(one)]
    random.Random(0).shuffle(mandarin)  # noqa: S311
    count: dict[str, int] = {}
    kept = []
    for one in mandarin:
        count[one.speaker] = count.get(one.speaker, 0) + 1
        if count[one.speaker] <= _MOST_PER_SPEAKER and one.transcript():
            kept.append(one)
    return kept


def prepare(folder: Path, work: Path, phrases: Sequence[str], *, synthetic: int) -> list[Path]:
    """Stores of all training clips under `work`: recordings of `folder`, noises and line sounds, so many synthetic
    utterances. Those that are there already stay.
    """
    work.mkdir(parents=True, exist_ok=True)
    real, silent = work / "recordings", work / "silence"
    if not clips.finished(real):
        clips.write(real, _spoken(folder, trained_on(folder)))
    if not clips.finished(silent):
        clips.write(silent, _unspoken(folder))
    parts = [work / f"synthetic-{number}" for number in range(_PARTS)]
    missing = [(path, number, tuple(phrases), synthetic // _PARTS) for number, path in enumerate(parts)]
    missing = [task for task in missing if not clips.finished(task[0])]
    with multiprocessing.get_context("spawn").Pool(min(2, max(1, len(missing)))) as pool:
        pool.starmap(_synthesise, missing)
    return [real, silent, *parts]


def noises(folder: Path) -> list[Recording]:
    """The recordings of noise for training."""
    return [one for one in recordings(folder) if one.language == "noise" and not held_out(one)]


def rooms(folder: Path) -> list[Recording]:
    """Impulse responses."""
    return [one for one in recordings(folder) if one.language == "rir"]


def _spoken(folder: Path, chosen: Iterable[Recording]) -> Iterator[Sound]:
    for one in chosen:
        sound = samples(folder / one.path)
        transcript = one.transcript()
        if transcript and 0 < len(sound) <= LONGEST_S * SAMPLE_RATE_HZ:
            yield _level(sound.astype(np.float32)), transcript


def _unspoken(folder: Path) -> Iterator[Sound]:
    """Recorded noise in pieces, and as many invented sounds of lines."""
    chance = np.random.default_rng(0)
    for one in noises(folder):
        sound = samples(folder / one.path).astype(np.float32)
        for start in range(0, len(sound), 2 * SAMPLE_RATE_HZ):
            piece = sound[start : start + 2 * SAMPLE_RATE_HZ]
            if len(piece) > SAMPLE_RATE_HZ // 2:
                yield _level(piece), ()
    for _ in range(500):
        yield _level(sounds.sound(chance)), ()


def _synthesise(path: Path, seed: int, phrases: Sequence[str], count: int) -> None:
    clips.write(path, _voices(seed, phrases, count))


def _voices(seed: int, phrases: Sequence[str], count: int) -> Iterator[Sound]:
    chance = random.Random(seed)  # noqa: S311
    espeak = Espeak()
    for _ in range(count):
        said = utterance(phrases, chance)
        pinyin = chance.choice((" ", "  ")).join(chance.choice(("", " ")).join(word) for word in said.spoken)
        sound = espeak.say(pinyin, said.variant, rate=said.rate, pitch=said.pitch, spread=said.spread, gap=said.gap)
        loud = np.flatnonzero(np.abs(sound) > _SOFT * np.abs(sound).max(initial=0) + 1)
        if len(loud) < SAMPLE_RATE_HZ // 20:
            continue
        voice = soxr.resample(sound[max(0, loud[0] - 100) : loud[-1] + 200], said.speed, 1.0)
        before, after = (np.zeros(int(SAMPLE_RATE_HZ * chance.uniform(*_PAUSE_S)), np.float32) for _ in range(2))
        if len(voice) <= LONGEST_S * SAMPLE_RATE_HZ:
            yield _level(np.concatenate([before, voice, after])), said.meant


def _level(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    even: NDArray[np.int16] = (sound / (np.abs(sound).max() + 1) * _PEAK).astype(np.int16)
    return even
