"""Safe unpacking of an untrusted zip. Must not know: where it came from, what a model is."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

MAX_FILES: Final = 1000
MAX_BYTES: Final = 16 * 2**30
MAX_RATIO: Final = 100
"""A file that expands by more than this is treated as a zip bomb (models expand about twofold)."""
_SMALL_BYTES: Final = 2**20
"""Files up to this size may expand by any ratio."""


class UnsafeArchive(ValueError):
    """An archive that is refused; the message names the entry and the reason."""


def unpack(archive: Path, into: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a zip into a folder (created if absent). Every entry is checked before the first is written.

    Raises:
        UnsafeArchive: not a zip, damaged, over a size limit, or an entry leads out of `into`, is encrypted, a link or a
            device.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check(entries, max_bytes)
            for entry in entries:
                target = into / entry.filename
                if entry.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(entry) as source, target.open("xb") as sink:
                    shutil.copyfileobj(source, sink, 2**20)
    except (zipfile.BadZipFile, zlib.error, EOFError, FileExistsError, NotADirectoryError) as error:
        raise UnsafeArchive(f"{archive.name}: {error}") from error


def _check(entries: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if len(entries) > MAX_FILES:
        raise UnsafeArchive(f"{len(entries)} entries; the limit is {MAX_FILES}")
    total = sum(entry.file_size for entry in entries)
    if total > max_bytes:
        raise UnsafeArchive(f"{total} bytes unpacked; the limit is {max_bytes}")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename:
            raise UnsafeArchive(f"{entry.filename}: leads out of the folder")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise UnsafeArchive(f"{entry.filename}: neither a file nor a folder")
        if entry.flag_bits & 0x1:
            raise UnsafeArchive(f"{entry.filename}: encrypted")
        if entry.file_size > max(_SMALL_BYTES, MAX_RATIO * entry.compress_size):
            raise UnsafeArchive(f"{entry.filename}: expands more than {MAX_RATIO} times")
