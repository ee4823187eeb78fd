"""Fake recogniser, shipped with the port, that returns scripted hypotheses. Must not know: audio, models."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from recognizer.base import Grammar, Hypothesis, UnheardLanguage, UnheardPhrase

ScriptedReading = Sequence[Hypothesis]


class ScriptedRecognizer:
    """A recognizer.base.Recognizer whose listeners return the entries of a script, regardless of the audio.

    An entry is the result of `hypotheses()` (empty: nothing recognised). Listeners beyond the end of the script return
    nothing. `grammars` records the requested grammars in order.
    """

    def __init__(
        self,
        script: Iterable[ScriptedReading] = (),
        *,
        languages: Iterable[str] = ("zh-CN", "en-US"),
        unheard: Mapping[str, str] | None = None,
    ) -> None:
        self._script = deque(script)
        self._languages = frozenset(languages)
        self._unheard = dict(unheard or {})
        self.grammars: list[Grammar] = []

    @property
    def languages(self) -> frozenset[str]:
        """The configured languages."""
        return self._languages

    def listen(self, grammar: Grammar) -> ScriptedListener:
        """Start the next listener of the script; raise as specified by the port."""
        if grammar.language not in self._languages:
            raise UnheardLanguage(grammar.language)
        if unheard := self.unheard(grammar.language, grammar.phrases):
            raise UnheardPhrase("; ".join(f'"{phrase}": {reason}' for phrase, reason in unheard.items()))
        self.grammars.append(grammar)
        return ScriptedListener(self._script.popleft() if self._script else ())

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases configured as unheard, with their reasons; all of them in an unsupported language."""
        if language not in self._languages:
            return dict.fromkeys(phrases, f"no model for {language}")
        return {phrase: self._unheard[phrase] for phrase in phrases if phrase in self._unheard}

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class ScriptedListener:
    """Returns its entry of the script once any audio was fed."""

    def __init__(self, reading: ScriptedReading) -> None:
        self._reading = reading
        self._closed = False
        self.fed_bytes = 0

    def feed(self, pcm: bytes) -> None:
        """Count the bytes."""
        if self._closed:
            raise ValueError("the listener is closed")
        self.fed_bytes += len(pcm)

    async def hypotheses(self) -> Sequence[Hypothesis]:
        """Return the scripted hypotheses; empty before the first audio."""
        return tuple(self._reading) if self.fed_bytes else ()

    def close(self) -> None:
        """Reject further audio."""
        self._closed = True
