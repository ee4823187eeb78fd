"""The ports that tests use (tests/ports.py)."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from ivr.resource_files import ROOT
from tests.ports import BLOCK, EPHEMERAL, FIRST, LEAST, USUAL_EPHEMERAL, NoPorts, Ports, end_of_blocks


@pytest.fixture
def ports() -> Iterator[Ports]:
    made = Ports(USUAL_EPHEMERAL)
    yield made
    made.close()


def test_ports_are_unique_and_outside_the_ephemeral_range(ports: Ports) -> None:
    rows = [ports.row(100) for _ in range(7)]
    found = [*(port for row in rows for port in row), *(ports.one() for _ in range(50))]
    assert len(set(found)) == len(found)
    assert all(row[0] % 2 == 0 for row in rows)
    assert min(found) >= FIRST and max(found) < int(EPHEMERAL.read_text().split()[0])


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use_is_skipped(ports: Ports, kind: socket.SocketKind) -> None:
    with socket.socket(type=kind) as taken:
        port = bind_after(ports.one(), taken)
        assert port not in ports.row(BLOCK - 20)
        assert port not in [ports.one() for _ in range(BLOCK)]


def bind_after(port: int, taken: socket.socket) -> int:
    """Bind to the next port that no other program uses."""
    while True:
        port += 1
        with suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port


def test_another_process_gets_other_blocks(ports: Ports) -> None:
    ours = ports.one() // BLOCK
    program = "from tests.ports import PORTS; print(PORTS.one())"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert int(said.stdout) // BLOCK != ours


def test_an_error_is_raised_when_all_blocks_are_taken() -> None:
    with pytest.raises(NoPorts, match="taken by other test runs"):
        Ports(FIRST).one()


def test_blocks_end_below_the_ephemeral_range_unless_it_starts_too_low() -> None:
    assert end_of_blocks(49152) == end_of_blocks(32768) == 32768
    assert end_of_blocks(20000) == 20000
    assert end_of_blocks(FIRST + LEAST * BLOCK - 1) == end_of_blocks(1024) == USUAL_EPHEMERAL
