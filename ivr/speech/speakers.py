"""Pseudonyms of the speakers in clips, the list of erased speakers, and the list of clip folders.

Must not know: clips, calls.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from ivr.phone_number import canonical_number, national_format

_COUNTRY = re.compile(r"86(?=1[3-9]\d{9}$)")
"""The country code of mobile numbers, which earlier versions left out of pseudonyms too."""


class Speakers:
    """Speakers, named by a keyed hash of their number. The key is in the data folder, readable by its owner only.

    Without the key a pseudonym cannot be traced to a number; with another key the same callers get other pseudonyms.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = _load_key(folder)
        self._erased = folder / "erased"
        self._folders = folder / "folders"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that serialises exports and erasures; wait for it if necessary."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def pseudonym(self, number: str) -> str:
        """Return the pseudonym of a number, the same for all its spellings: `+86 138 1234 5678` and `13812345678`."""
        return self.pseudonyms(number)[0]

    def pseudonyms(self, number: str) -> tuple[str, ...]:
        """Return the pseudonym of a number, then those that earlier versions gave to some of its spellings."""
        canonical = canonical_number(number)
        plain = re.sub(r"\D", "", national_format(canonical)), _COUNTRY.sub("", re.sub(r"\D", "", canonical))
        return tuple(dict.fromkeys(f"caller_{self._hash(digits)[:16]}" for digits in plain))

    def clip_name(self, call_id: str, turn: int) -> str:
        """Return a name for the clip of a turn of a call, which reveals neither."""
        return self._hash(f"{call_id}/{turn}")[:16]

    def erase(self, speaker: str) -> None:
        """Add a speaker to the erased ones, whose calls are never exported again."""
        _append_once(self._erased, speaker)

    def erased(self) -> frozenset[str]:
        """Return the erased speakers."""
        return frozenset(_lines(self._erased))

    def add_folder(self, folder: Path) -> None:
        """Register a folder that clips are exported into, so that an erasure finds them there."""
        _append_once(self._folders, str(folder.resolve()))

    def folders(self) -> list[Path]:
        """Return all folders that clips were ever exported into."""
        return [Path(line) for line in _lines(self._folders)]

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _append_once(file: Path, line: str) -> None:
    if line not in _lines(file):
        with file.open("a", encoding="utf-8") as notes:
            notes.write(f"{line}\n")


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _load_key(folder: Path) -> bytes:
    path = folder / "key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "wb", dir=folder, prefix=".key-"
        ) as draft:  # NamedTemporaryFile creates it with mode 0600
            draft.write(secrets.token_bytes(32))
            draft.flush()
            with suppress(FileExistsError):  # another process was first
                os.link(draft.name, path)
    return path.read_bytes()
