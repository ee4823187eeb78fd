"""How many calls are led on this machine at a time, whatever the number of workers and test runs.

Voices are sent and heard in real time: when there are more of them than the processors can follow, they stumble. A
place is an abstract Unix socket, as for ports: the kernel takes it back from a process that is killed.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

PLACES: Final = 7 * (os.cpu_count() or 1)
ASK_EVERY_S: Final = 0.05


@contextmanager
def places(calls: int) -> Iterator[None]:
    """Wait until there are places for so many calls; they are held during the block."""
    with ExitStack() as stack:
        with _turnstile():  # nobody who has some of their places waits for another who has the rest
            lacking = min(calls, PLACES)
            while lacking:
                for number in range(PLACES):
                    if lacking and (place := _try(f"place-{number}")):
                        stack.enter_context(place)
                        lacking -= 1
                time.sleep(ASK_EVERY_S)
        yield


@contextmanager
def _turnstile() -> Iterator[None]:
    while (turn := _try("turnstile")) is None:
        time.sleep(ASK_EVERY_S)
    with turn:
        yield


def _try(name: str) -> socket.socket | None:
    """Hold a name that no other process can hold then; None when one does."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0huifang-test-{name}")
    except OSError:
        holder.close()
        return None
    return holder
