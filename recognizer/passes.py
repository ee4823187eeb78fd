"""Streaming of one answer's audio, with level normalisation, through one or more Vosk decoders.

Must not know: grammars, what the results mean, threads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import vosk

from recognizer.audio import amplify, frame_level_dbov, speech_level_dbov
from recognizer.base import SAMPLE_RATE_HZ
from recognizer.results import Results

LEVEL_DBOV: Final = -26.0
"""Target speech level (nominal in ITU-T P.56)."""
MAX_GAIN_DB: Final = 24.0
GAIN_TOLERANCE_DB: Final = 6.0
"""If the gain is off by more than this when all audio is known, the audio is decoded again."""
_VOICE_DBOV: Final = -50.0
_BLOCK_BYTES: Final = SAMPLE_RATE_HZ * 2 * 100 // 1000
"""Block size of decoding: each call has a fixed cost equal to 50 ms of audio."""
_VOICE_BYTES: Final = SAMPLE_RATE_HZ * 2 * 300 // 1000

_DITHER: Final = np.random.default_rng(0).normal(size=4 * SAMPLE_RATE_HZ)
"""Dither of one quantisation step, so that digital silence has finite energy; fixed, so results are reproducible."""


class Passes:
    """Streaming decoders; `results` may be called at any time and covers everything since the start."""

    def __init__(self, decoders: Callable[[], Sequence[vosk.KaldiRecognizer]]) -> None:
        self._make_decoders = decoders
        self.audio = bytearray()
        self._voice_at: int | None = None
        self._restart()

    def feed(self, pcm: bytes) -> None:
        """Accept the next audio. Decoding starts 300 ms after the first voice, when its level is known."""
        self.audio += pcm
        if self._voice_at is None and frame_level_dbov(pcm) > _VOICE_DBOV:
            self._voice_at = len(self.audio)
        started = self._voice_at is not None and len(self.audio) >= self._voice_at + _VOICE_BYTES
        if started and len(self.audio) - self._decoded >= _BLOCK_BYTES:
            self._decode()

    def results(self) -> list[Results]:
        """Return one list per decoder. The next audio after that restarts decoding from the beginning."""
        if abs(self._target_gain() - self._gain_db) > GAIN_TOLERANCE_DB:
            self._restart()
        self._decode()
        finished = self._results
        for decoder, results in zip(self._decoders, finished, strict=True):
            results.append(json.loads(decoder.FinalResult()))
        self._restart()
        return finished

    def _restart(self) -> None:
        self._decoders: Sequence[vosk.KaldiRecognizer] = ()
        self._results: list[Results] = []
        self._decoded = 0
        self._gain_db = 0.0

    def _decode(self) -> None:
        if not self._decoders:
            self._decoders = self._make_decoders()
            self._results = [[] for _ in self._decoders]
            self._gain_db = self._target_gain()
        pcm = _with_dither(amplify(bytes(self.audio[self._decoded :]), self._gain_db), self._decoded // 2)
        self._decoded = len(self.audio)
        for decoder, results in zip(self._decoders, self._results, strict=True):
            if decoder.AcceptWaveform(pcm):
                results.append(json.loads(decoder.Result()))

    def _target_gain(self) -> float:
        gain = LEVEL_DBOV - speech_level_dbov(bytes(self.audio))
        return max(-MAX_GAIN_DB, min(MAX_GAIN_DB, gain))


def _with_dither(pcm: bytes, place: int) -> bytes:
    """Add the dither of sample offset `place`."""
    samples = np.frombuffer(pcm, "<i2")
    dither = _DITHER[(place + np.arange(len(samples))) % len(_DITHER)]
    return np.clip(np.rint(samples + dither), -32768, 32767).astype("<i2").tobytes()
