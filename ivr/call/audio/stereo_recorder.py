"""Stereo recording of a call: the caller on the left, the audio they heard on the right.

Must not know: flows, networks, databases.

The file is a WAV file of 8 kHz, 16 bits, two channels. Each second of audio is appended and the header updated (by the
standard library's `wave`), so a crash at any moment leaves a playable file that lacks at most the last second or two;
no repair is needed. The file is locked while it is written, so that another process can tell whether it is complete.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import wave
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ivr.call.audio.mixing import StereoMix
from ivr.database.errors import RecordingLost
from ivr.telephony.media import SAMPLE_RATE_HZ, AudioSide

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StereoRecording:
    """A finished recording; `sha256` is the hexadecimal digest of the whole file."""

    path: Path
    seconds: float
    sha256: str


class StereoRecorder:
    """Records one call. The `add_*` methods and `clear` mirror the media stream and never block.

    Offsets are ms since the call was answered and never decrease; audio is 16-bit mono at 8 kHz.
    """

    def __init__(self, path: Path, start_ms: int) -> None:
        self._path = path
        self._mix = StereoMix(start_ms)
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write(), name=f"recording {path.name}")

    @classmethod
    def start(cls, path: Path, start_ms: int) -> Self:
        """Start a recording at `path`, which must not exist yet; missing folders are created."""
        return cls(path, start_ms)

    def add_caller(self, at_ms: int, pcm: bytes) -> None:
        """Add a frame of the caller's audio that arrived at `at_ms`."""
        self._queue(self._mix.settled(at_ms))
        self._mix.add_caller(at_ms, pcm)

    def add_overheard(self, at_ms: int, who: AudioSide, pcm: bytes) -> None:
        """Add a frame of the caller or of another party, captured during a transfer; other parties go on our side."""
        self._queue(self._mix.settled(at_ms))
        self._mix.add_overheard(at_ms, who, pcm)

    def add_prompt(self, at_ms: int, pcm: bytes) -> None:
        """Add queued prompt audio: it starts at `at_ms`, or when all audio queued before has been heard."""
        self._queue(self._mix.settled(at_ms))
        self._mix.add_prompt(at_ms, pcm)

    def clear(self, at_ms: int) -> None:
        """Discard prompt audio from `at_ms` on: it was never heard."""
        self._mix.clear(at_ms)

    async def close(self, at_ms: int) -> StereoRecording:
        """End the recording at `at_ms`.

        Raises:
            RecordingLost: the file could not be written completely.
        """
        self._queue(self._mix.rest(at_ms))
        self._queue([b""])
        try:
            return await self._writing
        except OSError as error:
            raise RecordingLost(f"{self._path}: {error}") from error

    def _queue(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if not self._writing.done():
                self._pieces.put_nowait(piece)

    async def _write(self) -> StereoRecording:
        try:
            file = await asyncio.to_thread(_WavFile, self._path)
            with closing(file):
                while piece := await self._pieces.get():
                    await asyncio.to_thread(file.append, piece)
                return await asyncio.to_thread(file.finish)
        except OSError as error:
            _log.warning("recording %s stopped: %s", self._path, error)
            raise


class _WavFile:
    """A WAV file that is readable at any moment. Its methods block."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._wav = wave.open(self._file, "wb")  # noqa: SIM115 - stays open until finish
        self._wav.setnchannels(2)
        self._wav.setsampwidth(2)
        self._wav.setframerate(SAMPLE_RATE_HZ)
        self.append(b"")

    def append(self, samples: bytes) -> None:
        self._wav.writeframes(samples)
        self._file.flush()

    def finish(self) -> StereoRecording:
        seconds = self._wav.tell() / SAMPLE_RATE_HZ
        os.fsync(self._file.fileno())
        with self._path.open("rb") as file:
            return StereoRecording(self._path, seconds, hashlib.file_digest(file, "sha256").hexdigest())

    def close(self) -> None:
        """Close the file, ignoring data that a full disk refused."""
        for each in (self._wav, self._file):
            with suppress(OSError):
                each.close()
