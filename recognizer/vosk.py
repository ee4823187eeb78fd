"""Recogniser over Vosk models in memory, one per language; decodes in a thread pool (Vosk releases the GIL).

Must not know: calls, flows, turn-taking.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from recognizer.base import Grammar, UnheardLanguage
from recognizer.decoding import decoding
from recognizer.listener import PooledListener
from recognizer.model import SpeechModel, open_model

_MODELS: Final = Path(__file__).parent / "models"
SHIPPED: Final[Mapping[str, Path]] = {
    "zh-CN": _MODELS / "zh-small-8k",
    "en-US": _MODELS / "en-small-8k",
}
"""The models shipped with the project, by language."""


class VoskRecognizer:
    """A recognizer.base.Recognizer over Vosk model folders.

    `models` maps languages to folders: our models, whose graphs are built under `cache` from the phrases passed to
    `learn`, or official Vosk models. `threads` is the size of the decoding pool (default: one per core).
    """

    def __init__(self, cache: Path, models: Mapping[str, Path] = SHIPPED, *, threads: int | None = None) -> None:
        self._models: dict[str, SpeechModel] = {tag: open_model(tag, folder, cache) for tag, folder in models.items()}
        self._pool = ThreadPoolExecutor(threads or os.cpu_count(), thread_name_prefix="recognizer")
        self._listeners: weakref.WeakSet[PooledListener] = weakref.WeakSet()

    @property
    def languages(self) -> frozenset[str]:
        """The languages with an installed model."""
        return frozenset(self._models)

    def learn(self, language: str, phrases: Iterable[str]) -> None:
        """Add phrases to the vocabulary; open listeners are not affected.

        Blocks for some tenths of a second if a graph must be built: call it at start-up and before new flows go live.

        Raises:
            UnheardLanguage: no model is installed for the language.
            Unpronounceable: a phrase is one that `unheard` would return.
        """
        self._model(language).learn(phrases)

    def listen(self, grammar: Grammar) -> PooledListener:
        """Start a recognition; raise as specified by the port. The phrases must have been learnt."""
        model = self._model(grammar.language)
        model.check(grammar)
        listener = PooledListener(self._pool, partial(decoding, model, grammar))
        self._listeners.add(listener)
        return listener

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases that the language's model cannot learn, with reasons; all of them without a model."""
        if language not in self._models:
            return dict.fromkeys(phrases, f"no model for {language}")
        return self._models[language].unheard(phrases)

    def close(self) -> None:
        """Close all listeners, wait for running decoders, release the models."""
        for listener in tuple(self._listeners):
            listener.close()
        self._pool.shutdown()
        self._models.clear()

    def _model(self, language: str) -> SpeechModel:
        try:
            return self._models[language]
        except KeyError:
            raise UnheardLanguage(f"no model for {language}") from None
