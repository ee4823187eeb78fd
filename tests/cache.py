"""Folders outside the clone for things costly to fetch or build, shared by every clone on this machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huifang"


def cached(name: str, *inputs: Path) -> Path:
    """The folder for the result of these input files; its name changes whenever one of them does."""
    return CACHE / f"{name}-{fingerprint(inputs)}"


def fingerprint(files: Iterable[Path]) -> str:
    """A hash of the paths and contents of these files of the clone."""
    contents = hashlib.sha256()
    for file in files:
        contents.update(str(file.relative_to(ROOT)).encode())
        contents.update(hashlib.sha256(file.read_bytes()).digest())
    return contents.hexdigest()[:16]
