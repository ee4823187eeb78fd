import hashlib
import io
import stat
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from recognizer.install import InstallFailed, install
from recognizer.unpack import UnsafeArchive, unpack

NAME = "vosk-model-test-1.0"
SMALL_CHINESE = "vosk-model-small-cn-0.22"
MODEL = {f"{NAME}/am/final.mdl": b"weights" * 50_000, f"{NAME}/conf/model.conf": b"--beam=11\n"}


def zipped(files: dict[str, bytes], *, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if link:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Mirror:
    """A model server on loopback that supports ranges; it closes the connection after `breaks_after` bytes."""

    def __init__(self) -> None:
        self.content = zipped(MODEL)
        self.breaks_after: int | None = None
        self.ranges: list[str | None] = []
        self.takes_ranges = True

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.ranges.append(request.headers.get("Range"))
        start = 0
        if self.takes_ranges and (asked := request.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.content):
            return web.Response(status=416)
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(self.content) - start
        await response.prepare(request)
        await response.write(self.content[start : self.breaks_after])
        if self.breaks_after is not None and request.transport:
            request.transport.abort()
        return response


@pytest.fixture
def mirror() -> Mirror:
    return Mirror()


@pytest.fixture
async def address(mirror: Mirror) -> AsyncIterator[str]:
    app = web.Application()
    for name in (NAME, SMALL_CHINESE):
        app.router.add_get(f"/models/{name}.zip", mirror.serve)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield str(server.make_url("/models/"))
    await server.close()


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def test_a_good_model_is_installed_with_progress(tmp_path: Path, mirror: Mirror, address: str) -> None:
    reports: list[tuple[int, int | None]] = []
    folder = await install(
        NAME, tmp_path, sha256=digest(mirror.content), address=address, progress=lambda *news: reports.append(news)
    )
    assert folder == tmp_path / NAME
    assert (folder / "am" / "final.mdl").read_bytes() == MODEL[f"{NAME}/am/final.mdl"]
    assert files_in(tmp_path) == [NAME]
    assert reports[0] == (0, len(mirror.content))
    assert reports[-1] == (len(mirror.content), len(mirror.content))


async def test_an_installed_model_is_not_fetched_again(tmp_path: Path, mirror: Mirror, address: str) -> None:
    for _ in range(2):
        await install(NAME, tmp_path, sha256=digest(mirror.content), address=address)
    assert len(mirror.ranges) == 1


async def test_an_interrupted_download_is_resumed(tmp_path: Path, mirror: Mirror, address: str) -> None:
    mirror.breaks_after = 600
    with pytest.raises(InstallFailed, match="run it again"):
        await install(NAME, tmp_path, sha256=digest(mirror.content), address=address)
    assert files_in(tmp_path) == [f".{NAME}.part"]
    mirror.breaks_after = None
    await install(NAME, tmp_path, sha256=digest(mirror.content), address=address)
    assert mirror.ranges == [None, "bytes=600-"]
    assert files_in(tmp_path) == [NAME]


async def test_a_server_without_ranges_is_read_from_the_start(tmp_path: Path, mirror: Mirror, address: str) -> None:
    mirror.takes_ranges = False
    (tmp_path / f".{NAME}.part").write_bytes(b"stale")
    await install(NAME, tmp_path, sha256=digest(mirror.content), address=address)
    assert files_in(tmp_path) == [NAME]


@pytest.mark.parametrize("stale", [b"stale", b"x" * 10_000_000])
async def test_a_partial_download_of_another_file_is_discarded(
    tmp_path: Path, mirror: Mirror, address: str, stale: bytes
) -> None:
    (tmp_path / f".{NAME}.part").write_bytes(stale)
    await install(NAME, tmp_path, sha256=digest(mirror.content), address=address)
    assert files_in(tmp_path) == [NAME]


async def test_a_wrong_hash_installs_nothing(tmp_path: Path, mirror: Mirror, address: str) -> None:
    with pytest.raises(InstallFailed, match="SHA-256 is"):
        await install(NAME, tmp_path, sha256=digest(b"another"), address=address)
    assert files_in(tmp_path) == []


async def test_the_files_in_the_archive_are_verified_too(tmp_path: Path, mirror: Mirror, address: str) -> None:
    files = {path.removeprefix(f"{NAME}/"): digest(content) for path, content in MODEL.items()}
    folder = await install(NAME, tmp_path, sha256=digest(mirror.content), files=files, address=address)
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("file", "reason"),
    [("am/final.mdl", "am/final.mdl: SHA-256 is [0-9a-f]{64}"), ("graph/Gr.fst", "graph/Gr.fst: SHA-256 is missing")],
)
async def test_a_wrong_file_in_the_archive_installs_nothing(
    tmp_path: Path, mirror: Mirror, address: str, file: str, reason: str
) -> None:
    files = {file: digest(b"another")}
    with pytest.raises(InstallFailed, match=reason):
        await install(NAME, tmp_path, sha256=digest(mirror.content), files=files, address=address)
    assert files_in(tmp_path) == []


