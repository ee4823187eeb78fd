"""What the client of Redis would keep to itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from redis import exceptions

from ivr.live.client import translated_errors
from ivr.live.errors import LiveStateUnavailable


async def swallowing(then: Exception | None) -> None:
    """A request during which a cancellation comes and is lost, as in `asyncio.wait_for` of Python 3.11."""
    task = asyncio.current_task()
    assert task
    with translated_errors():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        if then:
            raise then


@pytest.mark.parametrize("then", [None, exceptions.ConnectionError("gone"), exceptions.TimeoutError("late")])
async def test_a_cancellation_that_the_client_swallowed_counts_even_if_the_command_fails_then(
    then: Exception | None,
) -> None:
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(swallowing(then))


async def test_a_failure_is_reported() -> None:
    with pytest.raises(LiveStateUnavailable, match="Redis: gone"), translated_errors():
        raise exceptions.ConnectionError("gone")


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
