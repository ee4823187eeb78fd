"""Cuts a caller's utterance out of the call's recording. Must not know: what was said, who the caller is."""

from __future__ import annotations

import wave
from typing import BinaryIO, Final

import numpy as np

from ivr.telephony.media import FRAME_MS, SAMPLE_RATE_HZ
from recognizer.endpoint import VoiceActivity

_LOOKBACK_MS: Final = 1000
"""Extra audio searched before the utterance, because its counted voice does not include pauses."""
_VOICE_THRESHOLD: Final = 0.3
_MARGINS_MS: Final = (160, 60)
"""Audio kept before and after the voice; the second is short because Silero's voice probability decays late."""
_FRAME: Final = SAMPLE_RATE_HZ * FRAME_MS // 1000


def cut(recording: BinaryIO, offset_ms: int, end_ms: int, voice_ms: int) -> bytes:
    """Return the caller's utterance that ended at `end_ms`, as 16-bit mono at 8 kHz; empty if there is no voice.

    `offset_ms` is the time of the recording's first sample, on the same clock as `end_ms`.

    Raises:
        OSError, EOFError, ValueError, wave.Error: the recording cannot be read.
    """
    last = max(0, end_ms - offset_ms) * SAMPLE_RATE_HZ // 1000
    first = max(0, last - (voice_ms + _LOOKBACK_MS) * SAMPLE_RATE_HZ // 1000)
    with wave.open(recording) as file:
        file.setpos(min(first, file.getnframes()))
        stereo = np.frombuffer(file.readframes(last - first), "<i2").reshape(-1, file.getnchannels())
    return _trim_to_voice(stereo[:, 0])


def _trim_to_voice(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> bytes:
    activity = VoiceActivity()
    starts = range(0, len(samples) - _FRAME + 1, _FRAME)
    voiced = [
        start
        for start in starts
        if activity.frame(samples[start : start + _FRAME].tobytes()).silero >= _VOICE_THRESHOLD
    ]
    if not voiced:
        return b""
    before, after = (ms * SAMPLE_RATE_HZ // 1000 for ms in _MARGINS_MS)
    return samples[max(0, voiced[0] - before) : voiced[-1] + _FRAME + after].tobytes()
