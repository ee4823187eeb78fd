"""Calls take precedence over all other load on this machine, so that voices are sent and heard in real time; other
tests give way to them.

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
USUAL: Final = 0
LAST: Final = 19
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
        _set(os.getpid(), USUAL)
        gc.unfreeze()


def prefer_children() -> None:
    """Give precedence to the servers that this process has started, which have sessions of their own."""
    for child in psutil.Process().children(recursive=True):
        _set(child.pid, FIRST)


def give_way() -> None:
    """Use only the processor time that others leave idle, in this process and its children."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _set_session(os.getpid(), LAST)


def stay_behind() -> None:
    """Give way in a new session, too, if this process does: a session starts with the usual priority."""
    if os.sched_getscheduler(0) == os.SCHED_IDLE:
        _set_session(os.getpid(), LAST)


def catch_up(pid: int) -> None:
    """Run a process that has given way, and its children, as any other again. Without root they stay as they are."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(OSError):
                for thread in Path(f"/proc/{each.pid}/task").iterdir():
                    os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))
            _set_session(each.pid, USUAL)


def _set(pid: int, priority: int) -> None:
    if os.geteuid():
        return
    with suppress(OSError):  # it ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), priority)
    _set_session(pid, priority)


def _set_session(pid: int, priority: int) -> None:
    session = Path(f"/proc/{pid}/autogroup")
    with suppress(OSError):
        if session.exists():
            session.write_text(str(priority))
