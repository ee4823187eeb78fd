"""The voice of one call: a bridge, in it the far party and a channel whose audio goes to and from our stream.

Must not know: who the party is, how the call came about, flows.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from ivr.lifecycle import Direction
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.snoop import Snoop
from ivr.telephony.asterisk.stream import AsteriskStream, MediaSockets
from ivr.telephony.media import AudioSide

READY_TIMEOUT_S: Final = 5.0
LEADING: Final = "LEADING"
"""A variable of the voice channel that tells the dialplan whether the party is in our hands."""


class VoiceBridge:
    """See the module. `id` is the call's id."""

    def __init__(self, ari: Ari, tracker: ChannelTracker, sockets: MediaSockets, call_id: str) -> None:
        self._ari = ari
        self._tracker = tracker
        self._sockets = sockets
        self.bridge = f"{ari.app}.bridge.{call_id}"
        self._leg = tracker.expect(f"{ari.app}.voice.{call_id}")
        self.stream: AsteriskStream = sockets.expect(self._leg.channel)

    async def open(self, party: str, direction: Direction) -> None:
        """Have everything ready, but the party not yet in the bridge.

        Raises:
            AriRefused, AriUnreachable, LegEnded, TimeoutError: it could not be had; `close` is still to be called.
        """
        name = self._leg.channel
        async with asyncio.timeout(READY_TIMEOUT_S):
            made = await asyncio.gather(
                self._ari.create_bridge(self.bridge),
                self._ari.external_media(
                    name,
                    f"{self._ari.app}-media",
                    f"f(json)v(call={name})",
                    {
                        "CHANNEL(hangup_handler_push)": f"{self._ari.app}-lost,{direction},1({party})",
                        LEADING: "yes",
                    },
                ),
                return_exceptions=True,
            )
            for failure in made:
                if failure is not None:
                    raise failure
            self._leg.created = True
            await self._leg.wait_entered()
            await self.stream.ready.wait()
            await self._ari.add_to_bridge(self.bridge, [name])

    async def join(self, party: TrackedChannel) -> None:
        """Let the party hear us and us the party."""
        await self._ari.add_to_bridge(self.bridge, [party.channel])

    async def disarm_failover(self) -> None:
        """Have our end mean nothing to the party."""
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.set_variable(self._leg.channel, LEADING, "no")

    async def arm_failover(self) -> None:
        """Have our end mean that nobody leads the party any more."""
        await self._ari.set_variable(self._leg.channel, LEADING, "yes")

    async def leave_bridge(self) -> None:
        """Leave the party alone in the bridge, but still in our hands."""
        self.stream.listening = False
        await self._ari.remove_from_bridge(self.bridge, self._leg.channel)

    async def join_bridge(self) -> None:
        """Come back to the bridge."""
        await self.arm_failover()
        await self._ari.add_to_bridge(self.bridge, [self._leg.channel])
        self.stream.listening = True

    async def whisper(self, party: TrackedChannel, pcm: bytes) -> None:
        """While out of the bridge: say something to another party alone, to the end, or till they are gone."""
        aside = f"{self.bridge}.aside"
        await self._ari.create_bridge(aside)
        try:
            await self._ari.add_to_bridge(aside, [party.channel, self._leg.channel])
            await self._play(party, pcm)
        finally:
            await self._ari.destroy_bridge(aside)

    async def announce(self, party: TrackedChannel, pcm: bytes) -> None:
        """While out of the bridge: say something to the party in it, to the end, or till they are gone."""
        await self._ari.add_to_bridge(self.bridge, [self._leg.channel])
        try:
            await self._play(party, pcm)
        finally:
            await self._ari.remove_from_bridge(self.bridge, self._leg.channel)

    async def _play(self, party: TrackedChannel, pcm: bytes) -> None:
        playout = asyncio.ensure_future(self.stream.play_and_wait(pcm))
        try:
            await asyncio.wait((playout, party.gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not playout.done():
                playout.cancel()
                self.stream.clear()

    def snoop(self, who: AudioSide, party: TrackedChannel) -> Snoop:
        """Something that brings to our stream what the party says to others."""
        return Snoop(self._ari, self._tracker, self._sockets, self.bridge, who, party, self.stream)

    async def close(self) -> None:
        """Take all of it away; what Asterisk keeps nevertheless, the next sweep takes."""
        for request in (self._ari.hang_up(self._leg.channel), self._ari.destroy_bridge(self.bridge)):
            with contextlib.suppress(AriRefused, AriUnreachable):
                await request
        self._sockets.forget(self._leg.channel)
        self._tracker.forget(self._leg)
