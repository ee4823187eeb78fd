"""What is said to agents and to callers who wait: recorded prompts, and free words where an engine can speak them.

Must not know: who is asked, how audio reaches anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ivr.actions import Prompt
from ivr.prompts.library import SENTENCE_MS, PromptLibrary
from ivr.prompts.spoken import Unspeakable

SENTENCE_PAUSE: Final = bytes(SENTENCE_MS * 16)
"""Between two sentences: 8 kHz, 16 bits."""


class Announcements:
    """Made of the catalog's `whisper.*` and `queue.*`. `announce` makes free words audible, or nothing of them."""

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
        """Which line, what was said, who calls, which keys: what can't be spoken is left out. May block.

        `own`: what the caller said, in their voice; `consulted`: a colleague who has the call asks; `recorded`: so that
        they know it.
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
        """How many are before the caller, and how to be called back instead."""
        name = "queue.position" if ahead else "queue.next"
        return self._spoken(Prompt(name, {"ahead": str(ahead)}), language)

    def _spoken(self, prompt: Prompt, language: str) -> bytes:
        try:
            return self._prompts.pcm(prompt, language)
        except Unspeakable:
            return b""
