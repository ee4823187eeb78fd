"""How many calls are led on this machine at a time, whatever the number of workers and test runs.

Voices are sent and heard in real time: when there are more of them than the processors can follow, they stumble. A
place is an abstract Unix socket, as for ports: the kernel takes it back from a process that is killed.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

T = TypeVar("T")
PLACES: Final = 7 * (os.cpu_count() or 1)
ASK_EVERY_S: Final = 0.5


@contextmanager
def places(calls: int) -> Iterator[None]:
    """Wait for places for so many calls and hold them during the block; first come, first served."""
    with _waiting(lambda: _try("turn")):
        taken = _waiting(lambda: _take(min(calls, PLACES)))
    with taken:
        yield


def _waiting(attempt: Callable[[], T | None]) -> T:
    while (taken := attempt()) is None:
        time.sleep(random.uniform(0, ASK_EVERY_S))
    return taken


def _take(count: int) -> ExitStack | None:
    """All or none, so that nobody who has some waits for somebody who has the others."""
    with ExitStack() as stack:
        for number in range(PLACES):
            if count and (place := _try(f"place-{number}")):
                stack.enter_context(place)
                count -= 1
        return None if count else stack.pop_all()


def _try(name: str) -> socket.socket | None:
    """Hold a name that no other process can hold then; None when one does."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0huifang-test-{name}")
    except OSError:
        holder.close()
        return None
    return holder
