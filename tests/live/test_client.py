"""What the client of Redis would keep to itself."""

from __future__ import annotations

import asyncio

import pytest

from ivr.live.client import translated_errors


async def swallowing() -> None:
    """A request during which a cancellation comes and is lost, as in `asyncio.wait_for` of Python 3.11."""
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
        await asyncio.create_task(swallowing())


async def test_who_was_cancelled_before_may_still_clear_up() -> None:
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
