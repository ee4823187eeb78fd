"""The connection to Redis: patient through restarts and dropped connections, then clear about it.

Must not know: what is kept there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import BusyLoadingError, RedisError

from ivr.live.errors import LiveStateUnavailable

RETRIES: Final = 12
"""With their pauses about five seconds in all: a restart of Redis passes unnoticed, a caller does not wait forever."""


def connect(url: str, retries: int = RETRIES) -> Redis:
    """A client for `unix:///SOCKET` or `redis://HOST`, which tries again by itself; nothing is sent yet.

    Raises:
        LiveStateUnavailable: the URL is not one.
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
        raise LiveStateUnavailable(f"the URL of Redis is not one: {error}") from error


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns the client's errors, once its patience is over, into LiveStateUnavailable."""
    try:
        yield
    except RedisError as error:
        raise LiveStateUnavailable(f"Redis: {error}") from error
