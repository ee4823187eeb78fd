"""Folders outside the clone for what is costly to fetch or build: every clone on this machine finds them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huifang"


def cached(name: str, *inputs: Path) -> Path:
    """The folder for what is made of these files; another one as soon as one of them changes."""
    made_of = hashlib.sha256()
    for file in inputs:
        made_of.update(hashlib.sha256(file.read_bytes()).digest())
    return CACHE / f"{name}-{made_of.hexdigest()[:16]}"
