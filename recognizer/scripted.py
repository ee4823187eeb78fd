"""The fake that ships beside the port: it hears what it was told it would hear. Must not know: audio, models."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from recognizer.base import Grammar, Hypothesis, UnheardLanguage, UnheardPhrase

ScriptedReading = Sequence[Hypothesis]


class ScriptedRecognizer:
    """Each listener takes the next entry of the script, whatever is fed to it.

    An entry is the reading that `hypotheses()` gives (empty: nothing heard). A listener beyond the end of the script
    hears nothing. `grammars` keeps what was asked for, in order.
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
        """As given."""
        return self._languages

    def listen(self, grammar: Grammar) -> ScriptedListener:
        """Start the next listener of the script; raises as the port says."""
        if grammar.language not in self._languages:
            raise UnheardLanguage(grammar.language)
        if unheard := self.unheard(grammar.language, grammar.phrases):
            raise UnheardPhrase("; ".join(f'"{phrase}": {reason}' for phrase, reason in unheard.items()))
        self.grammars.append(grammar)
        return ScriptedListener(self._script.popleft() if self._script else ())

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Those of `phrases` that were given as unheard, with their reasons; in a language not heard, all of them."""
        if language not in self._languages:
            return dict.fromkeys(phrases, f"no model for {language}")
        return {phrase: self._unheard[phrase] for phrase in phrases if phrase in self._unheard}

    def close(self) -> None:
        """Nothing to let go of."""


class ScriptedListener:
    """Hears its entry of the script once it has been fed any audio at all."""

    def __init__(self, reading: ScriptedReading) -> None:
        self._reading = reading
        self._closed = False
        self.fed_bytes = 0

    def feed(self, pcm: bytes) -> None:
        """Count the audio."""
        if self._closed:
            raise ValueError("the listener is closed")
        self.fed_bytes += len(pcm)

    async def hypotheses(self) -> Sequence[Hypothesis]:
        """The scripted reading; nothing before the first audio."""
        return tuple(self._reading) if self.fed_bytes else ()

    def close(self) -> None:
        """Refuse further audio."""
        self._closed = True
