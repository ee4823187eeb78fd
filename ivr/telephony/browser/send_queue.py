"""What waits to be sent to a browser phone: audio, marks and transcript lines, in order.

Must not know: sockets, time, the far end's buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ivr.telephony.browser.wire import ClearMessage, MarkMessage, WireMessage
from ivr.telephony.media import FRAME_BYTES

CHUNK_BYTES = 10 * FRAME_BYTES
"""The most audio in one message: 200 ms."""


class SendQueue:
    """A queue that joins audio, sends it in whole frames and can be cleared."""

    def __init__(self) -> None:
        self._queue: deque[bytearray | WireMessage] = deque()
        self.audio_bytes = 0
        """Audio waiting here."""

    def play(self, pcm: bytes) -> None:
        """Queue audio behind what is there; raises ValueError for half a sample."""
        if len(pcm) % 2:
            raise ValueError("audio of an odd number of bytes; samples have two")
        self.audio_bytes += len(pcm)
        if self._queue and isinstance(last := self._queue[-1], bytearray):
            last += pcm
        elif pcm:
            self._queue.append(bytearray(pcm))

    def put(self, message: WireMessage) -> None:
        """Queue a message behind the audio that is there."""
        self._queue.append(message)

    def clear(self) -> None:
        """Drop audio and marks, keep the transcript, and tell the far end before anything else."""
        kept = [item for item in self._queue if not isinstance(item, bytearray | MarkMessage | ClearMessage)]
        self._queue = deque([ClearMessage(), *kept])
        self.audio_bytes = 0

    def drain(self) -> Iterator[bytes | WireMessage]:
        """Take out what is there and what comes meanwhile: messages, and audio in whole frames.

        A last part of a frame is filled up with silence when no audio follows it.
        """
        while self._queue:
            head = self._queue[0]
            if isinstance(head, WireMessage):
                yield self._queue.popleft()  # type: ignore[misc]
                continue
            chunk = bytes(head[:CHUNK_BYTES])
            del head[:CHUNK_BYTES]
            self.audio_bytes -= len(chunk)
            if not head:
                self._queue.popleft()
            yield chunk + bytes(-len(chunk) % FRAME_BYTES)