async def test_the_files_of_the_small_chinese_model_are_known(tmp_path: Path, mirror: Mirror, address: str) -> None:
    """Even with a hash given by the user, the archive must contain the model of that name."""
    with pytest.raises(InstallFailed, match=r"am/final.mdl: SHA-256 is [0-9a-f]{64}, expected 91eda2c0"):
        await install(SMALL_CHINESE, tmp_path, sha256=digest(mirror.content), address=address)
    assert files_in(tmp_path) == []


async def test_without_a_known_hash_nothing_is_fetched(tmp_path: Path, mirror: Mirror, address: str) -> None:
    with pytest.raises(InstallFailed, match="SHA-256 unknown"):
        await install(NAME, tmp_path, address=address)
    assert mirror.ranges == []


async def test_a_model_missing_from_the_server(tmp_path: Path, address: str) -> None:
    with pytest.raises(InstallFailed, match="404"):
        await install("vosk-model-other", tmp_path, sha256=digest(b""), address=address)
    assert files_in(tmp_path) == []


async def test_a_name_is_no_path(tmp_path: Path, address: str) -> None:
    with pytest.raises(InstallFailed, match="not a model name"):
        await install("../model", tmp_path, sha256=digest(b""), address=address)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped({"../evil": b""}), "leads out"),
        (zipped({"/evil": b""}), "leads out"),
        (zipped({f"{NAME}/..\\evil": b""}), "leads out"),
        (zipped(MODEL, link=f"{NAME}/link"), "neither a file nor a folder"),
        (zipped({f"{NAME}/bomb": bytes(50_000_000)}), "expands more than"),
        (zipped({f"{NAME}/{number}": b"" for number in range(1001)}), "1001 entries"),
        (zipped({"readme": b"hello"}), "no Vosk model"),
        (b"no zip at all", "not a zip file"),
        (zipped(MODEL)[:-100], "not a zip file"),
    ],
)
async def test_an_untrustworthy_archive_is_refused(
    tmp_path: Path, mirror: Mirror, address: str, content: bytes, reason: str
) -> None:
    mirror.content = content
    into = tmp_path / "models"
    with pytest.raises(InstallFailed, match=reason):
        await install(NAME, into, sha256=digest(content), address=address)
    assert files_in(into) == []
    assert files_in(tmp_path) == ["models"]


def test_an_archive_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "model.zip"
    archive.write_bytes(zipped(MODEL))
    with pytest.raises(UnsafeArchive, match="the limit is"):
        unpack(archive, tmp_path / "out", max_bytes=1000)


def test_a_damaged_entry_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped(MODEL))
    content[200] ^= 0xFF
    archive = tmp_path / "model.zip"
    archive.write_bytes(content)
    with pytest.raises(UnsafeArchive):
        unpack(archive, tmp_path / "out")
