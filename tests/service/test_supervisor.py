"""A failed worker restarts; one that keeps failing ends the service."""

from __future__ import annotations

import asyncio

import pytest

from ivr.service.supervisor import MAX_FAILURES, Supervisor, WorkerFailed


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_failed_worker_restarts_and_the_others_continue() -> None:
    again = asyncio.Event()
    runs = 0
    others = 0

    async def failing() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise KeyError("a foreign entry")
        again.set()
        await forever()

    async def other() -> None:
        nonlocal others
        others += 1
        await forever()

    supervisor = Supervisor(first_retry_s=0.001)
    running = asyncio.create_task(supervisor.run({"failing": failing, "other": other}))
    await asyncio.wait_for(again.wait(), 10)
    assert others == 1
    assert supervisor.trouble == "failing failed: 'a foreign entry'"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_worker_that_returns_counts_as_failed() -> None:
    ends = 0

    async def ending() -> None:
        nonlocal ends
        ends += 1

    with pytest.raises(WorkerFailed, match=f"ending failed {MAX_FAILURES} times in a row: it ended"):
        await Supervisor(first_retry_s=0.001).run({"ending": ending})
    assert ends == MAX_FAILURES


async def test_a_worker_that_keeps_failing_cancels_the_others() -> None:
    cancelled = False

    async def other() -> None:
        nonlocal cancelled
        try:
            await forever()
        except asyncio.CancelledError:
            cancelled = True
            raise

    async def failing() -> None:
        raise OSError("disk")

    with pytest.raises(WorkerFailed) as failed:
        await Supervisor(first_retry_s=0.001).run({"failing": failing, "other": other})
    assert isinstance(failed.value.__cause__, OSError)
    assert cancelled
