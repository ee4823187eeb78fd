"""Ports for the servers that tests start: fixed numbers, below those that the kernel gives to anybody who connects.

A process takes blocks of them. The lock on a block is an abstract Unix socket: no other process in the same network can
hold it, whoever runs it and wherever its files are, and it goes with the process.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

FIRST: Final = 10_240
BLOCK: Final = 512
LEAST: Final = 8
"""So many blocks serve a test run."""
EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_EPHEMERAL: Final = 32_768


class NoPorts(Exception):
    """Every block is taken."""


class Ports:
    """The ports of one process; none is handed out twice.

    Args:
        end: all blocks lie below this port.
    """

    def __init__(self, end: int) -> None:
        self._blocks = iter(range(FIRST, end - BLOCK + 1, BLOCK))
        self._locks: list[socket.socket] = []
        self._left: set[int] = set()

    def one(self) -> int:
        """A port on which nobody listens, by TCP or UDP."""
        return self.row(1)[0]

    def row(self, count: int) -> range:
        """So many of them one after the other, from an even one on, as RTP wants it."""
        while (first := self._first_of(count)) is None:
            self._left.update(self._block())
        row = range(first, first + count)
        self._left.difference_update(row)
        return row

    def close(self) -> None:
        """Let other processes have the blocks."""
        for lock in self._locks:
            lock.close()

    def _first_of(self, count: int) -> int | None:
        for first in sorted(self._left):
            row = range(first, first + count)
            if (count == 1 or first % 2 == 0) and self._left.issuperset(row) and all(map(_is_free, row)):
                return first
        return None

    def _block(self) -> range:
        for first in self._blocks:
            lock = socket.socket(socket.AF_UNIX)
            try:
                lock.bind(f"\0huifang-test-ports-{first}")
            except OSError:
                lock.close()
                continue
            self._locks.append(lock)
            return range(first, first + BLOCK)
        raise NoPorts(f"every block of ports from {FIRST} on is taken by other test runs")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def end_of_blocks(ephemeral: int) -> int:
    """Where blocks must end when the kernel's own ports begin at `ephemeral`; where these usually begin, if too low."""
    return min(ephemeral, USUAL_EPHEMERAL) if ephemeral >= FIRST + LEAST * BLOCK else USUAL_EPHEMERAL


PORTS: Final = Ports(end_of_blocks(int(EPHEMERAL.read_text().split()[0])))
