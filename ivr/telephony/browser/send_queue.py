"""Send queue of a browser phone: audio, marks and transcript lines, in order.

Must not know: sockets, time, the far end's buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ivr.telephony.browser.wire import ClearMessage, MarkMessage, WireMessage
from ivr.telephony.media import FRAME_BYTES

CHUNK_BYTES = 10 * FRAME_BYTES
"""Maximum audio per message: 200 ms."""


class SendQueue:
    """A clearable queue that joins audio and returns it in whole frames."""

    def __init__(self) -> None:
        self._queue: deque[bytearray | WireMessage] = deque()
        self.audio_bytes = 0
        """Number of audio bytes queued."""

    def play(self, pcm: bytes) -> None:
        """Append audio; raise ValueError for half a sample."""
        if len(pcm) % 2:
            raise ValueError("audio has an odd number of bytes; a sample has two")
        self.audio_bytes += len(pcm)
        if self._queue and isinstance(last := self._queue[-1], bytearray):
            last += pcm
        elif pcm:
            self._queue.append(bytearray(pcm))

    def put(self, message: WireMessage) -> None:
        """Append a message."""
        self._queue.append(message)

    def clear(self) -> None:
        """Drop audio and marks, keep the transcript, and put a ClearMessage first in the queue."""
        kept = [item for item in self._queue if not isinstance(item, bytearray | MarkMessage | ClearMessage)]
        self._queue = deque([ClearMessage(), *kept])
        self.audio_bytes = 0

    def drain(self) -> Iterator[bytes | WireMessage]:
        """Yield and remove everything queued, including items added meanwhile: messages, and audio in whole frames.

        A trailing partial frame is padded with silence if no audio follows it.
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
