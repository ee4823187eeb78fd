"""Events for feeds whose meaning does not matter."""

from __future__ import annotations

from datetime import UTC, datetime

from ivr.events import Value
from ivr.live.feed_event import FeedEvent

AT = datetime(2026, 11, 29, 9, tzinfo=UTC)


def an_event(n: int | str, agent: str | None = None, **data: Value) -> FeedEvent:
    """An event with an id and data of its own."""
    return FeedEvent(f"event-{n}", "talk", AT, agent=agent, data={"n": n, **data})
