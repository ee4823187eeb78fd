"""The Redis client: retries through restarts and dropped connections, then reports the failure.

Must not know: what is stored in Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import BusyLoadingError, RedisError

from ivr.live.errors import LiveStateUnavailable

RETRIES: Final = 12
"""Retries per command; about five seconds in total with back-off. Enough for a restart of Redis, short for a caller."""


def connect(url: str, retries: int = RETRIES) -> Redis:
    """Return a client with retries for `unix:///SOCKET` or `redis://HOST`; it connects with the first command.

    Raises:
        LiveStateUnavailable: the URL is invalid.
    """
    try:
        return Redis.from_url(
            url,
            socket_timeout=3,
            socket_connect_timeout=1,
            health_check_interval=15,
            retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=1), retries),
            retry_on_error=[BusyLoadingError],
        )
    except ValueError as error:
        raise LiveStateUnavailable(f"the Redis URL is invalid: {error}") from error


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate the client's errors, raised after its retries, into LiveStateUnavailable. Use one block per command.

    Raises:
        asyncio.CancelledError: the task was cancelled within the block and the client swallowed it. redis-py writes
            under `asyncio.wait_for`, which in Python 3.11 loses a cancellation that arrives as the write ends.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    fault: RedisError | None = None
    try:
        yield
    except RedisError as error:
        fault = error
    if task and task.cancelling() > before:
        raise asyncio.CancelledError from fault
    if fault:
        raise LiveStateUnavailable(f"Redis: {fault}") from fault
