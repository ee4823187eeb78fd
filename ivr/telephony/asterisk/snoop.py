"""Snoop channel: listens to one party of a transferred call without being heard. Must not know: its purpose."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import ChannelEnded, ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.media_channel import MediaChannel
from ivr.telephony.asterisk.stream import AsteriskStream
from ivr.telephony.media import AudioFrame, AudioSide, OverheardAudio

log = logging.getLogger(__name__)

READY_TIMEOUT_S: Final = 5.0


class Snoop:
    """Forwards the audio of `party` to `stream`, through a snoop channel and a media socket of its own."""

    def __init__(
        self,
        ari: Ari,
        tracker: ChannelTracker,
        bridge: str,
        media: str,
        spy: str,
        who: AudioSide,
        party: TrackedChannel,
        stream: AsteriskStream,
    ) -> None:
        self._ari, self._tracker = ari, tracker
        self._who, self._party, self._target = who, party, stream
        self._bridge = bridge
        self._media, self._spy = MediaChannel(ari, tracker, media), tracker.expect(spy)
        self._forwarder: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start snooping. On failure, log it and leave the conversation undisturbed."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._open()
        except (AriRefused, AriUnreachable, ChannelEnded, TimeoutError) as error:
            if not self._party.gone.done():
                log.error("snooping on the %s party failed, the recording will lack it: %r", self._who, error)

    async def close(self) -> None:
        """Stop snooping and release the channels and the bridge."""
        if self._forwarder:
            self._forwarder.cancel()
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.hang_up(self._spy.channel)
        self._tracker.forget(self._spy)
        await self._media.close()
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.destroy_bridge(self._bridge)

    async def _open(self) -> None:
        await self._ari.create_bridge(self._bridge)
        await self._ari.snoop(self._party.channel, self._spy.channel)
        self._spy.created = True
        await asyncio.gather(self._media.open({}), self._spy.wait_entered())
        self._media.stream.listening = True
        self._forwarder = asyncio.create_task(self._forward())
        await self._ari.add_to_bridge(self._bridge, [self._media.channel, self._spy.channel])

    async def _forward(self) -> None:
        async for event in self._media.stream.events():
            if isinstance(event, AudioFrame):
                self._target.push(OverheardAudio(self._who, event.pcm))
