"""The recordings of a folder with a `manifest.tsv`: transcript, speaker, licence.

Columns: path, text, speaker, lang, sec, licence, source, note (`pinyin ba1` for syllables). Must not know: models.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from recognizer.audio import resample
from recognizer.lexicon import Unpronounceable
from recognizer.training.licences import check_licence
from recognizer.training.transcripts import Transcript, of_english, of_pinyin, of_text

Samples = NDArray[np.int16]
"""Mono, 8 kHz."""

FOLDS: Final = 3
"""Number of cross-validation models: each is trained without the speakers of its fold."""
_APART: Final = {"hantts_m": 0, "davin_1": 1, "chenwang_f": 2, "yuetan_f": None}
"""Fixed folds. The three speakers of all syllables are in one fold each. The only speaker of words, who is half of all
Mandarin, is in none: a model trained without her would say little about one trained with her."""


@dataclass(frozen=True, slots=True)
class CorpusRecording:
    """One file of the corpus. `said` is text, `pinyin` a syllable with its tone; both may be empty.

    `language` is zh, en, noise or rir (the impulse response of a room).
    """

    path: Path
    said: str
    pinyin: str
    speaker: str
    language: str
    licence: str
    source: str

    @property
    def corpus(self) -> str:
        """The corpus folder of the recording."""
        return self.path.parts[0]

    def transcript(self) -> Transcript | None:
        """Return the transcript as phones; None if unknown."""
        try:
            if self.pinyin:
                return of_pinyin([[self.pinyin]])
            if not self.said:
                return None
            return of_english(self.said) if self.language == "en" else of_text(self.said)
        except Unpronounceable:
            return None


def recordings(folder: Path, check: Callable[[str], None] = check_licence) -> Iterator[CorpusRecording]:
    """Yield all recordings of the manifest in `folder`; `check` is called with the licence of each.

    Raises:
        LicenceRefused: a licence does not allow a model; raised by `check`.
    """
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE):
            check(row["licence"])
            syllable = re.match(r"pinyin (\w+)", row["note"] or "")
            yield CorpusRecording(
                path=Path(row["path"]),
                said="" if syllable else row["text"].lower(),
                pinyin=syllable.group(1).replace("uu", "v") if syllable else "",
                speaker=row["speaker"],
                language=row["lang"].partition("(")[0],
                licence=row["licence"],
                source=row["source"],
            )


def fold_of(speaker: str) -> int | None:
    """Return the fold of a speaker; None if all models are trained on them."""
    return _APART[speaker] if speaker in _APART else zlib.crc32(speaker.encode()) % FOLDS


def held_out(recording: CorpusRecording, fold: int | None) -> bool:
    """Return whether the model of a fold (None: the shipped model) is not trained on the recording.

    A third of the noises are for evaluation only.
    """
    if recording.language == "noise":
        return sum(recording.path.name.encode()) % 3 == 0
    return fold is not None and fold_of(recording.speaker) == fold


def samples(file: Path) -> Samples:
    """Read the samples of a recording."""
    sound, rate = soundfile.read(file, dtype="int16", always_2d=True)
    pcm = resample(sound.mean(axis=1).astype("<i2").tobytes(), rate)
    return np.frombuffer(pcm, "<i2")
