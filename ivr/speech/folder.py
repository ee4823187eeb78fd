"""A folder of clips with a manifest.tsv, in the format of the training. Must not know: calls, telephone numbers."""

from __future__ import annotations

import csv
import os
import shutil
import wave
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from ivr.telephony.media import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class CallerClip:
    """A line of the manifest; `path` is relative to the folder, `sec` the length in seconds."""

    path: str
    text: str
    speaker: str
    lang: str
    sec: str
    licence: str
    source: str
    note: str


_COLUMNS: Final = tuple(field.name for field in fields(CallerClip))


class _Tabs(csv.Dialect):
    delimiter = "\t"
    quoting = csv.QUOTE_NONE
    lineterminator = "\n"


class ClipFolder:
    """Clips in one subfolder per speaker, listed in the manifest; readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest = folder / "manifest.tsv"
        self._clips = {clip.path: clip for clip in self._read_manifest()}

    def __contains__(self, path: str) -> bool:
        return path in self._clips

    def add(self, clip: CallerClip, pcm: bytes) -> None:
        """Write the audio of a clip; `save` adds it to the manifest."""
        path = self.folder / clip.path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "wb") as file, wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE_HZ)
            sound.writeframes(pcm)
        self._clips[clip.path] = clip

    def erase(self, speaker: str) -> int:
        """Delete a speaker's clips and their manifest lines; return their number."""
        removed = [clip.path for clip in self._clips.values() if clip.speaker == speaker]
        for path in removed:
            del self._clips[path]
        self.save()
        shutil.rmtree(self.folder / speaker, ignore_errors=True)
        return len(removed)

    def save(self) -> None:
        """Write the manifest atomically."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        rows = [asdict(clip) for clip in sorted(self._clips.values(), key=lambda clip: clip.path)]
        with NamedTemporaryFile("w", dir=self.folder, delete=False, encoding="utf-8", newline="") as draft:
            writer = csv.DictWriter(draft, _COLUMNS, dialect=_Tabs)
            writer.writeheader()
            writer.writerows(rows)
        Path(draft.name).replace(self._manifest)

    def _read_manifest(self) -> list[CallerClip]:
        if not self._manifest.exists():
            return []
        with self._manifest.open(encoding="utf-8", newline="") as manifest:
            return [CallerClip(**row) for row in csv.DictReader(manifest, dialect=_Tabs)]
