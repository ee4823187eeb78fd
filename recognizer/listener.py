"""Decoding of one answer's audio in a thread pool: in order, without blocking the caller of `feed`.

Must not know: grammars, words, what a result means.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from threading import Lock
from typing import Protocol

from recognizer.base import Hypothesis


class Decoding(Protocol):
    """Decoder of the audio of one answer; used by one thread at a time."""

    def feed(self, pcm: bytes) -> None:
        """Decode the next audio."""

    def read(self) -> Sequence[Hypothesis]:
        """Return the hypotheses for all audio so far; more may be fed afterwards."""


class PooledListener:
    """A recognizer.base.Listener over a Decoding whose every step runs in `pool`."""

    def __init__(self, pool: Executor, decoding: Callable[[], Decoding]) -> None:
        self._pool = pool
        self._make = decoding
        self._decoding: Decoding | None = None
        self._lock = Lock()
        self._audio = bytearray()
        self._requests: deque[Future[Sequence[Hypothesis]]] = deque()
        self._busy = False
        self._closed = False
        self._failure: Exception | None = None

    def feed(self, pcm: bytes) -> None:
        """Queue the audio.

        Raises:
            ValueError: the listener is closed, or the audio ends in the middle of a sample.
        """
        if self._closed:
            raise ValueError("the listener is closed")
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes are not a whole number of 16-bit samples")
        with self._lock:
            self._audio += pcm
            self._wake()

    async def hypotheses(self) -> Sequence[Hypothesis]:
        """Wait for all audio fed so far and return its hypotheses; empty once closed. Re-raise any decoding error."""
        request: Future[Sequence[Hypothesis]] = Future()
        with self._lock:
            if self._failure:
                raise self._failure
            if self._closed:
                return ()
            self._requests.append(request)
            self._wake()
        return await asyncio.wrap_future(request)

    def close(self) -> None:
        """Discard audio not decoded yet; resolve pending requests with no hypotheses."""
        for pending in self._stop():
            pending.set_result(())

    def _wake(self) -> None:
        if not self._busy:
            self._busy = True
            self._pool.submit(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                audio, request = bytes(self._audio), self._requests.popleft() if self._requests else None
                self._audio.clear()
                if self._closed or not (audio or request):
                    self._busy = False
                    self._decoding = None if self._closed else self._decoding
                    return
            try:
                self._decoding = decoding = self._decoding or self._make()
                if audio:
                    decoding.feed(audio)
                reading = decoding.read() if request else ()
            except Exception as failure:
                self._fail(failure, request)
                raise
            if request and request.set_running_or_notify_cancel():
                request.set_result(reading)

    def _fail(self, failure: Exception, request: Future[Sequence[Hypothesis]] | None) -> None:
        self._failure = failure
        pending = self._stop()
        if request and request.set_running_or_notify_cancel():
            pending.append(request)
        for future in pending:
            future.set_exception(failure)

    def _stop(self) -> list[Future[Sequence[Hypothesis]]]:
        """Close and return the pending requests."""
        with self._lock:
            self._closed = True
            if not self._busy:
                self._decoding = None
            self._audio.clear()
            requests = list(self._requests)
            self._requests.clear()
        return [future for future in requests if future.set_running_or_notify_cancel()]
