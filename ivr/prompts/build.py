"""`prompts build`: render missing and changed prompts. Must not know: flows, calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from ivr.errors import Fault, FaultyFile, HuifangError
from ivr.prompts import manifest as manifests
from ivr.prompts.audio import Samples, prepare, write_wav
from ivr.prompts.catalog import Catalog, load
from ivr.prompts.manifest import PERSON, ManifestEntry, recorded_file, recorded_key, spoken_key
from ivr.prompts.recording import read_sound
from ivr.prompts.render import Engine, EngineFailed, Voice, engines


class NoEngine(HuifangError):
    """Prompts need synthesis but no speech engine of the catalog is installed; the message says how to install one."""


@dataclass(slots=True)
class Report:
    """Result of a build; recordings are named `language/recording`."""

    spoken: list[str] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def build(folder: Path, progress: Progress | None = None, speakers: Mapping[str, Engine] | None = None) -> Report:
    """Update the audio of the catalog in `folder` and remove audio built for deleted prompts.

    `progress` shows a bar per language; `speakers` maps the catalog's engine names to engines.

    Raises:
        FaultyFile: the catalog is faulty, or a human recording is not a WAV file with speech.
        NoEngine: no engine for a language is installed; nothing of that language was changed.
        EngineFailed: an engine produced no speech for a text; earlier results are kept.
    """
    catalog = load(folder)
    manifest = manifests.read(catalog)
    report = Report()
    try:
        for language in catalog.languages:
            speaker = _choose_voice(catalog.voices[language], engines(folder) if speakers is None else speakers)
            _Language(catalog, language, speaker, manifest.setdefault(language, {}), report).build(progress)
    finally:
        manifests.write(catalog, manifest)
    return report


@dataclass(frozen=True, slots=True)
class _Speaker:
    voice: Voice
    engine: Engine

    def speak(self, words: str) -> Samples:
        try:
            return prepare(self.engine.speak(words, self.voice))
        except ValueError as error:
            raise EngineFailed(f"{self.voice} cannot speak {words!r}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Language:
    """Build of one language. `speaker` is the reason as text if none is available."""

    catalog: Catalog
    language: str
    speaker: _Speaker | str
    entries: dict[str, ManifestEntry]
    report: Report

    def build(self, progress: Progress | None) -> None:
        recordings = self.catalog.recordings(self.language)
        wanted = {name: self._entry(name, words) for name, words in recordings.items()}
        stale = [name for name, entry in wanted.items() if not self._is_current(name, entry)]
        self.report.kept += [self._label(name) for name in wanted if name not in stale]
        if isinstance(self.speaker, str) and any(wanted[name].by != PERSON for name in stale):
            raise NoEngine(f"no speech engine for {self.language}: {self.speaker}")
        self._remove(self.entries.keys() - wanted.keys())
        for name in progress.track(stale, len(stale), description=self.language) if progress else stale:
            target = self.catalog.wav(self.language, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_wav(target, self._samples(name, recordings[name], wanted[name]))
            self.entries[name] = wanted[name]

    def _entry(self, name: str, words: str) -> ManifestEntry:
        recorded = recorded_file(self.catalog, self.language, name)
        if recorded.exists():
            return ManifestEntry(PERSON, recorded_key(recorded))
        if isinstance(self.speaker, _Speaker):
            by = str(self.speaker.voice)
        else:
            by = self.entries[name].by if name in self.entries else ""
        return ManifestEntry(by, spoken_key(words, by))

    def _is_current(self, name: str, entry: ManifestEntry) -> bool:
        return self.entries.get(name) == entry and self.catalog.wav(self.language, name).exists()

    def _samples(self, name: str, words: str, entry: ManifestEntry) -> Samples:
        if entry.by != PERSON and isinstance(self.speaker, _Speaker):
            self.report.spoken.append(self._label(name))
            return self.speaker.speak(words)
        recorded = recorded_file(self.catalog, self.language, name)
        self.report.recorded.append(self._label(name))
        try:
            return prepare(read_sound(recorded.read_bytes()))
        except ValueError as error:
            raise FaultyFile([Fault(str(recorded), "", str(error))]) from error

    def _remove(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            self.catalog.wav(self.language, name).unlink(missing_ok=True)
            del self.entries[name]
            self.report.removed.append(self._label(name))

    def _label(self, name: str) -> str:
        return f"{self.language}/{name}"


def _choose_voice(voices: tuple[Voice, ...], speakers: Mapping[str, Engine]) -> _Speaker | str:
    """Return the first available voice, or the reasons why there is none."""
    reasons = []
    for voice in voices:
        engine = speakers.get(voice.engine)
        if engine is None:
            reasons.append(f"unknown engine {voice.engine}; engines are {', '.join(speakers)}")
        elif missing := engine.missing(voice):
            reasons.append(missing)
        else:
            return _Speaker(voice, engine)
    return "; or: ".join(reasons)
