"""A caller on hold with music, and the people who are rung for them.

Must not know: who is rung and how they were chosen.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from ivr.events import EndedBy
from ivr.telephony.asterisk import causes
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.dialling import local_digits
from ivr.telephony.asterisk.room import Room
from ivr.telephony.asterisk.site import Site
from ivr.telephony.asterisk.voice_bridge import HANGUP_HANDLER, VoiceBridge
from ivr.telephony.media import PartiesChanged
from ivr.telephony.port import HoldWork, TransferRefused

RING_GRACE_S: Final = 5
"""Extra time beyond the ring timeout that Asterisk itself enforces, before an attempt counts as no answer."""
CANCELLED: Final = 16
"""Q.850: normal call clearing."""


class AsteriskPerson:
    """Implements ivr.telephony.port.Person."""

    def __init__(self, ari: Ari, room: Room, leg: TrackedChannel, voice: VoiceBridge) -> None:
        self._ari, self._room, self._leg, self._voice = ari, room, leg, voice
        self._ringback = False
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        leg.on_key = self._keys.put_nowait
        leg.gone.add_done_callback(lambda _: self._keys.put_nowait(""))

    async def play(self, pcm: bytes) -> None:
        """See Person."""
        await self._voice.whisper(self._leg, pcm)

    async def key(self) -> str:
        """See Person."""
        return await self._keys.get()

    async def connect(self) -> None:
        """See Person."""
        await self._stop_ringback()
        try:
            await self._room.enter(self._leg)
        except AriRefused as refused:
            raise TransferRefused("unavailable") from refused

    async def wait_until_gone(self) -> None:
        """See Person."""
        await asyncio.wait((self._leg.gone,))

    async def disconnect(self) -> None:
        """See Person."""
        await self._room.leave(self._leg)

    async def ringback(self) -> None:
        """See Person."""
        with contextlib.suppress(AriRefused):  # the person has just hung up
            await self._ari.ringback(self._leg.channel)
            self._ringback = True

    async def step_aside(self) -> None:
        """See Person."""
        await self._stop_ringback()
        with contextlib.suppress(AriRefused):  # the person has just hung up
            await self._room.step_aside(self._leg)

    async def _stop_ringback(self) -> None:
        if self._ringback:
            self._ringback = False
            with contextlib.suppress(AriRefused):  # the person has just hung up
                await self._ari.stop_ringback(self._leg.channel)


class AsteriskHeldCaller:
    """Implements ivr.telephony.port.HeldCaller. With `overhear` the media stream delivers the parties' audio.

    The people who are rung see calling numbers as dialled in the trunk's region.
    """

    def __init__(
        self,
        ari: Ari,
        tracker: ChannelTracker,
        site: Site,
        caller: TrackedChannel,
        voice: VoiceBridge,
        overhear: bool,
    ) -> None:
        self._ari, self._tracker, self._site, self._caller, self._voice = ari, tracker, site, caller, voice
        self.overheard = overhear
        self._room = Room(ari, voice, caller, overhear)
        self._keys: asyncio.Queue[str] = asyncio.Queue()

    async def hold_during(self, work: HoldWork) -> EndedBy:
        """Hold the caller while `work` rings and connects people; cancel it if the caller hangs up. Then end the hold.

        Returns:
            The party that ended it: `caller`, or `us` if the work completed.
        """
        previous_on_key = self._caller.on_key
        self._voice.stream.clear()
        self._caller.on_key = self._keys.put_nowait
        work_task: asyncio.Task[None] | None = None
        try:
            await self._voice.leave_bridge()
            await self._ari.start_music(self._voice.bridge)
            work_task = asyncio.create_task(work(self))
            await asyncio.wait((work_task, self._caller.gone), return_when=asyncio.FIRST_COMPLETED)
            if self._caller.gone.done():
                return "caller"
            work_task.result()
            return "us"
        finally:
            await _uninterrupted(self._end_work(work_task))
            self._caller.on_key = previous_on_key
            if not self._caller.gone.done():
                await self._ari.stop_music(self._voice.bridge)
                await self._voice.join_bridge()

    async def _end_work(self, work_task: asyncio.Task[None] | None) -> None:
        if work_task:
            work_task.cancel()
            await asyncio.gather(work_task, return_exceptions=True)
        await self._room.close()

    def note_parties(self, parties: Sequence[str]) -> None:
        """See HeldCaller."""
        self._voice.stream.push(PartiesChanged(tuple(parties)))

    async def play(self, pcm: bytes) -> None:
        """See HeldCaller."""
        await self._ari.stop_music(self._voice.bridge)
        try:
            await self._voice.announce(self._caller, pcm)
        finally:
            if not self._caller.gone.done():
                await self._ari.start_music(self._voice.bridge)

    async def key(self) -> str:
        """See HeldCaller."""
        return await self._keys.get()

    @asynccontextmanager
    async def ring(self, name: str, shown: str, ring_s: int) -> AsyncIterator[AsteriskPerson]:
        """See HeldCaller."""
        endpoint = self._site.targets.get(name, f"PJSIP/{name}")
        leg = self._tracker.expect(self._voice.name("other", uuid.uuid4().hex))
        try:
            await self._ring(leg, endpoint, shown, ring_s)
            yield AsteriskPerson(self._ari, self._room, leg, self._voice)
        finally:
            await _uninterrupted(self._release(leg))

    async def _release(self, leg: TrackedChannel) -> None:
        if not (self._voice.released and self._room.talks(leg)):
            with contextlib.suppress(AriRefused, AriUnreachable):
                await self._ari.hang_up(leg.channel, CANCELLED)
        await self._room.forget(leg)
        self._tracker.forget(leg)

    async def _ring(self, leg: TrackedChannel, endpoint: str, shown: str, ring_s: int) -> None:
        number = local_digits(shown, self._site.trunk_numbers)
        try:
            variables = {HANGUP_HANDLER: self._voice.left_handler}
            await _uninterrupted(self._ari.originate(leg.channel, endpoint, number, ring_s, variables))
        except AriRefused as refused:
            raise TransferRefused("unreachable") from refused
        leg.created = True
        changes = (leg.entered, leg.gone)
        await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED, timeout=ring_s + RING_GRACE_S)
        if leg.gone.done():
            raise TransferRefused(causes.refusal_reason(leg.gone.result()), rang=leg.rang)
        if not leg.entered.done():
            raise TransferRefused("no_answer", rang=leg.rang)


async def _uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to completion even if cancelled, so that nothing is left behind in Asterisk; then raise the cancel."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        task.exception()
        raise cancelled
    task.result()
