"""The one reader that this process has of an event feed: it fans the events out to all subscribers.

A subscriber that does not keep up is disconnected, so that it holds up neither the others nor the reader; it resumes
after the last event that it received. Must not know: what the events mean, who subscribes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from ivr.live.errors import LiveStateUnavailable
from ivr.live.feed import EventFeed
from ivr.live.feed_event import FeedEvent

log = logging.getLogger(__name__)

MAX_WAITING: Final = 256
"""Number of events that may wait for a subscriber; the next one disconnects it."""
BREATH_S: Final = 0.01
"""Pause after each event while half as many wait for any subscriber: time for those that keep up, in a burst."""
RESUME_S: Final = 1.0
"""Pause before the feed is read again after a failure."""

Delivery = tuple[str, FeedEvent]
"""An event with the id of its entry, after which a subscriber can resume."""


@dataclass(slots=True, eq=False)
class _Subscriber:
    wants: Callable[[FeedEvent], bool]
    disconnect: Callable[[], None]
    waiting: asyncio.Queue[Delivery | None] = field(default_factory=asyncio.Queue)
    """What the subscriber has not taken; None ends it."""

    def end(self) -> None:
        """Drop what waits and end the subscription."""
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class FeedReader:
    """The reader of one feed and its subscribers."""

    def __init__(self, feed: EventFeed) -> None:
        self.feed = feed
        self._read = ""
        """The id of the last entry that was delivered, or of the newest one at the beginning."""
        self._begun = asyncio.Event()
        self._subscribers: set[_Subscriber] = set()

    async def run(self) -> None:
        """Run until cancelled: read the feed and deliver its events. While Redis is away there are no subscribers."""
        while True:
            try:
                await self._deliver_all()
            except LiveStateUnavailable as error:
                log.warning("the event feed is not read: %s", error)
            finally:
                self._end_all()
            await asyncio.sleep(RESUME_S)

    async def events(
        self,
        after: str,
        wants: Callable[[FeedEvent], bool] = lambda event: True,
        disconnect: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Delivery, None]:
        """Yield the wanted events after an entry id: those retained, then new ones as they arrive.

        Ends when the reader fails, or when MAX_WAITING events wait; then `disconnect` is called at once, as the
        subscriber may be stuck with an event.

        Raises:
            LiveStateUnavailable: the retained events cannot be read.
        """
        await self._begun.wait()
        while _order(after) < _order(self._read):
            until = self._read
            async with aclosing(self.feed.between(after, until)) as retained:
                async for entry_id, event in retained:
                    if wants(event):
                        yield entry_id, event
            after = until
        self._subscribers.add(subscriber := _Subscriber(wants, disconnect))
        try:
            while (delivery := await subscriber.waiting.get()) is not None:
                if _order(delivery[0]) > _order(after):
                    yield delivery
        finally:
            self._subscribers.discard(subscriber)

    async def _deliver_all(self) -> None:
        if not self._begun.is_set():
            self._read = await self.feed.newest()
            self._begun.set()
        async with aclosing(self.feed.follow(self._read)) as following:
            async for entry_id, event in following:
                self._read = entry_id
                for subscriber in tuple(self._subscribers):
                    if subscriber.wants(event):
                        self._deliver(subscriber, (entry_id, event))
                if any(each.waiting.qsize() >= MAX_WAITING // 2 for each in self._subscribers):
                    await asyncio.sleep(BREATH_S)

    def _deliver(self, subscriber: _Subscriber, delivery: Delivery) -> None:
        if subscriber.waiting.qsize() < MAX_WAITING:
            subscriber.waiting.put_nowait(delivery)
            return
        log.warning("a subscriber of %s is disconnected: %d events waited for it", self.feed.stream, MAX_WAITING)
        self._subscribers.discard(subscriber)
        subscriber.end()
        subscriber.disconnect()

    def _end_all(self) -> None:
        for subscriber in self._subscribers:
            subscriber.end()
        self._subscribers.clear()


def _order(entry_id: str) -> tuple[int, int]:
    """Return the place of an entry in the stream."""
    at_ms, _, number = entry_id.partition("-")
    return int(at_ms), int(number or 0)
