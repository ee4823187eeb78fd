"""One call's mailbox: media, results of tasks and their faults, in the order of their coming, for a single consumer.

Must not know: flows, turn-taking, records.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final

from ivr import events
from ivr.telephony.media import FRAME_MS, AudioFrame, MediaClosed, MediaEvent, MediaStream, OverheardAudio
from ivr.turntaking.turn import QuestionTurn
from recognizer.base import Hypothesis

log = logging.getLogger(__name__)

MAX_PENDING: Final = 10_000 // FRAME_MS
"""Items that may wait: 10 s of frames. A consumer held up for longer loses audio of that time, and nothing else."""


@dataclass(frozen=True, slots=True)
class PromptStarted:
    """A turn's prompt begins to be heard."""

    turn: QuestionTurn
    length_ms: int


@dataclass(frozen=True, slots=True)
class DecodingFinished:
    """The recogniser's answer to a turn's request."""

    turn: QuestionTurn
    request: int
    hypotheses: tuple[Hypothesis, ...]


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """Work in the background failed."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class EndCall:
    """The call is to be ended from outside. `cause` is one of lifecycle.HANGUP_CAUSES."""

    cause: str


TaskResult = events.CaseFound | events.CaseMissing | events.TransferCompleted | events.TransferFailed
"""What came of something that takes its time."""

MailboxItem = MediaEvent | PromptStarted | DecodingFinished | TaskFailed | EndCall | TaskResult


class Mailbox:
    """Gathers the items of one call; `clock` counts from its making, the answer of the call."""

    def __init__(self, media: MediaStream) -> None:
        self._media = media
        self._items: asyncio.Queue[MailboxItem] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._now = asyncio.get_running_loop().time
        self._answered_at_s = self._now()

    def clock(self) -> int:
        """ms since the call was answered."""
        return int((self._now() - self._answered_at_s) * 1000)

    def open(self) -> None:
        """Begin to take in what the media stream tells; whatever happens to the stream, the last of it is Closed."""
        self.spawn(self._pump())

    def post(self, item: MailboxItem) -> None:
        """Put an item behind all others."""
        self._items.put_nowait(item)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do something in the background; if it fails the consumer is told by Broken."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    async def take(self, until_ms: int | None) -> MailboxItem | None:
        """The next item, or None when the clock reaches `until_ms` before there is one."""
        try:
            async with asyncio.timeout_at(None if until_ms is None else self._answered_at_s + until_ms / 1000):
                return await self._items.get()
        except TimeoutError:
            return None

    async def close(self) -> None:
        """End all background work."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.post(TaskFailed(error))

    async def _pump(self) -> None:
        try:
            async for event in self._media.events():
                if not isinstance(event, AudioFrame | OverheardAudio) or self._items.qsize() < MAX_PENDING:
                    self.post(event)
        except Exception:
            log.exception("the media stream failed")
        self.post(MediaClosed("network", "failed"))
