"""Speech models of either kind behind one protocol: vocabulary and decoders for a grammar.

Must not know: listeners, audio, confidence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import vosk

from recognizer.base import SAMPLE_RATE_HZ, Grammar, UnheardPhrase
from recognizer.building import build_model
from recognizer.fillers import fillers
from recognizer.grammar import distinct_fillers, out_of_vocabulary, split, unpronounceable
from recognizer.graph import UNKNOWN, as_phrase, as_word

vosk.SetLogLevel(-1)

_ALTERNATIVES: Final = 8
_ANSWERS_BEAM: Final = 4.0
_ANYTHING_BEAM: Final = 0.5


class SpeechModel(Protocol):
    """The speech model of one language."""

    @property
    def transcribes(self) -> bool:
        """Whether `free` has the vocabulary of the language; otherwise it has only the learnt phrases."""

    def phrase(self, word: str) -> str:
        """Return the written form of a word of the graph."""

    def learn(self, phrases: Iterable[str]) -> None:
        """Add the phrases to the vocabulary. Block while a graph is built (well under a second)."""

    def unheard(self, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases that cannot be recognised, with reasons."""

    def check(self, grammar: Grammar) -> None:
        """Check that the vocabulary covers the grammar.

        Raises:
            UnheardPhrase: a phrase is out of vocabulary.
        """

    def answers(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Return a decoder of the grammar's phrases and fillers, with alternatives."""

    def anything(self) -> vosk.KaldiRecognizer:
        """Return a background decoder: the likelihood of the audio as any sounds at all."""

    def free(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Return a decoder of free speech, with word times."""


def open_model(language: str, folder: Path, cache: Path) -> SpeechModel:
    """Open the model in `folder`: ours (am/, phones.txt; graphs are built under `cache`) or an official Vosk model.

    Raises:
        FileNotFoundError: the folder contains neither.
    """
    if (folder / "phones.txt").is_file():
        return PhoneModel(language, folder, cache)
    if (folder / "am" / "final.mdl").is_file() or (folder / "final.mdl").is_file():
        return WordModel(language, folder)
    raise FileNotFoundError(f"{folder}: no Vosk model (am/final.mdl) in this folder")


class PhoneModel:
    """An acoustic model whose graphs are built here: every learnt phrase is one word.

    There are two graphs of the same words: one keeps the alternatives of an answer, the other only the best path,
    because any sounds at all have far too many. Wider beams reject no better and take up to a second on noise.
    """

    transcribes = False

    def __init__(self, language: str, folder: Path, cache: Path) -> None:
        self._language = language
        self._folder = folder
        self._cache = cache
        self._words: frozenset[str] = frozenset()
        self.learn(())

    def phrase(self, word: str) -> str:
        """Return the phrase of the word, which may have several words."""
        return as_phrase(word)

    def learn(self, phrases: Iterable[str]) -> None:
        """Rebuild the graphs with these phrases added; existing decoders keep the old graphs."""
        words = self._words | set(phrases) | set(fillers(self._language).all)
        if words != self._words:
            self._answers = self._load(words, _ANSWERS_BEAM)
            self._anything = self._load(words, _ANYTHING_BEAM)
            self._words = words

    def unheard(self, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases without a pronunciation; all others can be learnt."""
        return unpronounceable(self._language, phrases)

    def check(self, grammar: Grammar) -> None:
        """Check that all phrases were learnt."""
        if missing := [phrase for phrase in grammar.phrases if phrase not in self._words]:
            raise UnheardPhrase(f"not learnt: {', '.join(missing)}; call learn() with the phrases first")

    def answers(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Return a decoder of phrases and fillers, each one word."""
        entries = (*grammar.phrases, *distinct_fillers(self._language, grammar.phrases))
        return _with_alternatives(_decoder(self._answers, [*map(as_word, entries)]))

    def anything(self) -> vosk.KaldiRecognizer:
        """Return a decoder of any phone sequence."""
        return _with_alternatives(_decoder(self._anything, [UNKNOWN]))

    def free(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Return a decoder of the phrases within any phone sequence."""
        return _with_words(_decoder(self._anything, [*map(as_word, grammar.phrases), UNKNOWN]))

    def _load(self, words: Iterable[str], lattice_beam: float) -> vosk.Model:
        return vosk.Model(str(build_model(self._language, self._folder, words, self._cache, lattice_beam=lattice_beam)))


class WordModel:
    """An official Vosk model: phrases are sequences of its words. With a static graph, grammars have no effect."""

    transcribes = True

    def __init__(self, language: str, folder: Path) -> None:
        self._language = language
        self._model = vosk.Model(str(folder))
        self._fixed = not (folder / "graph" / "HCLr.fst").is_file() and not (folder / "HCLr.fst").is_file()

    def phrase(self, word: str) -> str:
        """Return the word itself."""
        return word

    def learn(self, phrases: Iterable[str]) -> None:
        """Do nothing: the vocabulary is fixed."""

    def unheard(self, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases with out-of-vocabulary words."""
        return out_of_vocabulary(self._language, phrases, self._has_word)

    def check(self, grammar: Grammar) -> None:
        """Check that all phrases are sequences of the model's words."""
        if unheard := self.unheard(grammar.phrases):
            raise UnheardPhrase("; ".join(f'"{phrase}": {reason}' for phrase, reason in unheard.items()))

    def answers(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Return a decoder of phrases and fillers as word sequences; of any words if the graph is static."""
        if self._fixed:
            return self.anything()
        phrases = (*grammar.phrases, *distinct_fillers(self._language, grammar.phrases))
        rows = (split(self._language, phrase, self._has_word) for phrase in phrases)
        return _with_alternatives(_decoder(self._model, [" ".join(row) for row in rows if row]))

    def anything(self) -> vosk.KaldiRecognizer:
        """Return a decoder of any words, weighted by the model's language model."""
        return _with_alternatives(_decoder(self._model, None))

    def free(self, grammar: Grammar) -> vosk.KaldiRecognizer:
        """Return a decoder of any words, with word confidences."""
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
