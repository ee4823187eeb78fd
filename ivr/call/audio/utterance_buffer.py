"""The caller's last free-speech utterance, kept in memory for the duration of the call so that it can be played back.

Must not know: questions, turn-taking's rules, who plays it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ivr.actions import Prompt
from ivr.events import format_span

TAIL_MS: Final = 100
"""Audio kept beyond the last voice frame, so that a soft ending is not cut."""


class UtteranceBuffer:
    """Buffer of one call; all times are ms on the call's clock."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, bytes]] = []
        self._buffering = False
        self._stored: tuple[str, bytes] | None = None

    def begin(self, free: bool) -> None:
        """Start a question; buffer audio only if it takes `free` speech."""
        self._frames.clear()
        self._buffering = free

    def add_frame(self, at_ms: int, pcm: bytes) -> None:
        """Add a frame of the caller's audio that ended at `at_ms`."""
        if self._buffering:
            self._frames.append((at_ms, pcm))

    def store(self, span_ms: tuple[int, int]) -> None:
        """Store the utterance at `span_ms`, replacing the previous one, and stop buffering."""
        start_ms, end_ms = span_ms
        pcm_span = b"".join(pcm for at_ms, pcm in self._frames if start_ms < at_ms <= end_ms + TAIL_MS)
        self._stored = (format_span(span_ms), pcm_span)
        self.begin(False)

    def resolve(self, prompt: Prompt) -> tuple[Prompt, bytes]:
        """Return a prompt and the utterance it plays back; if that is gone, the prompt's `unplayed` replacement."""
        if self._stored and self._stored[0] == prompt.values.get("said"):
            return prompt, self._stored[1]
        return (replace(prompt, name=prompt.unplayed) if prompt.unplayed else prompt), b""

    def audio(self, span: str) -> bytes:
        """Return the audio of the utterance at `span`; empty if it is gone."""
        return self._stored[1] if self._stored and self._stored[0] == span else b""
