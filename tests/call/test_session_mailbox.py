"""The mailbox of a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from ivr.call.mailbox import MAX_PENDING, Mailbox, TaskFailed
from ivr.telephony.media import FRAME_BYTES, AudioFrame, KeyPressed, MediaClosed, MediaEvent

FRAME = AudioFrame(bytes(FRAME_BYTES))


class Stream:
    """A media stream that yields the given events, then ends or fails."""

    def __init__(self, events: Iterable[MediaEvent], fault: Exception | None = None) -> None:
        self._events, self._fault = events, fault

    async def events(self) -> AsyncIterator[MediaEvent]:
        for event in self._events:
            yield event
        if self._fault:
            raise self._fault

    def play(self, pcm: bytes) -> None: ...

    def mark(self, name: str) -> None: ...

    def clear(self) -> None: ...


async def all_of(mailbox: Mailbox) -> list[object]:
    items: list[object] = []
    while not items or not isinstance(items[-1], MediaClosed):
        items.append(await mailbox.take(None))
    return items


async def test_a_slow_consumer_loses_audio_and_nothing_else() -> None:
    mailbox = Mailbox(Stream([*[FRAME] * MAX_PENDING * 3, KeyPressed("1"), MediaClosed("caller", "normal")]))
    mailbox.open()
    await asyncio.sleep(0.01)
    assert await all_of(mailbox) == [*[FRAME] * MAX_PENDING, KeyPressed("1"), MediaClosed("caller", "normal")]
    await mailbox.close()


@pytest.mark.parametrize("fault", [None, OSError("gone")])
async def test_a_stream_that_ends_silently_or_fails_counts_as_closed(fault: Exception | None) -> None:
    mailbox = Mailbox(Stream([FRAME], fault))
    mailbox.open()
    assert await all_of(mailbox) == [FRAME, MediaClosed("network", "failed")]
    await mailbox.close()


async def test_a_failure_in_the_background_reaches_the_consumer() -> None:
    async def work() -> None:
        raise OSError("gone")

    mailbox = Mailbox(Stream([]))
    mailbox.spawn(work())
    item = await mailbox.take(None)
    assert isinstance(item, TaskFailed) and str(item.error) == "gone"
    await mailbox.close()


async def test_an_empty_mailbox_wakes_its_consumer_in_time() -> None:
    mailbox = Mailbox(Stream([]))
    assert await mailbox.take(mailbox.clock()) is None
