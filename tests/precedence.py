"""Calls take precedence over all other load on this machine, so that voices are sent and heard in real time.

Only root may raise priorities; for other users nothing changes. Linux shares processors among sessions ("autogroups")
before it considers the priority of a process, so both are set.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

FIRST: Final = -10
USUAL: Final = os.getpriority(os.PRIO_PROCESS, 0)
"""The priority that the test run was started with."""
_taken = False


def take_precedence() -> None:
    """Run this process and its children first from now on: a module calls this when its first voice is to be heard."""
    global _taken
    if not _taken:
        _taken = True
        gc.freeze()  # scanning all that the tests have loaded would pause the voices
        _set(os.getpid(), FIRST)
        prefer_children()


def yield_precedence() -> None:
    """Run this process as any other again."""
    global _taken
    if _taken:
        _taken = False
        run_as_usual()
        gc.unfreeze()


def run_as_usual() -> None:
    """Give a session that has just begun the priority of the test run."""
    _set(os.getpid(), USUAL)


def prefer_children() -> None:
    """Give precedence to the servers that this process has started, which have sessions of their own."""
    for child in psutil.Process().children(recursive=True):
        _set(child.pid, FIRST)


def leave_behind(pid: int) -> None:
    """Run a child that has a session of its own as any other process, until `prefer_children` is called."""
    _set(pid, USUAL)


def _set(pid: int, priority: int) -> None:
    if os.geteuid():
        return
    with suppress(OSError):  # it ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), priority)
        session = Path(f"/proc/{pid}/autogroup")
        if session.exists():
            session.write_text(str(priority))
