"""The Redis client: retries through restarts, fail-overs and dropped connections, then reports the failure.

Must not know: what is stored in Redis.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import BusyLoadingError, MasterDownError, ReadOnlyError, RedisError, ResponseError

from ivr.live.errors import LiveStateUnavailable

T = TypeVar("T")

_REPLICA_REPLY = re.compile(r"\b(READONLY|UNBLOCKED)\b")
"""Redis 6 wraps READONLY in a general error if a script has caused it."""

RETRIES: Final = 12
"""Retries per command; about five seconds in total with back-off. Enough for a restart of Redis, short for a caller."""


class FailoverRetry(Retry):
    """Retry policy that leaves a server which has become a replica.

    Such a server answers READONLY, or UNBLOCKED to a command that waits. The client closes the connection before each
    retry, and the new connection resolves the server's name again.
    """

    async def call_with_retry(self, do: Callable[[], Awaitable[T]], *args: Any, **options: Any) -> T:
        """See Retry."""

        async def attempt() -> T:
            try:
                return await do()
            except ResponseError as error:
                if _REPLICA_REPLY.search(str(error)):
                    raise ReadOnlyError(str(error)) from error
                raise

        return await super().call_with_retry(attempt, *args, **options)


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
            retry=FailoverRetry(ExponentialWithJitterBackoff(base=0.02, cap=1), retries),
            retry_on_error=[BusyLoadingError, MasterDownError, ReadOnlyError],
        )
    except ValueError as error:
        raise LiveStateUnavailable(f"the Redis URL is invalid: {error}") from error


class LuaScript:
    """A script that Redis runs atomically.

    It is sent with each call: a script stored on the server would be missing after a restart or a fail-over.
    """

    def __init__(self, redis: Redis, source: str) -> None:
        self._redis, self._source = redis, source

    async def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        """Run the script and return its result."""
        return await self._redis.eval(self._source, len(keys), *keys, *args)


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
