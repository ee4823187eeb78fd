"""The models that may lie in a folder, behind one face: what they can hear, and a decoder for a grammar.

Must not know: listeners, audio, confidence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import vosk

from recognizer.base import SAMPLE_RATE_HZ, Grammar, UnheardPhrase
from recognizer.building import built_model
from recognizer.fillers import fillers
from recognizer.grammar import distinct_fillers, split, unpronounceable, wordless
from recognizer.graph import UNKNOWN, as_phrase, as_word

vosk.SetLogLevel(-1)

_ALTERNATIVES: Final = 8
_ANSWERS_BEAM: Final = 4.0
_ANYTHING_BEAM: Final = 0.5


class SpeechModel(Protocol):
    """One language's model."""

    @property
    def transcribes(self) -> bool:
        """Whether `free` knows the words of the language; otherwise it knows what was learnt."""

    def phrase(self, word: str) -> str:
        """What a word of its graph is in writing."""

    def learn(self, phrases: Iterable[str]) -> None:
        """Make sure that the phrases can stand in a grammar. Blocks while a graph is made (well under a second)."""

    def unheard(self, phrases: Sequence[str]) -> dict[str, str]:
        """The phrases that can't be heard, with reasons."""

    def check(self, grammar: Grammar) -> None:
        """Raises:
        UnheardPhrase: a phrase is not among the model's words.
        """

    def answers(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """A decoder of the grammar's phrases and fillers, with alternatives."""

    def anything(self) -> vosk.KaldiRecognizer:
        """A decoder of whatever can be said: how likely the audio is as such."""

    def free(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """A decoder of free speech, with the words' times."""


def open_model(language: str, folder: Path, cache: Path) -> SpeechModel:
    """The model in `folder`: one of ours (am/, phones.txt; graphs are built under `cache`) or any official Vosk model.

    Raises:
        FileNotFoundError: the folder holds neither.
    """
    if (folder / "phones.txt").is_file():
        return PhoneModel(language, folder, cache)
    if (folder / "am" / "final.mdl").is_file() or (folder / "final.mdl").is_file():
        return WordModel(language, folder)
    raise FileNotFoundError(f"{folder}: no Vosk model (am/final.mdl) here")


class PhoneModel:
    """An acoustic model with phones: every phrase learnt is one word of graphs made here.

    There are two graphs of the same words: one keeps the alternatives of an answer, the other only the best path, since
    a row of any sounds has far too many. Wider beams than these reject no better and take up to a second on noise.
    """

    transcribes = False

    def __init__(self, language: str, folder: Path, cache: Path) -> None:
        self._language = language
        self._folder = folder
        self._cache = cache
        self._words: frozenset[str] = frozenset()
        self.learn(())

    def phrase(self, word: str) -> str:
        """A word may stand for several."""
        return as_phrase(word)

    def learn(self, phrases: Iterable[str]) -> None:
        """Make graphs with these phrases beside those known; decoders made before keep the old ones."""
        words = self._words | set(phrases) | set(fillers(self._language).all)
        if words != self._words:
            self._answers = self._built(words, _ANSWERS_BEAM)
            self._anything = self._built(words, _ANYTHING_BEAM)
            self._words = words

    def unheard(self, phrases: Sequence[str]) -> dict[str, str]:
        """The phrases that can't be pronounced: any other can be learnt."""
        return unpronounceable(self._language, phrases)

    def check(self, grammar: Grammar) -> None:
        """Phrases have to be learnt."""
        if missing := [phrase for phrase in grammar.phrases if phrase not in self._words]:
            raise UnheardPhrase(f"not learnt: {', '.join(missing)}")

    def answers(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Phrases and fillers are words."""
        entries = (*grammar.phrases, *distinct_fillers(self._language, grammar.phrases))
        return _with_alternatives(_decoder(self._answers, [*map(as_word, entries)]))

    def anything(self) -> vosk.KaldiRecognizer:
        """Any row of phones."""
        return _with_alternatives(_decoder(self._anything, [UNKNOWN]))

    def free(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """The phrases among any row of phones."""
        return _with_words(_decoder(self._anything, [*map(as_word, grammar.phrases), UNKNOWN]))

    def _built(self, words: Iterable[str], lattice_beam: float) -> vosk.Model:
        return vosk.Model(str(built_model(self._language, self._folder, words, self._cache, lattice_beam=lattice_beam)))


class WordModel:
    """An official Vosk model: phrases are rows of its words. With a fixed graph, it always hears everything."""

    transcribes = True

    def __init__(self, language: str, folder: Path) -> None:
        self._language = language
        self._model = vosk.Model(str(folder))
        self._fixed = not (folder / "graph" / "HCLr.fst").is_file() and not (folder / "HCLr.fst").is_file()

    def phrase(self, word: str) -> str:
        """A word is a word."""
        return word

    def learn(self, phrases: Iterable[str]) -> None:
        """Its words are what they are."""

    def unheard(self, phrases: Sequence[str]) -> dict[str, str]:
        """The phrases with words that the model lacks."""
        return wordless(self._language, phrases, self._has_word)

    def check(self, grammar: Grammar) -> None:
        """Phrases have to be rows of its words."""
        if unheard := self.unheard(grammar.phrases):
            raise UnheardPhrase("; ".join(f'"{phrase}": {reason}' for phrase, reason in unheard.items()))

    def answers(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Phrases and fillers as rows of words; anything where the graph is fixed."""
        if self._fixed:
            return self.anything()
        phrases = (*grammar.phrases, *distinct_fillers(self._language, grammar.phrases))
        rows = (split(self._language, phrase, self._has_word) for phrase in phrases)
        return _with_alternatives(_decoder(self._model, [" ".join(row) for row in rows if row]))

    def anything(self) -> vosk.KaldiRecognizer:
        """Any words, as its language model has them."""
        return _with_alternatives(_decoder(self._model, None))

    def free(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """The same, with the words' confidence."""
        return _with_words(_decoder(self._model, None))

    def _has_word(self, word: str) -> bool:
        return bool(self._model.vosk_model_find_word(word) >= 0)


def _decoder(model: vosk.Model, entries: Sequence[str] | None) -> vosk.KaldiRecognizer:
    if entries is None:
        return vosk.KaldiRecognizer(model, SAMPLE_RATE_HZ)
    return vosk.KaldiRecognizer(model, SAMPLE_RATE_HZ, json.dumps(entries, ensure_ascii=False))


def _with_alternatives(decoder: vosk.KaldiRecognizer) -> vosk.KaldiRecognizer:
    decoder.SetMaxAlternatives(_ALTERNATIVES)
    decoder.SetWords(True)
    return decoder


def _with_words(decoder: vosk.KaldiRecognizer) -> vosk.KaldiRecognizer:
    decoder.SetWords(True)
    return decoder
