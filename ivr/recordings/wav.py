"""The measures of a WAV file. Must not know: where the file is."""

from __future__ import annotations

import hashlib
import os
import wave
from io import BufferedReader


def measure(file: BufferedReader) -> tuple[float, str] | None:
    """Return the length in seconds and the SHA-256 of a WAV file; None if it is damaged or cut short."""
    try:
        with wave.open(file) as sound:
            frames, frame_bytes = sound.getnframes(), sound.getnchannels() * sound.getsampwidth()
            seconds = frames / sound.getframerate()
            audio_at = file.tell()
    except (EOFError, wave.Error, ZeroDivisionError):
        return None
    if file.seek(0, os.SEEK_END) < audio_at + frames * frame_bytes:
        return None
    file.seek(0)
    return seconds, hashlib.file_digest(file, "sha256").hexdigest()
