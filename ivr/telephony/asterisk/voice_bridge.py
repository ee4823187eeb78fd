"""Audio path of one call: a bridge that holds the far party and a media channel connected to our stream.

Must not know: who the party is, how the call came about, flows.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Final

from ivr.lifecycle import Direction
from ivr.telephony.asterisk import names
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.media_channel import MediaChannel
from ivr.telephony.asterisk.snoop import Snoop
from ivr.telephony.media import AudioSide

READY_TIMEOUT_S: Final = 5.0
SNOOP_KINDS: Final[tuple[names.Kind, ...]] = ("bridge", "tap", "spy")
HANGUP_HANDLER: Final = "CHANNEL(hangup_handler_push)"
LEADING: Final = "LEADING"
"""Variable of the media channel that arms the dialplan's failover: `yes` while the service speaks with the party, `no`
while others do, `dialling` until a party whom we call has answered."""


class VoiceBridge:
    """Bridge, media channel and stream of one call; see the module docstring."""

    def __init__(self, ari: Ari, tracker: ChannelTracker, call_id: str) -> None:
        self._ari = ari
        self._tracker = tracker
        self._call_id, self._token = call_id, secrets.token_hex(4)
        self.bridge = self.name("bridge")
        self.released = False
        """Set once the call is left to other nodes: nobody who talks in the bridge may be disturbed."""
        self.left_handler = ""
        """The hangup handler of people to whom the party is transferred, see extensions.conf; set by `open`."""
        self._media = MediaChannel(ari, tracker, self.name("voice"))
        self.stream = self._media.stream

    def name(self, kind: names.Kind, *parts: str) -> str:
        """Return a name for a channel or a bridge of this call, unlike any that an earlier leg of it had."""
        return names.name(self._ari.app, kind, self._call_id, self._token, *parts)

    async def open(self, party: str, direction: Direction, *, dialling: bool = False) -> None:
        """Create the bridge and the media channel, without the party, which may still have to be dialled.

        Raises:
            AriRefused, AriUnreachable, ChannelEnded, TimeoutError: creation failed; the caller must still call `close`.
        """
        lost, left = (names.context(self._ari.app, name) for name in ("lost", "left"))
        self.left_handler = f"{left},{direction},1({party},{self._call_id},{self._media.channel})"
        variables = {
            HANGUP_HANDLER: f"{lost},{direction},1({party},{self._call_id})",
            LEADING: "dialling" if dialling else "yes",
        }
        async with asyncio.timeout(READY_TIMEOUT_S):
            results = await asyncio.gather(
                self._ari.create_bridge(self.bridge), self._media.open(variables), return_exceptions=True
            )
            for result in results:
                if result is not None:
                    raise result
            await self._ari.add_to_bridge(self.bridge, [self._media.channel])

    async def join(self, party: TrackedChannel) -> None:
        """Add the party to the bridge."""
        await self._ari.add_to_bridge(self.bridge, [party.channel])

    async def disarm_failover(self) -> None:
        """Disarm failover: leave the caller where they are if our media channel ends."""
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.set_variable(self._media.channel, LEADING, "no")

    async def arm_failover(self) -> None:
        """Arm failover: the dialplan takes over the party if our media channel ends."""
        await self._ari.set_variable(self._media.channel, LEADING, "yes")

    async def note_talk(self, person: TrackedChannel, *, talks: bool) -> None:
        """Note in Asterisk whether a person talks with the party, for the time after our end."""
        group = f"GROUP({names.site(self._ari.app)})"
        await self._ari.set_variable(person.channel, group, self._call_id if talks else "")

    async def leave_bridge(self) -> None:
        """Take our media channel out of the bridge; failover stays armed."""
        self.stream.listening = False
        await self._ari.remove_from_bridge(self.bridge, self._media.channel)

    async def join_bridge(self) -> None:
        """Return our media channel to the bridge and arm failover."""
        await self.arm_failover()
        await self._ari.add_to_bridge(self.bridge, [self._media.channel])
        self.stream.listening = True

    async def whisper(self, party: TrackedChannel, pcm: bytes) -> None:
        """Play audio to another party alone until it ends or they hang up, with our channel out of the bridge."""
        aside = f"{self.bridge}.aside"
        await self._ari.create_bridge(aside)
        try:
            await self._ari.add_to_bridge(aside, [party.channel, self._media.channel])
            await self._play(party, pcm)
        finally:
            await self._ari.destroy_bridge(aside)

    async def announce(self, party: TrackedChannel, pcm: bytes) -> None:
        """Play audio to the party in the bridge until it ends or they hang up, with our channel out of the bridge."""
        await self._ari.add_to_bridge(self.bridge, [self._media.channel])
        try:
            await self._play(party, pcm)
        finally:
            await self._ari.remove_from_bridge(self.bridge, self._media.channel)

    async def _play(self, party: TrackedChannel, pcm: bytes) -> None:
        playout = asyncio.ensure_future(self.stream.play_and_wait(pcm))
        try:
            await asyncio.wait((playout, party.gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not playout.done():
                playout.cancel()
                self.stream.clear()

    def snoop(self, who: AudioSide, party: TrackedChannel) -> Snoop:
        """Create a snoop that forwards the party's audio to our stream."""
        bridge, media, spy = (self.name(kind, who) for kind in SNOOP_KINDS)
        return Snoop(self._ari, self._tracker, bridge, media, spy, who, party, self.stream)

    async def close(self) -> None:
        """Release the channel and the bridge, ignoring failures; the next sweep removes leftovers."""
        await self._media.close()
        if self.released:
            return
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.destroy_bridge(self.bridge)
