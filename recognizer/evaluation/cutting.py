"""Forced alignment: the position of each syllable of a sentence.

Must not know: trials, who speaks, figures.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import vosk

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.fst import Fst
from recognizer.graph import UNKNOWN, write_graph
from recognizer.lexicon import Pronunciation, pronunciations, toned
from recognizer.phones import Phones

_BEAM: Final = "--beam=30.0\n--max-active=10000\n--lattice-beam=2.0\n"
"""Wide enough to keep a sentence that the model matches poorly."""
_MIN_SYLLABLE_MS: Final = 90
"""An aligned syllable shorter than this is probably misaligned."""


def align(acoustic: Path, sentence: str, pcm: bytes) -> Sequence[tuple[int, int]]:
    """Return start and end (ms) of each character of a Chinese sentence; empty if the alignment is incomplete.

    Raises:
        Unpronounceable: a character has no pinyin.
    """
    phones = Phones.of(acoustic)
    spoken = _syllables((toned if phones.toned else pronunciations)(sentence)[0])
    if len(spoken) != len(sentence):
        return []
    words = [f"w{number}" for number in range(len(sentence))]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "am").symlink_to((acoustic / "am").resolve(), target_is_directory=True)
        shutil.copytree(acoustic / "conf", folder / "conf")
        with (folder / "conf" / "model.conf").open("a") as conf:
            conf.write(_BEAM)
        write_graph(folder / "graph", {word: (row,) for word, row in zip(words, spoken, strict=True)}, phones)
        _in_order(words).write(
            folder / "graph" / "Gr.fst", sort="input", words={"<eps>": 0, **_numbers((*words, UNKNOWN))}
        )
        decoder = vosk.KaldiRecognizer(vosk.Model(str(folder)), SAMPLE_RATE_HZ)
        decoder.SetWords(True)
        decoder.AcceptWaveform(pcm)
        heard = json.loads(decoder.FinalResult()).get("result", [])
    found = [(round(1000 * word["start"]), round(1000 * word["end"])) for word in heard]
    return found if [word["word"] for word in heard] == words else []


def all_aligned(found: Sequence[tuple[int, int]]) -> bool:
    """Return whether all syllables of a piece are long enough to be aligned correctly."""
    return all(end - start >= _MIN_SYLLABLE_MS for start, end in found)


def _in_order(words: Sequence[str]) -> Fst:
    """Build a grammar of one sentence: each word once, in order."""
    fst = Fst()
    states = [fst.add_state() for _ in words] + [fst.add_state(final=0.0)]
    for place, number in enumerate(_numbers(words).values()):
        fst.add_arc(states[place], (number, number, 0.0, states[place + 1]))
    return fst


def _numbers(words: Sequence[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(words, start=1)}


def _syllables(row: Pronunciation) -> list[Pronunciation]:
    made: list[list[str]] = [[]]
    for phone in row:
        made[-1].append(phone)
        if phone.startswith("f_"):
            made.append([])
    return [tuple(syllable) for syllable in made if syllable]
