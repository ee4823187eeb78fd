"""The recording store on any file system of fsspec: a folder, S3 and what is compatible with it.

Must not know: calls, whose recordings these are.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final, TypeVar
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ivr.recordings.store import RecordingsUnavailable, StoredRecording
from ivr.recordings.wav import measure

T = TypeVar("T")

THREADS: Final = 8
"""Recordings transferred at a time. The threads are the store's own: a storage that hangs holds up nothing else."""
TIMEOUT_S: Final = 60.0
"""Timeout of one operation; a transfer that has begun may still finish later."""


class FsspecStore:
    """Implements ivr.recordings.store.RecordingStore at a folder or a URL such as `s3://bucket/prefix`."""

    def __init__(self, url: str) -> None:
        """Open the store; nothing is read or written yet.

        Raises:
            RecordingsUnavailable: the URL is invalid, or a package that it needs is not installed.
        """
        try:
            self._files, self._root = fsspec.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise RecordingsUnavailable(f"recordings cannot be kept at {url}: {error}") from error
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="recordings")

    def close(self) -> None:
        """Accept no more work; transfers that have begun go on."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def url(self, key: str) -> str:
        """See RecordingStore."""
        place = self._place(key)
        return place if isinstance(self._files, LocalFileSystem) else str(self._files.unstrip_protocol(place))

    async def put(self, file: Path, key: str) -> None:
        """See RecordingStore."""
        await self._run(lambda: self._put(file, self._place(key)))

    async def find(self, key: str) -> StoredRecording | None:
        """See RecordingStore."""
        measured = await self._run(lambda: self._measure(self._place(key)))
        return StoredRecording(self.url(key), *measured) if measured else None

    async def check(self) -> None:
        """Check that recordings can be written and deleted, by doing so.

        Raises:
            RecordingsUnavailable: they cannot.
        """
        await self._run(lambda: self._check(self._place(f"check-{uuid4().hex}")))

    def _place(self, key: str) -> str:
        return f"{self._root}/{key}"

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError as error:
            raise RecordingsUnavailable(f"{self._root} does not respond") from error
        except Exception as error:
            raise RecordingsUnavailable(f"{self._root}: {error}") from error

    def _put(self, file: Path, place: str) -> None:
        if isinstance(self._files, LocalFileSystem):
            _copy(file, Path(place))
        else:
            self._files.put_file(str(file), place)

    def _measure(self, place: str) -> tuple[float, str] | None:
        try:
            with self._files.open(place, "rb") as file:
                return measure(file)
        except FileNotFoundError:
            return None

    def _check(self, place: str) -> None:
        if isinstance(self._files, LocalFileSystem):
            Path(place).parent.mkdir(parents=True, exist_ok=True)
        self._files.pipe_file(place, b"")
        self._files.rm_file(place)


@contextmanager
def open_recording(url: str) -> Iterator[BinaryIO]:
    """Open a recording by the path or URL that the records hold; blocks.

    Raises:
        RecordingsUnavailable: it cannot be opened.
    """
    try:
        file: BinaryIO = fsspec.open(url, "rb").open()
    except Exception as error:
        raise RecordingsUnavailable(f"{url}: {error}") from error
    with file:
        yield file


def _copy(file: Path, target: Path) -> None:
    """Copy a file, whole or not at all, for its owner only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as copy:
        try:
            with file.open("rb") as source:
                shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
            Path(copy.name).replace(target)
        except BaseException:
            Path(copy.name).unlink(missing_ok=True)
            raise
