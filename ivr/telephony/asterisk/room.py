"""The bridges of a transfer: one with the caller, and one aside for a consultation without the caller.

Must not know: who the people are, how they were rung, why they come and go.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import TrackedChannel
from ivr.telephony.asterisk.snoop import Snoop
from ivr.telephony.asterisk.voice_bridge import VoiceBridge
from ivr.telephony.media import AudioSide

SIDES: Final[tuple[AudioSide, ...]] = ("other", "third")


class Room:
    """The caller's bridge, with music on hold while the caller is alone, and one aside. `overhear` snoops on both."""

    def __init__(self, ari: Ari, voice: VoiceBridge, caller: TrackedChannel, overhear: bool) -> None:
        self._ari, self._voice, self._caller, self._overhear = ari, voice, caller, overhear
        self._aside = f"{voice.bridge}.room"
        self._aside_made = False
        self._with_caller: set[TrackedChannel] = set()
        self._snoops: dict[TrackedChannel, tuple[AudioSide, Snoop]] = {}

    async def enter(self, leg: TrackedChannel) -> None:
        """Connect a person with the caller.

        Raises:
            AriRefused: the person has just hung up.
        """
        if not self._with_caller:
            await self._ari.stop_music(self._voice.bridge)
        try:
            if self._aside_made:
                await self._remove(self._aside, leg)
            await self._voice.join(leg)
        except AriRefused:
            if not self._with_caller:
                await self._ari.start_music(self._voice.bridge)
            raise
        self._with_caller.add(leg)
        await self._voice.disarm_failover()
        with contextlib.suppress(AriRefused):  # the person has just hung up
            await self._voice.note_talk(leg, talks=True)
        await self._listen(leg)

    async def leave(self, leg: TrackedChannel) -> None:
        """Disconnect a person from the caller."""
        await self._remove(self._voice.bridge, leg)
        self._with_caller.discard(leg)
        with contextlib.suppress(AriRefused):  # the person has just hung up
            await self._voice.note_talk(leg, talks=False)
        if not self._with_caller:
            await self._voice.arm_failover()
            await self._ari.start_music(self._voice.bridge)

    async def step_aside(self, leg: TrackedChannel) -> None:
        """Move a person into the bridge aside.

        Raises:
            AriRefused: the person has just hung up.
        """
        if not self._aside_made:
            await self._ari.create_bridge(self._aside, keys=True)
            self._aside_made = True
        await self._ari.add_to_bridge(self._aside, [leg.channel])
        await self._listen(leg)

    def talks(self, leg: TrackedChannel) -> bool:
        """Return whether a person is connected with the caller."""
        return leg in self._with_caller

    async def forget(self, leg: TrackedChannel) -> None:
        """Drop a person who has hung up."""
        self._with_caller.discard(leg)
        if leg in self._snoops:
            _, snoop = self._snoops.pop(leg)
            await snoop.close()

    async def close(self) -> None:
        """Stop all snoops and destroy the bridge aside."""
        for leg in tuple(self._snoops):
            await self.forget(leg)
        if self._aside_made:
            with contextlib.suppress(AriRefused, AriUnreachable):
                await self._ari.destroy_bridge(self._aside)

    async def _remove(self, bridge: str, leg: TrackedChannel) -> None:
        with contextlib.suppress(AriRefused):  # the person is not in it
            await self._ari.remove_from_bridge(bridge, leg.channel)

    async def _listen(self, leg: TrackedChannel) -> None:
        """Start snooping on a person, and on the caller if not yet started."""
        if not self._overhear:
            return
        new_snoops = []
        for one in (self._caller, leg):
            if one not in self._snoops:
                taken = {side for side, _ in self._snoops.values()}
                free = next((side for side in SIDES if side not in taken), SIDES[-1])
                side: AudioSide = "caller" if one is self._caller else free
                self._snoops[one] = side, self._voice.snoop(side, one)
                new_snoops.append(self._snoops[one][1])
        await asyncio.gather(*(snoop.open() for snoop in new_snoops))
