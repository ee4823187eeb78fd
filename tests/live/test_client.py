"""Cancellations that the client of Redis would swallow."""

from __future__ import annotations

import asyncio

import pytest

from ivr.live.client import translated_errors


async def request_that_swallows_a_cancellation() -> None:
    """A request that loses a cancellation, as `asyncio.wait_for` of Python 3.11 may."""
    task = asyncio.current_task()
    assert task
    with translated_errors():
        task.cancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return


async def test_a_cancellation_that_the_client_swallowed_counts() -> None:
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(request_that_swallows_a_cancellation())


async def test_a_task_cancelled_earlier_may_still_clean_up() -> None:
    cleared = asyncio.Event()

    async def works() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with translated_errors():
                await asyncio.sleep(0)
            cleared.set()

    working = asyncio.create_task(works())
    await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert working.cancelled() and cleared.is_set()
