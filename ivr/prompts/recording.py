"""Decoding of WAV files in any format, with pydub. Must not know: catalogs, engines."""

from __future__ import annotations

import struct
import warnings

import numpy as np

from ivr.prompts.audio import PromptSound

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydub warns about the standard library's audioop and a missing ffmpeg
    from pydub import AudioSegment
    from pydub.exceptions import CouldntDecodeError

__all__ = ["AudioSegment", "open_wav", "read_sound"]


def open_wav(content: bytes) -> AudioSegment:
    """Decode the content of a WAV file. Works in memory: pydub leaves a broken file open and passes it to ffmpeg.

    Raises:
        ValueError: the content is not a WAV file, or truncated.
    """
    try:
        return AudioSegment(content)
    except (CouldntDecodeError, LookupError, EOFError, struct.error) as error:
        raise ValueError(f"it is not a WAV file ({error})") from error


def read_sound(content: bytes) -> PromptSound:
    """Decode the content of a WAV file of any rate and sample width; channels are mixed down to one.

    Raises:
        ValueError: the content is not a WAV file.
    """
    segment = open_wav(content)
    channels = np.array(segment.get_array_of_samples(), dtype=np.float32).reshape(-1, segment.channels)
    return PromptSound(channels.mean(axis=1) / np.float32(segment.max_possible_amplitude), segment.frame_rate)
