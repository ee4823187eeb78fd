"""Calls come first: whoever else computes on this machine, voices are sent and heard in real time.

Only root may give precedence; for others it is as it is. Linux shares processors among sessions ("autogroups") before
it looks at the priority of a process, so that both are set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

FIRST: Final = -10
USUAL: Final = 0


@contextmanager
def precedence() -> Iterator[None]:
    """This process, and what it starts in its own session, comes first during the block."""
    _set(os.getpid(), FIRST)
    try:
        yield
    finally:
        _set(os.getpid(), USUAL)


def prefer_children() -> None:
    """The servers that this process has started so far come first too, though they have sessions of their own."""
    for child in psutil.Process().children(recursive=True):
        _set(child.pid, FIRST)


def _set(pid: int, priority: int) -> None:
    if os.geteuid():
        return
    with suppress(OSError):  # it ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), priority)
        session = Path(f"/proc/{pid}/autogroup")
        if session.exists():
            session.write_text(str(priority))
