"""Recogniser that dispatches by language: model folders are decoded locally, addresses are Vosk servers.

Must not know: calls, flows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from recognizer.base import Grammar, Listener
from recognizer.remote import RemoteRecognizer, without_credentials
from recognizer.vosk import VoskRecognizer


def is_address(location: str | Path) -> bool:
    """Return whether this is a server's address (`ws://…`, `wss://…`) rather than a folder."""
    return str(location).startswith(("ws://", "wss://"))


def display_location(location: str | Path) -> str:
    """Return the location of a model for display: an address without credentials."""
    return without_credentials(str(location)) if is_address(location) else str(location)


class RecognizerRouter:
    """A recognizer.base.Recognizer of several languages, each decoded locally or by a server.

    `models` maps languages to folders and addresses; otherwise as VoskRecognizer.
    """

    def __init__(self, cache: Path, models: Mapping[str, str | Path]) -> None:
        self.remote = RemoteRecognizer({tag: str(location) for tag, location in models.items() if is_address(location)})
        self._local = VoskRecognizer(
            cache, {tag: Path(location) for tag, location in models.items() if not is_address(location)}
        )

    @property
    def languages(self) -> frozenset[str]:
        """The languages of both."""
        return self._local.languages | self.remote.languages

    def learn(self, language: str, phrases: Iterable[str]) -> None:
        """Prepare phrases as in VoskRecognizer; no-op for a server."""
        if language not in self.remote.languages:
            self._local.learn(language, phrases)

    def listen(self, grammar: Grammar) -> Listener:
        """Start a recognition; raise as specified by the port."""
        return self._recognizer_for(grammar.language).listen(grammar)

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        """Return the phrases that cannot be recognised, with reasons."""
        return self._recognizer_for(language).unheard(language, phrases)

    def close(self) -> None:
        """Close both."""
        self.remote.close()
        self._local.close()

    def _recognizer_for(self, language: str) -> VoskRecognizer | RemoteRecognizer:
        return self.remote if language in self.remote.languages else self._local
