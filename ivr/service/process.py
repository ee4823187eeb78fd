"""The service as a process: listens, reloads on SIGHUP, drains on SIGTERM, ends when a worker keeps failing.

Must not know: the command line, what is printed.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, TypeVar

from aiohttp import web

from ivr.console.access import load_token
from ivr.service.composition import open_service
from ivr.service.runtime import Service
from ivr.service.web import web_application
from ivr.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")

DRAIN_S: Final = 180.0
"""Time for calls in progress to end after SIGTERM, more than a survey takes. A supervisor must wait a little longer."""
CLOSING_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ListeningService:
    """A service that listens. `phone` is the browser phone's URL; `workers` ends only if a worker keeps failing."""

    service: Service
    phone: str
    workers: asyncio.Task[None]


FirstCall = Callable[[ListeningService], Awaitable[int]]
"""A call made as soon as the service listens; returns the exit status."""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[ListeningService]:
    """Open a service and listen; calls in progress are ended at the end of the block."""
    async with open_service(settings) as service:
        token = None if ip_address(settings.host).is_loopback else load_token(settings.data)
        pages = web_application(service, token, load_token(settings.data, "management-token"))
        runner = web.AppRunner(pages, access_log=None, shutdown_timeout=CLOSING_S)
        await runner.setup()
        workers = asyncio.create_task(service.run())
        try:
            site = web.TCPSite(runner, settings.host, settings.port)
            await site.start()
            port = runner.addresses[0][1]
            phone = f"http://{settings.host}:{port}/phone" + (f"?token={token}" if token else "")
            # Whatever is loaded by now stays: scanning it for garbage would pause all calls for up to 150 ms.
            gc.collect()
            gc.freeze()
            yield ListeningService(service, phone, workers)
        finally:
            gc.unfreeze()
            await service.drain(0)
            await runner.cleanup()
            workers.cancel()
            await asyncio.gather(workers, return_exceptions=True)


async def serve(
    settings: Settings,
    ready: Callable[[str], None] = lambda phone: None,
    first_call: FirstCall | None = None,
    *,
    once: bool = False,
) -> int:
    """Serve until SIGTERM or SIGINT, reload on SIGHUP; return the exit status.

    Calls in progress then have DRAIN_S to end, and new ones are refused; a second signal ends them at once.

    Args:
        ready: told the URL of the browser phone when calls can come in.
        first_call: made first; its status is returned.
        once: end after the first call.
    """
    stop, stop_now, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def end() -> None:
        (stop_now if stop.is_set() else stop).set()

    async with serving(settings) as listening:

        def reload() -> None:
            reloads.add(task := asyncio.create_task(listening.service.reload()))
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        listening.workers.add_done_callback(lambda _: stop.set())
        status = 0
        if first_call:
            status = await _unless(stop, _call(first_call, listening)) or 0
        if not once:
            ready(listening.phone)
            await stop.wait()
        await _unless(stop_now, listening.service.drain(DRAIN_S))
        if listening.workers.done():
            log.critical("the service ends: %s", listening.workers.exception())
            return 1
        return status


async def _call(first_call: FirstCall, listening: ListeningService) -> int:
    return await first_call(listening)


async def _unless(event: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """Await the work, but cancel it when the event comes first."""
    doing, happening = asyncio.create_task(work), asyncio.create_task(event.wait())
    await asyncio.wait({doing, happening}, return_when=asyncio.FIRST_COMPLETED)
    happening.cancel()
    if doing.done():
        return doing.result()
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    return None
