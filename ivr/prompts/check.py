"""`prompts check`: validation of a catalog's audio. Needs no speech engine. Must not know: flows, calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ivr.errors import Fault
from ivr.prompts import manifest as manifests
from ivr.prompts.audio import LEVEL_DBOV, PROMPT_RATE_HZ, level_dbov
from ivr.prompts.catalog import Catalog, load
from ivr.prompts.manifest import PERSON, Manifest, recorded_file, recorded_key, spoken_key
from ivr.prompts.recording import AudioSegment, open_wav

MAX_S: Final = 12.0
MAX_PEAK_DB: Final = -3.0
LEVEL_TOLERANCE_DB: Final = 0.5
"""Tolerance on either side of LEVEL_DBOV, so that no two prompts differ by more than 1 dB."""
CLIPPED_RUN: Final = 3
"""Number of consecutive equal samples at the maximum that counts as clipping."""


def check(folder: Path) -> list[Fault]:
    """Return all faults of the audio of the catalog in `folder`; empty if there are none.

    Raises:
        FaultyFile: the catalog itself is faulty.
    """
    catalog = load(folder)
    manifest = manifests.read(catalog)
    faults: list[Fault] = []
    for language in catalog.languages:
        for name, words in catalog.recordings(language).items():
            file = catalog.wav(language, name)
            reasons = [*_audio(file), *_stale(catalog, manifest, language, name, words)] if file.exists() else [MISSING]
            faults += [Fault(str(file), name, reason) for reason in reasons]
        faults += _mixed(catalog, manifest, language)
    return faults + [Fault(str(file), "", "it is not in the catalog") for file in _unlisted(catalog)]


MISSING: Final = "it is missing; run `prompts build`"


def _audio(file: Path) -> Iterator[str]:
    try:
        sound = open_wav(file.read_bytes())
    except ValueError as error:
        yield str(error)
        return
    form = (sound.frame_rate, sound.sample_width * 8, sound.channels)
    if form != (PROMPT_RATE_HZ, 16, 1):
        wanted = f"{PROMPT_RATE_HZ} Hz, 16 bit, 1 channel"
        yield f"it has {form[0]} Hz, {form[1]} bit, {form[2]} channel(s); required: {wanted}"
        return
    if sound.duration_seconds > MAX_S:
        yield f"it is too long: {sound.duration_seconds:.1f} s; the limit is {MAX_S:.0f} s, as callers stop listening"
    yield from _loudness(sound)


def _loudness(sound: AudioSegment) -> Iterator[str]:
    samples = np.array(sound.get_array_of_samples(), dtype=np.float32) / np.float32(sound.max_possible_amplitude)
    if _clipped(samples):
        yield "it is clipped"
    elif sound.max_dBFS > MAX_PEAK_DB:
        yield f"its peak of {sound.max_dBFS:.1f} dBFS is above {MAX_PEAK_DB:.0f} dBFS"
    level = level_dbov(samples)
    if level < LEVEL_DBOV - LEVEL_TOLERANCE_DB:
        yield f"it is too quiet: {level:.1f} dBov instead of {LEVEL_DBOV:.0f}"
    if level > LEVEL_DBOV + LEVEL_TOLERANCE_DB:
        yield f"it is too loud: {level:.1f} dBov instead of {LEVEL_DBOV:.0f}"


def _clipped(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bool:
    top = np.abs(samples) >= max(float(np.abs(samples).max(initial=0.0)), 0.25)
    runs = np.convolve(top, np.ones(CLIPPED_RUN), mode="valid")
    return bool((runs >= CLIPPED_RUN).any())


def _stale(catalog: Catalog, manifest: Manifest, language: str, name: str, words: str) -> Iterator[str]:
    entry = manifest.get(language, {}).get(name)
    recorded = recorded_file(catalog, language, name)
    if entry is None:
        yield "it is not in the manifest; run `prompts build`"
    elif recorded.exists():
        if entry.key != recorded_key(recorded):
            yield f"it is stale: {recorded} is newer; run `prompts build`"
    elif entry.by == PERSON:
        yield f"it is stale: {recorded} no longer exists; run `prompts build`"
    elif entry.by not in {str(voice) for voice in catalog.voices[language]}:
        yield f"it is stale: the voice {entry.by!r} is no longer in the catalog; run `prompts build`"
    elif entry.key != spoken_key(words, entry.by):
        yield "it is stale: its text has changed; run `prompts build`"


def _mixed(catalog: Catalog, manifest: Manifest, language: str) -> Iterator[Fault]:
    voices = {entry.by for entry in manifest.get(language, {}).values()} - {PERSON}
    if len(voices) > 1:
        reason = f"the audio of {language} mixes several voices ({', '.join(sorted(voices))}); run `prompts build`"
        yield Fault(str(catalog.audio / language), "", reason)


def _unlisted(catalog: Catalog) -> list[Path]:
    known = {catalog.wav(language, name) for language in catalog.languages for name in catalog.recordings(language)}
    folders = [catalog.audio / language for language in catalog.languages]
    return sorted(file for folder in folders for file in folder.rglob("*") if file.is_file() and file not in known)
