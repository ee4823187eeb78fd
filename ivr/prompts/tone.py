"""A speech engine that hums: one short tone per letter, for tests and for trying out a catalog without any voice."""

from __future__ import annotations

import numpy as np

from ivr.prompts.audio import PromptSound
from ivr.prompts.render import EngineFailed, Voice

RATE_HZ = 16000
LETTER_MS = 120
SILENCE_MS = 200


class Tone:
    """See render.Engine. Remembers what it was asked to speak; has no voice for `absent` ones."""

    def __init__(self, absent: str = "") -> None:
        self.spoken: list[str] = []
        self._absent = absent

    def missing(self, voice: Voice) -> str:
        return f"the tone {voice.voice} is not here; buy a tuning fork" if voice.voice == self._absent else ""

    def speak(self, words: str, voice: Voice) -> PromptSound:
        letters = [ord(letter) for letter in words if letter.isalnum()]
        if not letters:
            raise EngineFailed(f"nothing to hum in {words!r}")
        self.spoken.append(words)
        time = np.arange(RATE_HZ * LETTER_MS // 1000) / RATE_HZ
        hum = [np.sin(2 * np.pi * (300 + letter % 40 * 20) * time) * np.hanning(time.size) for letter in letters]
        silence = np.zeros(RATE_HZ * SILENCE_MS // 1000)
        return PromptSound(np.concatenate([silence, *hum, silence]).astype(np.float32) * np.float32(0.3), RATE_HZ)
