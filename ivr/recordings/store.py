"""The port to the place where recordings are kept. Must not know: calls, what kind of storage it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ivr.errors import HuifangError


class RecordingsUnavailable(HuifangError):
    """The place where recordings are kept cannot be used, or not now."""


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording in the store: its path or URL, and the hexadecimal SHA-256 of the whole file."""

    url: str
    seconds: float
    sha256: str


class RecordingStore(Protocol):
    """Storage of recordings (WAV files) by key, such as `2026-11-21/CALL.wav`; several nodes may share it.

    The asynchronous methods raise RecordingsUnavailable.
    """

    def url(self, key: str) -> str:
        """Return the path or URL of the recording with this key, whether there is one or not."""

    async def put(self, file: Path, key: str) -> None:
        """Copy a file into the store; a recording with the same key is replaced."""

    async def find(self, key: str) -> StoredRecording | None:
        """Return the recording with this key; None if there is none, or only a part of one."""
