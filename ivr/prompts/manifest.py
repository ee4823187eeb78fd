"""Manifest of the built audio: each recording's speaker and a hash of its source. Must not know: engines, audio."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ivr.prompts.audio import LEVEL_DBOV, PROMPT_RATE_HZ
from ivr.prompts.catalog import Catalog

MANIFEST_FILE: Final = "manifest.json"
PERSON: Final = "a person"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """`by` is a voice or PERSON; `key` is a hash of the text or recording, the speaker and the audio format."""

    by: str
    key: str


Manifest = dict[str, dict[str, ManifestEntry]]
"""Language → recording → entry."""

_MANIFEST: Final = TypeAdapter(Manifest)


def spoken_key(words: str, by: str) -> str:
    """Return the key of a text spoken by a synthetic voice."""
    return _digest(f"{by}\n{words}".encode())


def recorded_key(file: Path) -> str:
    """Return the key of a human recording."""
    return _digest(file.read_bytes())


def recorded_file(catalog: Catalog, language: str, recording: str) -> Path:
    """Return the path of a human recording, which takes precedence over synthesis if it exists."""
    return catalog.folder / "recorded" / language / f"{recording}.wav"


def read(catalog: Catalog) -> Manifest:
    """Read the manifest in the catalog's audio folder; empty if it is missing or invalid."""
    try:
        return _MANIFEST.validate_json((catalog.audio / MANIFEST_FILE).read_bytes())
    except (OSError, ValidationError):
        return {}


def write(catalog: Catalog, manifest: Manifest) -> None:
    """Write the manifest, sorted for readable diffs."""
    catalog.audio.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_MANIFEST.dump_python(manifest), ensure_ascii=False, indent=1, sort_keys=True)
    (catalog.audio / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def _digest(content: bytes) -> str:
    return hashlib.sha256(f"{PROMPT_RATE_HZ} {LEVEL_DBOV}\n".encode() + content).hexdigest()[:16]
