"""`make test`: run the tests with calls, and all other tests behind them.

Tests with calls send and receive voices in real time: they mostly wait. All other tests mostly compute: they run at the
same time with the processors that the calls leave idle, and at the usual priority once the calls are over. The
arguments select tests, as for pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.precedence import catch_up, give_way

REAL_TIME: Final = "pbx or browser or container or calls"
LOG: Final = Path("var/tests/others.log")
PASSED, FAILED, NO_TESTS = 0, 1, 5
"""Exit statuses of pytest."""
CPUS: Final = os.cpu_count() or 1


def pytest(*arguments: str) -> list[str]:
    """Return the command that runs pytest."""
    return [sys.executable, "-m", "pytest", "--durations=20", *arguments]


def with_calls(selection: list[str]) -> int:
    """Run the tests with calls; return pytest's exit status.

    Those that fail run once more, alone: on a busy machine a voice may stumble. Both results are printed.
    """
    ended = subprocess.run(pytest(f"--numprocesses={3 * CPUS}", "-m", REAL_TIME, *selection), check=False).returncode
    if ended == FAILED:
        again = pytest("--last-failed", "--numprocesses=1", "-m", REAL_TIME)
        ended = subprocess.run(again, check=False).returncode
    return ended


def main(selection: list[str]) -> int:
    """Run all selected tests; return 0 if they pass."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    others = pytest(
        f"--numprocesses={2 * CPUS + 1}", "--cov", "--cov-report=term:skip-covered", "-m", f"not ({REAL_TIME})"
    )
    own_cache = ("-o", "cache_dir=.pytest_cache/others")  # --last-failed reads that of the tests with calls
    with LOG.open("wb") as log:
        behind = subprocess.Popen(
            [*others, *own_cache, *selection], stdout=log, stderr=log, start_new_session=True, preexec_fn=give_way
        )
    print(f"The tests without calls run behind those with calls; their output goes to {LOG}.", flush=True)
    try:
        statuses = [with_calls(selection)]
        catch_up(behind.pid)
        statuses.append(behind.wait())
    finally:
        behind.terminate()
    print(LOG.read_text(errors="replace"))
    return 0 if PASSED in statuses and set(statuses) <= {PASSED, NO_TESTS} else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
