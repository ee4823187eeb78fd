"""Supervises background workers: restarts a failed one with back-off, and gives up when it keeps failing.

Must not know: what the workers do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Final

from ivr.errors import HuifangError

log = logging.getLogger(__name__)

Worker = Callable[[], Coroutine[None, None, None]]
"""A loop that runs until it is cancelled."""

RECOVERED_S: Final = 5.0
"""A restarted worker that has run this long is no trouble any more."""
STEADY_S: Final = 60.0
"""A worker that ran this long before it failed starts counting its failures anew."""
MAX_FAILURES: Final = 5
"""Failures in a row, each within STEADY_S of the restart, after which the process must end."""
FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 5.0


class WorkerFailed(HuifangError):
    """A worker failed MAX_FAILURES times in a row; its last error is the cause."""


class Supervisor:
    """Runs workers by name. `trouble` names the workers that have failed and not recovered yet."""

    def __init__(self, first_retry_s: float = FIRST_RETRY_S) -> None:
        self._first_retry_s = first_retry_s
        self._failing: dict[str, str] = {}
        self.restarts: dict[str, int] = {}
        """How often each worker was restarted."""

    @property
    def trouble(self) -> str:
        """Why the service is not ready, empty when all workers run."""
        return "; ".join(f"{name} failed: {error}" for name, error in self._failing.items())

    async def run(self, workers: Mapping[str, Worker]) -> None:
        """Run all workers until cancelled.

        Raises:
            WorkerFailed: one of them keeps failing; the others are cancelled.
        """
        self.restarts |= dict.fromkeys(workers, 0)
        running = [asyncio.create_task(self._supervise(name, worker), name=name) for name, worker in workers.items()]
        try:
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _supervise(self, name: str, worker: Worker) -> None:
        now, failures = asyncio.get_running_loop().time, 0
        while True:
            started = now()
            recovery = asyncio.get_running_loop().call_later(RECOVERED_S, self._failing.pop, name, None)
            try:
                await worker()
                error: Exception = RuntimeError("it ended")
            except Exception as caught:  # noqa: BLE001 (whatever it is, the worker is restarted)
                error = caught
            finally:
                recovery.cancel()
            failures = 1 if now() - started >= STEADY_S else failures + 1
            log.error("worker %s failed (%d in a row)", name, failures, exc_info=error)
            self._failing[name] = str(error) or type(error).__name__
            if failures >= MAX_FAILURES:
                raise WorkerFailed(f"worker {name} failed {failures} times in a row: {error}") from error
            await asyncio.sleep(min(self._first_retry_s * 2 ** (failures - 1), LAST_RETRY_S))
            self.restarts[name] += 1
