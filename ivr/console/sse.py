"""Streams of server-sent events, which browsers resume automatically. Must not know: what the events mean."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final, TypeVar

from aiohttp import web

from ivr.live.errors import LiveStateUnavailable

log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 15.0
"""Seconds without an event after which a keepalive is sent, so that no proxy closes the idle stream."""
KEEPALIVE: Final = b":\n\n"

SseEvent = TypeVar("SseEvent")


class SseStreams:
    """The open event streams of the service."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any] | None] = set()

    async def serve(self, request: web.Request, messages: AsyncGenerator[bytes, None]) -> web.StreamResponse:
        """Write messages until there are no more or the client disconnects; close them at the end."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        self._open.add(task := asyncio.current_task())
        try:
            async with aclosing(messages):
                async for each in messages:
                    await response.write(each)
        except (ConnectionError, asyncio.CancelledError):
            pass
        except LiveStateUnavailable as error:
            log.warning("an event stream ended, so the client must reconnect: %s", error)
        finally:
            self._open.discard(task)
        return response

    async def close(self, _: web.Application) -> None:
        """End the streams when the service stops."""
        for stream in self._open:
            if stream:
                stream.cancel()


def disconnect(request: web.Request) -> None:
    """Cut off a client that does not keep up, even in the middle of a message; it reconnects and resumes."""
    if request.transport:
        request.transport.abort()


def last_event_id(request: web.Request) -> str:
    """Return the id of the last event that the client received; empty for a new client.

    Raises:
        HTTPBadRequest: the header Last-Event-ID is not an event id.
    """
    after = request.headers.get("Last-Event-ID", "")
    if after and not re.fullmatch(r"\d+-\d+", after):
        raise web.HTTPBadRequest(text="Last-Event-ID must be the id of an event of this stream\n")
    return after


def encode_event(name: str, event: Mapping[str, Any], event_id: str = "") -> bytes:
    """Return an event in the format of server-sent events."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


async def with_keepalives(events: AsyncGenerator[SseEvent, None]) -> AsyncGenerator[SseEvent | None, None]:
    """Yield the events as they arrive, and None after every KEEPALIVE_S without one; close `events` at the end."""
    waiting = asyncio.ensure_future(anext(events))
    try:
        while True:
            await asyncio.wait((waiting,), timeout=KEEPALIVE_S)
            if not waiting.done():
                yield None
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            waiting = asyncio.ensure_future(anext(events))
            yield event
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await events.aclose()
