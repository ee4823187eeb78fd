"""The channels that are ours, and what has become of each. Must not know: requests, media, flows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from ivr.errors import HuifangError
from ivr.telephony.asterisk.ari_events import (
    AriEvent,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHangupRequest,
    ChannelStateChange,
    StasisEnd,
    StasisStart,
)

NORMAL: Final = 16
LEFT_STASIS: Final = 0
"""In place of a Q.850 cause: the channel lives on, but in the dialplan."""


class ChannelEnded(HuifangError):
    """A channel went away instead of coming up; `cause` is Q.850."""

    def __init__(self, cause: int) -> None:
        super().__init__(f"the channel ended, Q.850 cause {cause}")
        self.cause = cause


class TrackedChannel:
    """One channel, from before it is made until it is gone."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.created = False
        """Asterisk has made the channel, so that its absence means its end."""
        self.rang = False
        self.on_key: Callable[[str], None] | None = None
        self.entered = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._cause: int | None = None

    def handle(self, event: AriEvent) -> None:
        """Learn what has become of the channel."""
        match event:
            case StasisStart():
                if not self.entered.done():
                    self.entered.set_result(None)
            case ChannelStateChange(state="Ringing"):
                self.rang = True
            case ChannelDtmfReceived(digit=digit) if self.on_key:
                self.on_key(digit)
            case ChannelHangupRequest(cause=cause):
                self._cause = cause
            case StasisEnd():
                self.end(LEFT_STASIS if self._cause is None else self._cause)
            case ChannelDestroyed(cause=cause):
                self.end(cause)

    def end(self, cause: int) -> None:
        """The channel is gone; only the first cause counts."""
        if not self.gone.done():
            self.gone.set_result(cause)

    async def wait_entered(self) -> None:
        """Wait until the channel is ours to lead.

        Raises:
            LegEnded: it went away instead.
        """
        await asyncio.wait((self.entered, self.gone), return_when=asyncio.FIRST_COMPLETED)
        if self.gone.done():
            raise ChannelEnded(self.gone.result())


class ChannelTracker:
    """All channels that are ours, by id."""

    def __init__(self) -> None:
        self._channels: dict[str, TrackedChannel] = {}

    def expect(self, channel: str) -> TrackedChannel:
        """Begin to follow a channel, best before it is made."""
        leg = TrackedChannel(channel)
        self.add(leg)
        return leg

    def add(self, leg: TrackedChannel) -> None:
        """Begin to follow a channel."""
        self._channels[leg.channel] = leg

    def __contains__(self, channel: object) -> bool:
        return channel in self._channels

    def forget(self, leg: TrackedChannel) -> None:
        """Follow a channel no longer."""
        self._channels.pop(leg.channel, None)

    def handle(self, event: AriEvent) -> bool:
        """Pass an event to its leg; False when it is about no channel of ours."""
        leg = self._channels.get(getattr(event, "channel", ""))
        if leg:
            leg.handle(event)
        return leg is not None

    def created(self) -> frozenset[str]:
        """The ids of the channels that Asterisk has made."""
        return frozenset(channel for channel, leg in self._channels.items() if leg.created)

    def reconcile(self, before: frozenset[str], states: Mapping[str, str]) -> None:
        """After events were missed: learn from all channels' states what became of those made `before` the question."""
        for leg in [self._channels[channel] for channel in before if channel in self._channels]:
            state = states.get(leg.channel)
            if state is None:
                leg.end(NORMAL)
            elif state == "Up" and not leg.entered.done():
                leg.entered.set_result(None)
