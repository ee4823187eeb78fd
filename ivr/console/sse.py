"""Streams of server-sent events, which browsers resume by themselves. Must not know: what the events mean."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final, TypeVar

from aiohttp import web

from ivr.live.errors import LiveStateUnavailable

log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 15.0
"""A stream on which nothing happens says so, lest somebody on the way takes it for dead."""
KEEPALIVE: Final = b":\n\n"

SseEvent = TypeVar("SseEvent")


class SseStreams:
    """The streams that are open."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any] | None] = set()

    async def serve(self, request: web.Request, messages: AsyncIterator[bytes]) -> web.StreamResponse:
        """Write messages until there are no more, or the reader has gone."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        self._open.add(task := asyncio.current_task())
        try:
            async for each in messages:
                await response.write(each)
        except (ConnectionError, asyncio.CancelledError):
            pass
        except LiveStateUnavailable as error:
            log.warning("a stream of events has to be opened again: %s", error)
        finally:
            self._open.discard(task)
        return response

    async def close(self, _: web.Application) -> None:
        """End the streams: the service stops."""
        for stream in self._open:
            if stream:
                stream.cancel()


def last_event_id(request: web.Request) -> str:
    """The id of the last event that the reader has had; empty for one who is new.

    Raises:
        HTTPBadRequest: it is no id of an event.
    """
    after = request.headers.get("Last-Event-ID", "")
    if after and not re.fullmatch(r"\d+-\d+", after):
        raise web.HTTPBadRequest(text="Last-Event-ID must be the id of an event of this stream\n")
    return after


def encode_event(name: str, event: Mapping[str, Any], event_id: str = "") -> bytes:
    """An event as it is written."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


async def with_keepalives(events: AsyncIterator[SseEvent]) -> AsyncGenerator[SseEvent | None, None]:
    """The events as they come; None, time and again, while there are none."""
    waiting = asyncio.ensure_future(anext(events))
    try:
        while True:
            await asyncio.wait((waiting,), timeout=KEEPALIVE_S)
            if not waiting.done():
                yield None
                continue
            event = waiting.result()
            waiting = asyncio.ensure_future(anext(events))
            yield event
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
