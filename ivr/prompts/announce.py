"""Live synthesis of arbitrary text, if a speech engine of the catalog is installed; the service works without one.

Must not know: calls, the purpose of the text.
"""

from __future__ import annotations

import logging

import numpy as np

from ivr.prompts.audio import prepare
from ivr.prompts.catalog import Catalog
from ivr.prompts.render import EngineFailed, engines

log = logging.getLogger(__name__)


class Announcer:
    """Synthesiser with the voices of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._voices = catalog.voices
        self._engines = engines(catalog.folder)

    def __call__(self, words: str, language: str) -> bytes:
        """Return the words as 8 kHz 16-bit mono audio; empty if no engine can speak them. Blocks for some 100 ms."""
        for voice in self._voices.get(language, ()):
            engine = self._engines.get(voice.engine)
            if engine is None or engine.missing(voice):
                continue
            try:
                return np.round(prepare(engine.speak(words, voice)) * 32767).astype("<i2").tobytes()
            except (EngineFailed, ValueError) as error:
                log.warning("text not synthesised, trying the next voice: %s", error)
        return b""
