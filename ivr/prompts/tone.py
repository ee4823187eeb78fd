"""A fake speech engine: one short tone per letter, for tests and for trying out a catalog without any voice."""

from __future__ import annotations

import numpy as np

from ivr.prompts.audio import PromptSound
from ivr.prompts.render import EngineFailed, Voice

RATE_HZ = 16000
LETTER_MS = 120
SILENCE_MS = 200


class Tone:
    """Fake render.Engine. `spoken` collects the texts; the voice named `absent` is reported as missing."""

    def __init__(self, absent: str = "") -> None:
        self.spoken: list[str] = []
        self._absent = absent

    def missing(self, voice: Voice) -> str:
        return f"the tone {voice.voice} is not installed; install it" if voice.voice == self._absent else ""

    def speak(self, words: str, voice: Voice) -> PromptSound:
        letters = [ord(letter) for letter in words if letter.isalnum()]
        if not letters:
            raise EngineFailed(f"no letters in {words!r}")
        self.spoken.append(words)
        time = np.arange(RATE_HZ * LETTER_MS // 1000) / RATE_HZ
        tones = [np.sin(2 * np.pi * (300 + letter % 40 * 20) * time) * np.hanning(time.size) for letter in letters]
        silence = np.zeros(RATE_HZ * SILENCE_MS // 1000)
        return PromptSound(np.concatenate([silence, *tones, silence]).astype(np.float32) * np.float32(0.3), RATE_HZ)
