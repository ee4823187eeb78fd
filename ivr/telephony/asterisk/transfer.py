"""Hands a caller over to somebody else: rings them while the caller hears music, announces, connects them.

Must not know: who the target is and how it was chosen.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from ivr.events import EndedBy
from ivr.telephony.asterisk import causes
from ivr.telephony.asterisk.ari import Ari, AriRefused
from ivr.telephony.asterisk.legs import Leg, Legs
from ivr.telephony.asterisk.voice import Voice
from ivr.telephony.port import TransferRefused

RING_S: Final = 20
SLACK_S: Final = 5
"""Asterisk ends the ringing itself; when it says nothing for so long after that, it never will."""
CANCELLED: Final = 16


class Handover:
    """One attempt to hand a caller over."""

    def __init__(self, ari: Ari, legs: Legs, caller: Leg, voice: Voice) -> None:
        self._ari = ari
        self._legs = legs
        self._caller = caller
        self._voice = voice
        self._other = Leg(f"{ari.app}.other.{uuid.uuid4().hex}")

    async def to(self, endpoint: str, shown: str, words: bytes) -> EndedBy:
        """Ring `endpoint` with `shown` as the caller's number; `words` (audio) are for their ears only.

        Returns:
            Who ended it: `caller`, or `us` when the other party hung up; then the caller is ours again.

        Raises:
            TransferRefused: nobody took the call; the caller is ours again.
        """
        voice, ari = self._voice, self._ari
        voice.stream.clear()
        self._legs.add(self._other)
        try:
            await voice.step_out()
            await ari.start_music(voice.bridge)
            await self._ring(endpoint, shown)
            if words:
                await voice.tell(self._other, words)
            await ari.stop_music(voice.bridge)
            if not self._parted():
                await voice.join(self._other)
            await asyncio.wait((self._caller.gone, self._other.gone), return_when=asyncio.FIRST_COMPLETED)
            return "caller" if self._caller.gone.done() else "us"
        finally:
            await ari.hang_up(self._other.channel, CANCELLED)
            self._legs.forget(self._other)
            if not self._caller.gone.done():
                await ari.stop_music(voice.bridge)
                await voice.step_in()

    def _parted(self) -> bool:
        return self._caller.gone.done() or self._other.gone.done()

    async def _ring(self, endpoint: str, shown: str) -> None:
        other = self._other
        try:
            await self._ari.originate(other.channel, endpoint, shown, RING_S)
        except AriRefused as refused:
            raise TransferRefused("unreachable") from refused
        other.made = True
        changes = (self._caller.gone, other.entered, other.gone)
        await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED, timeout=RING_S + SLACK_S)
        if other.gone.done() and not self._caller.gone.done():
            raise TransferRefused(causes.refused(other.gone.result()))
        if not any(change.done() for change in changes):
            raise TransferRefused("no_answer")
