"""One call's mailbox: media events, task results and task failures, in order of arrival, for a single consumer.

Must not know: flows, turn-taking, records.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final

from ivr import events
from ivr.telephony.media import FRAME_MS, AudioFrame, CallReleased, MediaClosed, MediaEvent, MediaStream, OverheardAudio
from ivr.turntaking.turn import QuestionTurn
from recognizer.base import Hypothesis

log = logging.getLogger(__name__)

MAX_PENDING: Final = 10_000 // FRAME_MS
"""Maximum queue length for audio: 10 s of frames. A consumer stalled for longer loses audio, but no other items."""


@dataclass(frozen=True, slots=True)
class PromptStarted:
    """A turn's prompt starts playing."""

    turn: QuestionTurn
    length_ms: int


@dataclass(frozen=True, slots=True)
class DecodingFinished:
    """The recogniser's hypotheses for a turn's decode request."""

    turn: QuestionTurn
    request: int
    hypotheses: tuple[Hypothesis, ...]


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A background task failed."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class HandOver:
    """Request from outside the session to leave the call to another node, or to end it if none can take it."""


@dataclass(frozen=True, slots=True)
class EndCall:
    """Request from outside the session to end the call. `cause` is one of lifecycle.HANGUP_CAUSES."""

    cause: str


TaskResult = events.CaseFound | events.CaseMissing | events.TransferCompleted | events.TransferFailed
"""The result of a long-running task: a case look-up or a transfer."""

MailboxItem = MediaEvent | PromptStarted | DecodingFinished | TaskFailed | EndCall | HandOver | TaskResult


class Mailbox:
    """Queue of one call's items. `elapsed_ms` is the time since the call was answered, 0 if that is now."""

    def __init__(self, media: MediaStream, elapsed_ms: int = 0) -> None:
        self._media = media
        self._items: asyncio.Queue[MailboxItem] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._now = asyncio.get_running_loop().time
        self._answered_at_s = self._now() - elapsed_ms / 1000

    def clock(self) -> int:
        """Return the time since the call was answered (ms)."""
        return int((self._now() - self._answered_at_s) * 1000)

    def open(self) -> None:
        """Start collecting media events. The last one is MediaClosed or CallReleased, even if the stream fails."""
        self.spawn(self._pump())

    def post(self, item: MailboxItem) -> None:
        """Append an item to the queue."""
        self._items.put_nowait(item)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` as a background task; if it fails, post TaskFailed."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    async def take(self, until_ms: int | None) -> MailboxItem | None:
        """Return the next item, or None if the clock reaches `until_ms` first."""
        try:
            async with asyncio.timeout_at(None if until_ms is None else self._answered_at_s + until_ms / 1000):
                return await self._items.get()
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Cancel all background tasks."""
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
                if isinstance(event, CallReleased):
                    return
        except Exception:
            log.exception("media stream failed")
        self.post(MediaClosed("network", "failed"))
