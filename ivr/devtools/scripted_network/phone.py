"""The phones of the scripted network, operated by a script: call, are called, speak, press keys, record what they hear.

Must not know: the service.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ivr.devtools.scripted_network.audio import SILENCE
from ivr.devtools.timeline import SOUND
from ivr.events import EndedBy
from ivr.lifecycle import AnsweringParty
from ivr.telephony.media import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ

FRAME_S: Final = FRAME_MS / 1000
KEY_S: Final = 0.1
"""How long a key is held, and the pause after it."""

Samples = NDArray[np.int16]


@dataclass(slots=True)
class _Speech:
    pcm: bytearray
    began: float | None = None
    ended: asyncio.Future[tuple[float, float]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class ScriptedPhoneCall:
    """One call at a phone. Moments are of the event loop's clock."""

    def __init__(self, shown: str = "") -> None:
        self.id = uuid4().hex
        self.shown = shown
        """The calling number that the phone shows."""
        self.ringing = asyncio.Event()
        self.up = asyncio.Event()
        self.over = asyncio.Event()
        self.cause = ""
        """Why the call was not answered, one of lifecycle.HANGUP_CAUSES."""
        self.answered_by: AnsweringParty = "unknown"
        self.on_key: Callable[[str], None] = lambda key: None
        self.on_over: Callable[[EndedBy, str], None] = lambda by, cause: None
        self.on_spoken: Callable[[bytes], None] | None = None
        """Told of each frame spoken, silence included."""
        self.loud_until = 0.0
        """The moment of the last sound heard."""
        self._now = asyncio.get_running_loop().time
        self._heard = bytearray()
        self._heard_at: list[float] = []
        self._speeches: deque[_Speech] = deque()

    # --- what a person does ---------------------------------------------------------------------------------------

    def ring(self) -> None:
        """Let the caller know that this phone rings."""
        self.ringing.set()

    def answer(self, by: AnsweringParty = "unknown") -> None:
        """Pick up."""
        self.answered_by = by
        self.up.set()

    def refuse(self, cause: str = "busy") -> None:
        """Do not pick up, for a cause of lifecycle.HANGUP_CAUSES."""
        self._end("caller", cause)

    async def say(self, pcm: Samples) -> tuple[float, float]:
        """Speak; return when that began and ended."""
        speech = _Speech(bytearray(pcm.astype("<i2").tobytes()))
        self._speeches.append(speech)
        return await speech.ended

    async def press(self, keys: str) -> float:
        """Press keys one after the other; return when the last was let go."""
        for key in keys:
            await asyncio.sleep(KEY_S)
            if not self.over.is_set():
                self.on_key(key)
        return self._now()

    async def hang_up(self) -> None:
        """Hang up; no effect if the call is over."""
        self._end("caller", "normal")

    async def cut(self) -> None:
        """Lose the connection."""
        self._end("network", "media_lost")

    async def ended(self, within_s: float = 30) -> None:
        """Wait for the end of the call."""
        await asyncio.wait_for(self.over.wait(), within_s)

    # --- what was heard -------------------------------------------------------------------------------------------

    @property
    def heard_from(self) -> float:
        """The moment at which `heard` begins."""
        return self._heard_at[0] - FRAME_S if self._heard_at else self._now()

    @property
    def heard(self) -> Samples:
        """All that was heard so far, silence included."""
        return np.frombuffer(bytes(self._heard), "<i2")

    def last(self, seconds: float, until: float) -> Samples:
        """Return what was heard in so many seconds before a moment."""
        end = bisect_right(self._heard_at, until) * FRAME_BYTES
        start = max(0, end - round(seconds * SAMPLE_RATE_HZ) * 2)
        return np.frombuffer(bytes(self._heard[start:end]), "<i2")

    # --- the network's side ---------------------------------------------------------------------------------------

    def drop(self) -> None:
        """End the call from the far side."""
        self._end("us", "normal")

    def speak(self) -> bytes:
        """See Party."""
        frame = bytearray()
        while self._speeches and len(frame) < FRAME_BYTES:
            speech = self._speeches[0]
            speech.began = self._now() if speech.began is None else speech.began
            room = FRAME_BYTES - len(frame)
            frame += speech.pcm[:room]
            del speech.pcm[:room]
            if not speech.pcm:
                self._speeches.popleft()
                if not speech.ended.done():
                    speech.ended.set_result((speech.began, self._now() + FRAME_S))
        spoken = bytes(frame.ljust(FRAME_BYTES, b"\0")) if frame else b""
        if self.on_spoken:
            self.on_spoken(spoken or SILENCE)
        return spoken

    def hear(self, frame: bytes) -> None:
        """See Party."""
        self._heard += frame
        self._heard_at.append(self._now())
        if np.abs(np.frombuffer(frame, "<i2").astype(np.int32)).max() >= SOUND:
            self.loud_until = self._heard_at[-1]

    def _end(self, by: EndedBy, cause: str) -> None:
        if self.over.is_set():
            return
        self.cause = cause
        self.over.set()
        for speech in self._speeches:
            if not speech.ended.done():
                speech.ended.set_result((self._now(), self._now()))
        self._speeches.clear()
        self.on_over(by, cause)


class ScriptedPhone:
    """A phone that can be called; its calls wait in `calls`, and nothing has been answered to them yet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: asyncio.Queue[ScriptedPhoneCall] = asyncio.Queue()

    async def called(self, within_s: float = 30) -> ScriptedPhoneCall:
        """Return the next call that comes in."""
        return await asyncio.wait_for(self.calls.get(), within_s)
