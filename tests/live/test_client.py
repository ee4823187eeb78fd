"""Cancellations that the client of Redis would swallow."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from redis import exceptions

from ivr.live.client import translated_errors
from ivr.live.errors import LiveStateUnavailable


async def request_that_swallows_a_cancellation(then: Exception | None) -> None:
    """A request that loses a cancellation, as `asyncio.wait_for` of Python 3.11 may, and then may fail."""
    task = asyncio.current_task()
    assert task
    with translated_errors():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        if then:
            raise then


@pytest.mark.parametrize("then", [None, exceptions.ConnectionError("gone"), exceptions.TimeoutError("late")])
async def test_a_cancellation_that_the_client_swallowed_counts_even_if_the_command_then_fails(
    then: Exception | None,
) -> None:
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(request_that_swallows_a_cancellation(then))


async def test_a_failure_is_reported() -> None:
    with pytest.raises(LiveStateUnavailable, match="Redis: gone"), translated_errors():
        raise exceptions.ConnectionError("gone")


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
