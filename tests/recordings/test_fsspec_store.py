"""Recordings in a folder, and in the memory of fsspec, which stands for S3."""

from __future__ import annotations

import asyncio
import hashlib
import stat
import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from ivr.recordings import fsspec_store
from ivr.recordings.fsspec_store import FsspecStore, open_recording
from ivr.recordings.store import RecordingsUnavailable, StoredRecording

KEY = "2026-11-21/call-1.wav"


def wav(path: Path, seconds: float = 1.5) -> Path:
    """Write a stereo recording of silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(round(seconds * 32_000)))
    return path


@pytest.fixture(params=["folder", "file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    place = str(tmp_path / "kept" / "here")
    return {"folder": place, "file": f"file://{place}", "memory": f"memory:/{place}"}[request.param]


@pytest.fixture
def store(url: str) -> Iterator[FsspecStore]:
    opened = FsspecStore(url)
    yield opened
    opened.close()


async def test_a_stored_recording_is_found_and_can_be_read(store: FsspecStore, tmp_path: Path) -> None:
    file = wav(tmp_path / "call.wav")
    assert await store.find(KEY) is None
    await store.put(file, KEY)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert await store.find(KEY) == StoredRecording(store.url(KEY), 1.5, digest)
    with open_recording(store.url(KEY)) as stored:
        assert stored.read() == file.read_bytes()
    assert file.exists()


async def test_a_recording_stored_again_replaces_the_first(store: FsspecStore, tmp_path: Path) -> None:
    for seconds in (1.0, 2.0):
        await store.put(wav(tmp_path / "call.wav", seconds), KEY)
    found = await store.find(KEY)
    assert found and found.seconds == 2


@pytest.mark.parametrize("size", [0, 20, 44, 1000])
async def test_an_incomplete_recording_is_not_found(store: FsspecStore, tmp_path: Path, size: int) -> None:
    file = wav(tmp_path / "call.wav")
    file.write_bytes(file.read_bytes()[:size])
    await store.put(file, KEY)
    assert await store.find(KEY) is None


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_a_missing_file_is_reported_and_leaves_nothing(store: FsspecStore, tmp_path: Path) -> None:
    with pytest.raises(RecordingsUnavailable, match="nowhere"):
        await store.put(tmp_path / "nowhere.wav", KEY)
    assert await store.find(KEY) is None
    assert files_in(tmp_path) == []


async def test_the_check_leaves_no_file(store: FsspecStore, url: str) -> None:
    await store.check()
    files, root = fsspec.url_to_fs(url)
    assert not files.exists(root) or files.find(root) == []


def test_a_recording_has_a_path_or_a_url(store: FsspecStore, url: str, tmp_path: Path) -> None:
    place = f"{tmp_path}/kept/here/{KEY}"
    assert store.url(KEY) == (f"memory://{place}" if url.startswith("memory:") else place)


async def test_a_recording_in_a_folder_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    store = FsspecStore(str(tmp_path / "kept"))
    await store.put(wav(tmp_path / "call.wav"), KEY)
    assert [stat.S_IMODE(file.stat().st_mode) for file in files_in(tmp_path / "kept")] == [0o600]
    store.close()


async def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FsspecStore(str(tmp_path / "file"))
    with pytest.raises(RecordingsUnavailable, match="file"):
        await store.check()
    with pytest.raises(RecordingsUnavailable, match="file"):
        await store.put(wav(tmp_path / "call.wav"), KEY)
    store.close()


async def test_a_hanging_storage_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsspec_store, "TIMEOUT_S", 0.01)
    go = threading.Event()
    monkeypatch.setattr(fsspec_store, "measure", lambda file: go.wait())
    store = FsspecStore(str(tmp_path))
    (tmp_path / "call.wav").touch()
    with pytest.raises(RecordingsUnavailable, match="does not respond"):
        await store.find("call.wav")
    go.set()
    store.close()


@pytest.mark.parametrize(("url", "reason"), [("nonsense://x", "nonsense"), ("s3://bucket/prefix", "s3fs")])
def test_an_unusable_place_is_refused(url: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(RecordingsUnavailable, match=rf"recordings cannot be kept at {url}: .*{reason}"):
        FsspecStore(url)


def test_a_recording_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RecordingsUnavailable, match="nowhere"), open_recording(str(tmp_path / "nowhere.wav")):
        pass


async def test_many_recordings_are_stored_concurrently(store: FsspecStore, tmp_path: Path) -> None:
    file = wav(tmp_path / "call.wav", 0.1)
    await asyncio.gather(*(store.put(file, f"day/{n}.wav") for n in range(50)))
    assert all([await store.find(f"day/{n}.wav") for n in range(50)])
