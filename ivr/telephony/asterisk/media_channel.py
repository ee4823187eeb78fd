"""A channel of ours whose audio goes through a WebSocket that we open to Asterisk.

We open the socket, and not Asterisk, so that Asterisk needs to know no address of any node.
Must not know: bridges, who is on the line.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from aiohttp import ClientWebSocketResponse

from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import ChannelTracker
from ivr.telephony.asterisk.stream import AsteriskStream


class MediaChannel:
    """One media channel with its stream."""

    def __init__(self, ari: Ari, tracker: ChannelTracker, channel: str) -> None:
        self.channel = channel
        self.stream = AsteriskStream()
        self._ari, self._tracker = ari, tracker
        self._tracked = tracker.expect(channel)
        self._socket: ClientWebSocketResponse | None = None
        self._serving: asyncio.Task[None] | None = None

    async def open(self, variables: Mapping[str, str]) -> None:
        """Create the channel with these variables, connect the stream, and wait until the channel can be bridged.

        Raises:
            AriRefused, AriUnreachable, ChannelEnded: creation failed; the caller must still call `close`.
        """
        connection = await self._ari.external_media(self.channel, variables)
        self._tracked.created = True
        self._socket = await self._ari.open_media(connection)
        self._serving = asyncio.create_task(self.stream.serve(self._socket), name=f"media {self.channel}")
        await self._tracked.wait_entered()
        await self.stream.ready.wait()

    async def close(self) -> None:
        """Release the channel and the socket, ignoring failures; the next sweep removes leftovers."""
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.hang_up(self.channel)
        if self._serving:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._socket:
            await self._socket.close()
        self._tracker.forget(self._tracked)
