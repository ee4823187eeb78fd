"""A private Asterisk 22 for development and tests.

It is an Asterisk from the PATH, or one downloaded as packages, with the configuration of dialplans/ and its own folder
for everything it writes; several can run side by side on different ports. Must not know: calls.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp

from ivr.devtools import asterisk_packages
from ivr.errors import HuifangError
from ivr.telephony.asterisk.dialplan import AsteriskFolders, render
from ivr.telephony.asterisk.site import Secrets, Site

READY_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 5.0
EMPTY_CONFIGS: Final = [
    "acl",
    "ccss",
    "cdr",
    "cel",
    "chan_websocket",
    "features",
    "manager",
    "pjproject",
    "queuerules",
    "stasis",
    "udptl",
    "websocket_client",
]
"""Configuration files that Asterisk looks for and that are left empty here (cdr and cel: disabled)."""
INSTALLED_MODULES: Final = (
    "/usr/lib/*/asterisk/modules",
    "/usr/lib/asterisk/modules",
    "/usr/local/lib/asterisk/modules",
)


class PbxFailed(HuifangError):
    """The private Asterisk did not start; the message includes the end of its console output."""


class Pbx:
    """One private Asterisk; an async context manager that runs it.

    Args:
        site: its configuration; the addresses must be free.
        secrets: the site's passwords.
        data: the folder (`var/`) in which a downloaded Asterisk is kept for reuse.
    """

    def __init__(self, site: Site, secrets: Secrets, data: Path) -> None:
        self.site = site
        self._secrets = secrets
        self._data = data
        self._run = Path()
        self._command: list[str] = []
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        command, modules, shared = await asyncio.to_thread(_find, self._data)
        # The path of Asterisk's control socket must be shorter than 108 bytes, so its folder is not under `data`.
        self._run = Path(tempfile.mkdtemp(prefix="huifang-pbx-"))
        for folder in ("lib/keys", "spool/recording", "spool/tmp", "log", "cache", "agi"):
            (self._run / folder).mkdir(parents=True)
        place = AsteriskFolders(config=self._run / "etc", modules=modules, data=shared, run=self._run)
        render(self.site, self._secrets, place.config, place)
        for name in EMPTY_CONFIGS:
            (place.config / f"{name}.conf").write_text(
                "[general]\nenable = no\n" if name in ("cdr", "cel") else "[general]\n"
            )
        guard = shutil.which("setpriv")  # the kernel ends it with this process, if that is killed
        self._command = [
            *([guard, "--pdeathsig", "TERM"] if guard else []),
            *(*command, "-f", "-C", str(place.config / "asterisk.conf")),
        ]
        try:
            await self.start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        shutil.rmtree(self._run, ignore_errors=True)

    async def start(self) -> None:
        """Start or restart it and wait until ARI responds.

        Raises:
            PbxFailed: it exited, or was not ready within READY_TIMEOUT_S.
        """
        with (self._run / "console.log").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
        login = {"Authorization": aiohttp.encode_basic_auth(self.site.ari_user, self._secrets.ari)}
        async with aiohttp.ClientSession(headers=login) as http:
            try:
                async with asyncio.timeout(READY_TIMEOUT_S):
                    while not await self._ready(http):  # noqa: ASYNC110 (polls another process)
                        await asyncio.sleep(0.05)
            except TimeoutError:
                raise PbxFailed(f"Asterisk does not respond at {self.site.ari_url}:\n{self.console_tail()}") from None

    async def _ready(self, http: aiohttp.ClientSession) -> bool:
        assert self._process is not None  # noqa: S101 (set by start)
        if self._process.returncode is not None:
            raise PbxFailed(f"Asterisk exited with status {self._process.returncode}:\n{self.console_tail()}")
        try:
            async with http.get(f"{self.site.ari_url}/asterisk/info") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def console_tail(self) -> str:
        """Return the last 30 lines of its console output."""
        console = self._run / "console.log"
        return "\n".join(console.read_text(errors="replace").splitlines()[-30:]) if console.exists() else ""

    async def wait(self) -> None:
        """Wait until it exits."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """Stop it gracefully, or kill it after STOP_TIMEOUT_S. No effect if it is not running."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Kill it at once, as in a crash."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def _find(data: Path) -> tuple[list[str], Path, Path]:
    """Return the command, module folder and data folder of Asterisk 22, from the PATH or else downloaded."""
    installed = shutil.which("asterisk")
    if installed and re.search(r"\b22\.", asterisk_packages.version([installed])):
        for pattern in INSTALLED_MODULES:
            for modules in Path("/").glob(pattern[1:]):
                return [installed], modules, Path("/usr/share/asterisk")
    prefix = asterisk_packages.fetch(data / "asterisk" / asterisk_packages.SUITE)
    return prefix.command, prefix.modules, prefix.data
