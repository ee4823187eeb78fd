"""`make test-soak`: repeat the whole suite, every second time under load.

The load keeps all processors busy and opens and closes loopback sockets at random. The log of each run is in var/soak;
the exit status is 1 if any run fails.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.ports import EPHEMERAL, FIRST

LOGS: Final = Path("var/soak")
SOCKETS: Final = 40
PRIVILEGED: Final = 1024


@contextmanager
def load() -> Iterator[None]:
    """Apply the load during the block."""
    workers = [multiprocessing.Process(target=_compute, daemon=True) for _ in range(os.cpu_count() or 1)]
    workers.append(multiprocessing.Process(target=_open_and_close, daemon=True))
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _compute() -> None:
    while True:
        pass


def _open_and_close() -> None:
    """Keep opening and closing sockets: on low, high or kernel-chosen ports, some with a connection."""
    first, last = map(int, EPHEMERAL.read_text().split())
    held: list[ExitStack] = []
    while True:
        stack = ExitStack()
        port = random.choice([0, random.randrange(PRIVILEGED, FIRST), random.randint(first, last)])
        try:
            one = stack.enter_context(socket.socket(type=random.choice([socket.SOCK_STREAM, socket.SOCK_DGRAM])))
            one.bind(("127.0.0.1", port))
            if one.type is socket.SOCK_STREAM:
                one.listen()
            stack.enter_context(socket.socket(type=one.type)).connect(one.getsockname())
        except OSError:  # the port is taken
            stack.close()
        else:
            held.append(stack)
        if len(held) > SOCKETS:
            held.pop(random.randrange(len(held))).close()
        time.sleep(random.uniform(0, 0.01))


def run(number: int) -> tuple[bool, str]:
    """Run the suite once; return whether it passed, and pytest's summary."""
    log = LOGS / f"{number}.log"
    with log.open("wb") as output:
        ended = subprocess.run(["make", "test"], stdout=output, stderr=output, check=False)
    summary = re.findall(r"^=+ (.*\d+ \w+.* in [\d.]+s.*?) =+$", log.read_text(errors="replace"), re.MULTILINE)
    return ended.returncode == 0, "; ".join(summary) or f"no summary in {log}"


def main() -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(1, int(sys.argv[1]) + 1):
        began, loaded = time.monotonic(), number % 2 == 0
        with ExitStack() as stack:
            if loaded:
                stack.enter_context(load())
            green, summary = run(number)
        rows.append((number, loaded, green, time.monotonic() - began, summary))
        print("\nrun  load  green  seconds", *map(_row, rows), sep="\n", flush=True)
    return 0 if all(green for _, _, green, _, _ in rows) else 1


def _row(row: tuple[int, bool, bool, float, str]) -> str:
    number, loaded, green, seconds, summary = row
    return f"{number:3}  {_yes_no(loaded):4}  {_yes_no(green):5}  {seconds:7.0f}  {summary}"


def _yes_no(yes: bool) -> str:
    return "yes" if yes else "no"


if __name__ == "__main__":
    raise SystemExit(main())
