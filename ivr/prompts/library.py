"""Prompt playback: turns a Prompt into audio and into its text as spoken. Must not know: flows, calls, engines."""

from __future__ import annotations

import wave
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from ivr.actions import Prompt
from ivr.errors import Fault, FaultyFile
from ivr.prompts.audio import PROMPT_RATE_HZ
from ivr.prompts.catalog import Catalog, fragment_file, load
from ivr.prompts.spoken import TONGUES, Unspeakable, fragments, speak
from ivr.prompts.template import PromptTemplate, PromptVariable, PunctuationMark, RecordedPiece

GROUP_MS: Final = 160
COMMA_MS: Final = 120
SENTENCE_MS: Final = 320
"""Pauses between groups of fragments, at a comma and at the end of a sentence; recordings add 50 ms at their edges."""

CACHED_PROMPTS: Final = 256
CALLER_WORDS: Final = "〔…〕"
"""Placeholder in a prompt's text for the recording of the caller's own words."""


class PromptLibrary:
    """All prompts of a catalog, with their recordings in memory (about 16 kB per second of audio)."""

    def __init__(self, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        """Load the recordings. `clock` returns the current time with its zone, for a `when` near it: 今天, 明天, 后天.

        Raises:
            FaultyFile: a recording is missing or is not an 8 kHz 16-bit mono WAV file.
        """
        self._catalog = catalog
        self._clock = clock
        self._audio = {language: _recordings(catalog, language) for language in catalog.languages}
        self._joined = lru_cache(CACHED_PROMPTS)(self._join)

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], datetime]) -> PromptLibrary:
        """Load the catalog and the audio in `folder`.

        Raises:
            FaultyFile: the catalog is faulty, or a recording is missing or has the wrong format.
        """
        return cls(load(folder), clock)

    @property
    def catalog(self) -> Catalog:
        """The prompt texts, without audio."""
        return self._catalog

    def pcm(self, prompt: Prompt, language: str, said: bytes = b"") -> bytes:
        """Return the prompt as 8 kHz 16-bit mono little-endian audio, cached. `said`: the audio of the caller's words.

        Raises:
            Unspeakable: unknown prompt or language, or a missing or invalid value.
        """
        sequence = self._sequence(prompt, language)
        if CALLER_WORDS not in sequence:
            return self._joined(language, sequence)
        at = sequence.index(CALLER_WORDS)
        return self._joined(language, sequence[:at]) + said + self._joined(language, sequence[at + 1 :])

    def text(self, prompt: Prompt, language: str) -> str:
        """Return the prompt's text as spoken (`您说的是八分，对吗？`).

        Raises:
            Unspeakable: see `pcm`.
        """
        said = []
        for part in self._template(prompt, language).parts:
            if isinstance(part, PromptVariable) and part.kind == "recording":
                said.append(CALLER_WORDS)
            elif isinstance(part, PromptVariable):
                tongue, words = TONGUES[language], fragments(part.kind, language)
                groups = self._groups(part, prompt, language)
                said.append(tongue.pause.join(tongue.separator.join(words[name] for name in group) for group in groups))
            else:
                said.append(part.text)
        return "".join(said)

    def _template(self, prompt: Prompt, language: str) -> PromptTemplate:
        if reason := self._catalog.absent(prompt.name, language):
            raise Unspeakable(reason)
        return self._catalog.prompts[prompt.name][language]

    def _groups(self, variable: PromptVariable, prompt: Prompt, language: str) -> tuple[tuple[str, ...], ...]:
        if variable.name not in prompt.values:
            raise Unspeakable(f"{prompt.name}: there is no value for {{{variable.name}:{variable.kind}}}")
        return speak(variable.kind, prompt.values[variable.name], language, self._clock())

    def _sequence(self, prompt: Prompt, language: str) -> tuple[str | int, ...]:
        """Return the names of recordings and the pauses (ms) in playout order."""
        sequence: list[str | int] = []
        for part in self._template(prompt, language).parts:
            match part:
                case RecordedPiece():
                    sequence.append(part.name)
                case PunctuationMark():
                    sequence.append(SENTENCE_MS if part.long else COMMA_MS)
                case PromptVariable(kind="recording"):
                    sequence.append(CALLER_WORDS)
                case PromptVariable():
                    for index, group in enumerate(self._groups(part, prompt, language)):
                        sequence += [GROUP_MS] if index else []
                        sequence += map(fragment_file, group)
        while sequence and isinstance(sequence[-1], int):
            sequence.pop()
        return tuple(sequence)

    def _join(self, language: str, sequence: tuple[str | int, ...]) -> bytes:
        audio = self._audio[language]
        return b"".join(
            bytes(PROMPT_RATE_HZ * item // 1000 * 2) if isinstance(item, int) else audio[item] for item in sequence
        )


def _recordings(catalog: Catalog, language: str) -> dict[str, bytes]:
    audio: dict[str, bytes] = {}
    faults: list[Fault] = []
    for name in catalog.recordings(language):
        file = catalog.wav(language, name)
        try:
            audio[name] = _read(file)
        except (OSError, EOFError, wave.Error) as error:
            faults.append(Fault(str(file), "", f"it cannot be played ({error}); run `prompts build`"))
    if faults:
        raise FaultyFile(faults)
    return {name: audio[recording] for name, recording in catalog.sources(language).items()}


def _read(file: Path) -> bytes:
    with wave.open(str(file), "rb") as sound:
        if (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) != (PROMPT_RATE_HZ, 2, 1):
            raise wave.Error(f"not {PROMPT_RATE_HZ} Hz, 16 bit, mono")
        return sound.readframes(sound.getnframes())
