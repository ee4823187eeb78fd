"""Audio for agents and queued callers: recorded prompts, plus free text where a speech engine can render it.

Must not know: which agent is offered the call, how audio is played.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ivr.actions import Prompt
from ivr.prompts.library import SENTENCE_MS, PromptLibrary
from ivr.prompts.spoken import Unspeakable

SENTENCE_PAUSE: Final = bytes(SENTENCE_MS * 16)
"""Silence between two sentences: 8 kHz, 16-bit."""


class Announcements:
    """Announcements from the catalog's `whisper.*` and `queue.*` prompts.

    `synthesize` renders free text in a language as audio; empty if no engine can.
    """

    def __init__(self, prompts: PromptLibrary, synthesize: Callable[[str, str], bytes]) -> None:
        self._prompts, self._synthesize = prompts, synthesize

    def whisper(
        self,
        line: str,
        caller: str,
        text: str,
        language: str,
        caller_audio: bytes = b"",
        *,
        consulted: bool = False,
        recorded: bool = False,
    ) -> bytes:
        """Return the whisper: line, consultation, recording notice, text, caller's audio, caller's number, keys.

        Parts that cannot be rendered are left out. May block.

        Args:
            text: the flow's text about the caller.
            caller_audio: the caller's own recorded words.
            consulted: a colleague who has the call is consulting the listener.
            recorded: the conversation is recorded, which the whisper then says.
        """
        parts = [
            self._spoken(Prompt(f"whisper.line.{line}"), language),
            self._spoken(Prompt("whisper.consult"), language) if consulted else b"",
            self._spoken(Prompt("whisper.recorded"), language) if recorded else b"",
            self._synthesize(text, language) if text else b"",
            caller_audio,
            self._spoken(Prompt("whisper.caller", {"caller": caller}), language),
            self._spoken(Prompt("whisper.keys"), language),
        ]
        return SENTENCE_PAUSE.join(pcm for pcm in parts if pcm)

    def position(self, ahead: int, language: str) -> bytes:
        """Return the announcement of the queue position and of the callback that the caller can ask for instead."""
        name = "queue.position" if ahead else "queue.next"
        return self._spoken(Prompt(name, {"ahead": str(ahead)}), language)

    def _spoken(self, prompt: Prompt, language: str) -> bytes:
        try:
            return self._prompts.pcm(prompt, language)
        except Unspeakable:
            return b""
