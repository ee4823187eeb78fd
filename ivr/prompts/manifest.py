"""What was built: for each recording who spoke it and a key of what was said. Must not know: engines, audio."""

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
    """`by` is a voice or PERSON; `key` changes when what was said, who said it or the form of the audio changes."""

    by: str
    key: str


Manifest = dict[str, dict[str, ManifestEntry]]
"""Language → recording → entry."""

_MANIFEST: Final = TypeAdapter(Manifest)


def spoken_key(words: str, by: str) -> str:
    """The key of words spoken by an engine's voice."""
    return _digest(f"{by}\n{words}".encode())


def recorded_key(file: Path) -> str:
    """The key of a person's recording."""
    return _digest(file.read_bytes())


def recorded_file(catalog: Catalog, language: str, recording: str) -> Path:
    """Where a person's recording would lie; it always wins."""
    return catalog.folder / "recorded" / language / f"{recording}.wav"


def read(catalog: Catalog) -> Manifest:
    """The manifest in the catalog's audio folder; empty where there is none, or none that can be read."""
    try:
        return _MANIFEST.validate_json((catalog.audio / MANIFEST_FILE).read_bytes())
    except (OSError, ValidationError):
        return {}


def write(catalog: Catalog, manifest: Manifest) -> None:
    """Write the manifest, sorted so that a diff shows what changed."""
    catalog.audio.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_MANIFEST.dump_python(manifest), ensure_ascii=False, indent=1, sort_keys=True)
    (catalog.audio / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def _digest(content: bytes) -> str:
    return hashlib.sha256(f"{PROMPT_RATE_HZ} {LEVEL_DBOV}\n".encode() + content).hexdigest()[:16]
