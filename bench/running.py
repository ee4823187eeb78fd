"""The service as a process of its own, with a fresh data folder. Must not know: what is measured."""

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
    """A service that takes calls at `socket`, the browser phone's WebSocket."""

    socket: str
    pid: int

    @property
    def rss_mb(self) -> float:
        """Resident memory of the service's own process, in MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def running_service(**settings: str) -> Iterator[Running]:
    """Start `service.py run` on a free port of loopback with embedded defaults; ended at the end of the block.

    `settings` are environment variables that it gets besides.
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
    raise RuntimeError("the service ended before it took calls")
