"""Folders outside the clone for what is costly to fetch or build: every clone on this machine finds them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huifang"


def cached(name: str, *inputs: Path) -> Path:
    """The folder for what is made of these files; another one as soon as one of them changes."""
    return CACHE / f"{name}-{fingerprint(inputs)}"


def fingerprint(files: Iterable[Path]) -> str:
    """Tells what is in these files of the clone, and where."""
    contents = hashlib.sha256()
    for file in files:
        contents.update(str(file.relative_to(ROOT)).encode())
        contents.update(hashlib.sha256(file.read_bytes()).digest())
    return contents.hexdigest()[:16]
