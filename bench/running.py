"""The service as a separate process with a fresh data folder. Must not know: what is measured."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Running:
    """A running service; `socket` is the URL of the browser phone's WebSocket."""

    socket: str
    pid: int

    @property
    def rss_mb(self) -> float:
        """Resident memory of the service process, in MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def running_service(**settings: str) -> Iterator[Running]:
    """Run `service.py run` with embedded defaults on a free loopback port; stop it at the end of the block.

    `settings` are additional environment variables.
    """
    with TemporaryDirectory(prefix="huifang-bench-") as data:
        own = {"HUIFANG_DATA": data, "HUIFANG_PORT": "0", "HUIFANG_LOG_LEVEL": "WARNING"}
        environment = {**os.environ, **own, **settings}
        command = [sys.executable, str(ROOT / "service.py"), "run"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Running(_address(process) + "/socket", process.pid)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)


def _address(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        if found := re.search(r"http://\S+/phone", line):
            return found.group()
    raise RuntimeError("the service exited before it accepted calls; see its log above")
