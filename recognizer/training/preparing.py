"""Preparation of clip stores from recordings and synthetic voices. Must not know: networks, features."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.training import clips, sounds
from recognizer.training.clips import ClipSound
from recognizer.training.corpus import CorpusRecording, held_out, recordings, samples
from recognizer.training.espeak import Espeak
from recognizer.training.licences import check_consent
from recognizer.training.synthetic import english, mandarin
from recognizer.training.transcripts import Transcript, of_english, of_text

logger = logging.getLogger(__name__)

MAX_CLIP_S: Final = 9.0
_PEAK: Final = 12000.0
_PAUSE_S: Final = (0.08, 0.6)
_SOFT: Final = 0.01
_MAX_WORD_S: Final = 1.3
_SEQUENCE_LENGTHS: Final = (2, 3, 4, 4, 5)
_BETWEEN_S: Final = (0.0, 0.25)
_QUIET: Final = 0.02
_PARTS: Final = 16
_MOST_PER_SPEAKER: Final = 4000
_ARTIFACTS: Final = ("recordings.*", "silence.*", "synthetic-*.*", "checkpoint*.pt")
_VERSION: Final = 1
"""Version of the preparation: raise it when the same recordings yield different clips."""


def training_recordings(folder: Path) -> list[CorpusRecording]:
    """Return the speech recordings for training that have a transcript.

    Raises:
        LicenceRefused: the licence of a recording in the folder does not allow a shipped model.
    """
    speech = [one for one in recordings(folder) if one.language in {"zh", "en"}]
    random.Random(0).shuffle(speech)  # noqa: S311
    count: dict[str, int] = {}
    kept = []
    for one in speech:
        count[one.speaker] = count.get(one.speaker, 0) + 1
        if count[one.speaker] <= _MOST_PER_SPEAKER and one.transcript():
            kept.append(one)
    return kept


def consented(folder: Path) -> list[CorpusRecording]:
    """Return the callers' clips in a folder written by `service.py speech export`.

    Raises:
        LicenceRefused: the folder contains other recordings.
    """
    return [one for one in recordings(folder, check_consent) if one.transcript()]


def prepare(
    folder: Path,
    work: Path,
    phrases: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    calls: Sequence[Path] = (),
) -> list[Path]:
    """Build the stores of all training clips under `work`: recordings in `folder`, line sounds, synthetic voices.

    `calls` are folders of callers' clips, treated as recordings. `counts` is the number of synthetic utterances per
    language, `phrases` the possible answers. Existing stores are reused if they were built from the same inputs;
    otherwise they and the checkpoints trained on them (`checkpoint*.pt`) are deleted.

    Raises:
        BrokenProcessPool: the speech synthesiser crashed.
    """
    work.mkdir(parents=True, exist_ok=True)
    _discard_if_stale(work, _fingerprint(folder, phrases, counts, calls))
    real, silent = work / "recordings", work / "silence"
    if not clips.finished(real):
        callers = (_speech(each, consented(each)) for each in calls)
        clips.write(real, chain(_speech(folder, training_recordings(folder)), *callers))
    if not clips.finished(silent):
        clips.write(silent, _non_speech(folder))
    tasks = [
        (work / f"synthetic-{language}-{part}", language, part, tuple(phrases[language]), count // _PARTS)
        for language, count in counts.items()
        for part in range(_PARTS)
    ]
    missing = [task for task in tasks if not clips.finished(task[0])]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for made in [pool.submit(_synthesise, *task) for task in missing]:
            made.result()
    return [real, silent, *(path for path, *_ in tasks)]


def _fingerprint(
    folder: Path, phrases: Mapping[str, Sequence[str]], counts: Mapping[str, int], calls: Sequence[Path]
) -> str:
    """Return a fingerprint of the inputs of the clips."""
    digest = hashlib.sha256(repr((_VERSION, sorted(phrases.items()), sorted(counts.items()))).encode())
    sources = [(folder, [*training_recordings(folder), *noises(folder)]), *((each, consented(each)) for each in calls)]
    for base, chosen in sources:
        for one in chosen:
            digest.update(f"{one} {(base / one.path).stat().st_size}\n".encode())
    return digest.hexdigest()


def _discard_if_stale(work: Path, origin: str) -> None:
    stamp = work / "origin.txt"
    if stamp.is_file() and stamp.read_text() == origin:
        return
    old = [path for pattern in _ARTIFACTS for path in work.glob(pattern)]
    if old:
        logger.info("the clips in %s were built from other inputs: deleting them and their checkpoints", work)
    for path in old:
        path.unlink()
    stamp.write_text(origin)


def noises(folder: Path) -> list[CorpusRecording]:
    """Return the noise recordings for training."""
    return [one for one in recordings(folder) if one.language == "noise" and not held_out(one, None)]


def rooms(folder: Path) -> list[CorpusRecording]:
    """Return the room impulse responses."""
    return [one for one in recordings(folder) if one.language == "rir"]


def _speech(folder: Path, chosen: Sequence[CorpusRecording]) -> Iterator[ClipSound]:
    """Yield each recording, then sequences of short ones, like dictated numbers."""
    rng = random.Random(0)  # noqa: S311
    short: dict[str, list[ClipSound]] = {}
    for one in chosen:
        sound = samples(folder / one.path).astype(np.float32)
        transcript = one.transcript()
        if transcript and 0 < len(sound) <= MAX_CLIP_S * SAMPLE_RATE_HZ:
            made = ClipSound(_level(sound), transcript, one.speaker)
            yield made
            if len(transcript) == 1 and len(sound) <= _MAX_WORD_S * SAMPLE_RATE_HZ:
                short.setdefault(one.speaker, []).append(made)
    for voice in short.values():
        yield from _sequences(voice, rng)


def _sequences(voice: Sequence[ClipSound], rng: random.Random) -> Iterator[ClipSound]:
    """Yield sequences of one speaker's words, half of them digits only; half as many as there are words."""
    digits = [one for one in voice if one.transcript in _digits()]
    for _ in range(len(voice) // 2):
        row = rng.choices(digits if digits and rng.random() < 0.5 else voice, k=rng.choice(_SEQUENCE_LENGTHS))
        pauses = (np.zeros(int(SAMPLE_RATE_HZ * rng.uniform(*_BETWEEN_S)), np.int16) for _ in row)
        parts = [part for one, pause in zip(row, pauses, strict=True) for part in (_trimmed(one.samples), pause)]
        made = np.concatenate(parts)
        if len(made) <= MAX_CLIP_S * SAMPLE_RATE_HZ:
            yield ClipSound(made, tuple(chain.from_iterable(one.transcript for one in row)), row[0].speaker)


@cache
def _digits() -> frozenset[Transcript]:
    english = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return frozenset([*map(of_text, "零幺一二三四五六七八九"), *map(of_english, english)])


def _trimmed(sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """Trim leading and trailing silence."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > _PEAK * _QUIET)
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound


def _non_speech(folder: Path) -> Iterator[ClipSound]:
    """Yield segments of recorded noise, and 500 synthetic line sounds."""
    rng = np.random.default_rng(0)
    for one in noises(folder):
        sound = samples(folder / one.path).astype(np.float32)
        for start in range(0, len(sound), 2 * SAMPLE_RATE_HZ):
            piece = sound[start : start + 2 * SAMPLE_RATE_HZ]
            if len(piece) > SAMPLE_RATE_HZ // 2:
                yield ClipSound(_level(piece), ())
    for _ in range(500):
        yield ClipSound(_level(sounds.sound(rng)), ())


def _synthesise(path: Path, language: str, seed: int, phrases: Sequence[str], count: int) -> None:
    clips.write(path, _voices(language, seed, phrases, count))


def _voices(language: str, seed: int, phrases: Sequence[str], count: int) -> Iterator[ClipSound]:
    rng = random.Random(seed)  # noqa: S311
    espeak = Espeak()
    generate = english if language == "en" else mandarin
    for _ in range(count):
        said = generate(phrases, rng)
        sound = espeak.say(said.text, said.manner)
        loud = np.flatnonzero(np.abs(sound) > _SOFT * np.abs(sound).max(initial=0) + 1)
        if len(loud) < SAMPLE_RATE_HZ // 20:
            continue
        voice = soxr.resample(sound[max(0, loud[0] - 100) : loud[-1] + 200], said.speed, 1.0)
        before, after = (np.zeros(int(SAMPLE_RATE_HZ * rng.uniform(*_PAUSE_S)), np.float32) for _ in range(2))
        if len(voice) <= MAX_CLIP_S * SAMPLE_RATE_HZ:
            yield ClipSound(_level(np.concatenate([before, voice, after])), said.meant)


def _level(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    even: NDArray[np.int16] = (sound / (np.abs(sound).max() + 1) * _PEAK).astype(np.int16)
    return even
