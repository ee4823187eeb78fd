"""What the caller said last in free speech, kept while the call lasts to be played back to them, and nowhere else.

Must not know: questions, turn-taking's rules, who plays it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ivr.actions import Prompt
from ivr.events import format_span

TAIL_MS: Final = 100
"""So much is played beyond the last voice, so that a soft ending is heard."""


class UtteranceBuffer:
    """One call's; all times are ms on the call's clock."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, bytes]] = []
        self._recognition = False
        self._kept: tuple[str, bytes] | None = None

    def listen(self, free: bool) -> None:
        """A question begins: whether the caller may speak freely."""
        self._frames.clear()
        self._recognition = free

    def take(self, at_ms: int, pcm: bytes) -> None:
        """One frame of the caller's audio, ended at `at_ms`."""
        if self._recognition:
            self._frames.append((at_ms, pcm))

    def keep(self, span_ms: tuple[int, int]) -> None:
        """The caller said something there: keep it in place of what was said before."""
        start_ms, end_ms = span_ms
        said = b"".join(pcm for at_ms, pcm in self._frames if start_ms < at_ms <= end_ms + TAIL_MS)
        self._kept = (format_span(span_ms), said)
        self.listen(False)

    def beside(self, prompt: Prompt) -> tuple[Prompt, bytes]:
        """A prompt with the words that it plays; where they are gone, what is said instead."""
        if self._kept and self._kept[0] == prompt.values.get("said"):
            return prompt, self._kept[1]
        return (replace(prompt, name=prompt.unplayed) if prompt.unplayed else prompt), b""

    def said(self, span: str) -> bytes:
        """What was said at a place of the call; empty where it is gone."""
        return self._kept[1] if self._kept and self._kept[0] == span else b""
