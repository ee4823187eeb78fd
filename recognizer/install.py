"""Installer of official Vosk models: download, verify, unpack and move into place atomically.

Must not know: which model is used, how it is loaded.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import aiohttp

from recognizer.unpack import UnsafeArchive, unpack

ADDRESS: Final = "https://alphacephei.com/vosk/models/"
"""The official download folder of Vosk models, one NAME.zip each."""

KNOWN: Final[dict[str, str]] = {
    "vosk-model-small-cn-0.22": "3af8b0e7e0f835ae9d414ce5df580237a3cfb08d586c9fbbb0f7ff29ad5b14ba",
    "vosk-model-small-en-us-0.15": "30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
    "vosk-model-cn-0.22": "",
    "vosk-model-en-us-0.22": "",
}
"""SHA-256 of each model's zip, as published by packagers of several systems; empty if unknown."""

FILES: Final[Mapping[str, Mapping[str, str]]] = {
    "vosk-model-small-cn-0.22": {
        "am/final.mdl": "91eda2c04c4f599361cb92b0e5298ccdf6b3c7a1fa52bfcefcd2c4e07aa1c131",
        "graph/HCLr.fst": "798af0d9ba6f2d727747f58e1e7b2305f8618bc8ea7f6c51beecd8a2c965b965",
        "graph/Gr.fst": "46d41a9b1723abccdcb354d731a5b58d87c060100d88ada1a3e31220f52b0434",
    },
}
"""SHA-256 of files in a model, where known: valid for repacked archives as well."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes downloaded so far and the total, None if the server does not send it."""

_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)


class InstallFailed(Exception):
    """A model could not be installed; the message states the reason and the remedy."""


async def install(
    name: str,
    into: Path,
    *,
    sha256: str | None = None,
    files: Mapping[str, str] | None = None,
    address: str = ADDRESS,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Install a model as folder `into/name` and return the folder; an existing one is left unchanged.

    An interrupted download is resumed. `sha256` (hex) overrides KNOWN, `files` overrides FILES; `address` is a mirror.

    Raises:
        InstallFailed: unknown name or hash, network error, wrong hash (of the archive or a file in it), unsafe
        archive, no model in it. Nothing is left under `into` except a partial download that can be resumed.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise InstallFailed(f"{name}: not a model name")
    expected = (sha256 or KNOWN.get(name, "")).lower()
    if not expected:
        models = ", ".join(known for known, digest in KNOWN.items() if digest)
        raise InstallFailed(f"{name}: SHA-256 unknown (known: {models}); pass the one that the publisher states")
    if (into / name).is_dir():
        return into / name
    partial = _PartialDownload(into / f".{name}.part")
    url = f"{address.rstrip('/')}/{name}.zip"
    resumed = await _download(url, partial, progress)
    found = await asyncio.to_thread(partial.sha256)
    if resumed and found != expected:
        partial.drop()
        await _download(url, partial, progress)
        found = await asyncio.to_thread(partial.sha256)
    if found != expected:
        partial.drop()
        raise InstallFailed(f"{url}: SHA-256 is {found}, expected {expected}; nothing was installed")
    try:
        known = FILES.get(name, {}) if files is None else files
        return await asyncio.to_thread(_unpack_into_place, partial.path, into / name, known)
    finally:
        partial.drop()


async def _download(url: str, partial: _PartialDownload, progress: Progress) -> bool:
    """Fetch the missing bytes of `partial`; return whether an earlier download was resumed."""
    start = partial.size()
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url, headers=headers) as response:
            if response.status == 416:
                return True
            if response.status not in {200, 206}:
                raise InstallFailed(f"{url}: the server responded {response.status} {response.reason}")
            resumed = response.status == 206
            if not resumed:
                partial.drop()
            partial.append(b"")
            done = start if resumed else 0
            total = None if response.content_length is None else done + response.content_length
            progress(done, total)
            async for chunk in response.content.iter_chunked(2**18):
                partial.append(chunk)
                done += len(chunk)
                progress(done, total)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise InstallFailed(f"{url}: {error or type(error).__name__}; run it again to resume") from error
    return resumed


def _unpack_into_place(archive: Path, target: Path, known: Mapping[str, str]) -> Path:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".installing-") as scratch:
        try:
            unpack(archive, Path(scratch))
        except UnsafeArchive as error:
            raise InstallFailed(f"{target.name}: {error}") from error
        model = next((path.parent.parent for path in Path(scratch).glob("**/am/final.mdl")), None)
        if model is None:
            raise InstallFailed(f"{target.name}: no Vosk model (am/final.mdl) in the archive")
        _verify(model, known)
        model.rename(target)
    return target


def _verify(model: Path, known: Mapping[str, str]) -> None:
    for file, expected in known.items():
        found = _sha256(model / file) if (model / file).is_file() else "missing"
        if found != expected:
            raise InstallFailed(f"{file}: SHA-256 is {found}, expected {expected}; nothing was installed")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _PartialDownload:
    """A partial download on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, chunk: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(chunk)

    def sha256(self) -> str:
        return _sha256(self.path)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
