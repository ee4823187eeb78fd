"""Our channels and their state. Must not know: requests, media, flows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ivr.errors import HuifangError
from ivr.telephony.asterisk.ari_events import (
    AriEvent,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHangupRequest,
    ChannelStateChange,
    DialProgress,
    StasisEnd,
    StasisStart,
)

NORMAL: Final = 16
"""Q.850: normal call clearing."""
LEFT_STASIS: Final = 0
"""Replaces a Q.850 cause: the channel left our application but lives on in the dialplan."""


class ChannelEnded(HuifangError):
    """A channel ended before it entered our application; `cause` is Q.850, `sip_status` 0 if unknown."""

    def __init__(self, cause: int, sip_status: int = 0) -> None:
        super().__init__(f"the channel ended, Q.850 cause {cause}")
        self.cause, self.sip_status = cause, sip_status


class TrackedChannel:
    """One channel, from before its creation until its end."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.created = False
        """Whether Asterisk has created the channel, so that its absence means that it ended."""
        self.rang = False
        """Whether the far end rang: it signalled ringing, or early media, in which many networks play the ringback."""
        self.sip_status = 0
        """The SIP status that ended the channel, 0 if there is none or it is unknown."""
        self.on_key: Callable[[str], None] | None = None
        self.entered = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._cause: int | None = None

    def handle(self, event: AriEvent) -> None:
        """Update the channel's state from an event."""
        match event:
            case StasisStart():
                if not self.entered.done():
                    self.entered.set_result(None)
            case ChannelStateChange(state="Ringing") | DialProgress(status="RINGING" | "PROGRESS"):
                self.rang = True
            case ChannelDtmfReceived(digit=digit) if self.on_key:
                self.on_key(digit)
            case ChannelHangupRequest(cause=cause):
                self._cause = cause
            case StasisEnd():
                self.end(LEFT_STASIS if self._cause is None else self._cause)
            case ChannelDestroyed(cause=cause, sip_status=sip_status):
                self.sip_status = sip_status
                self.end(cause)

    def end(self, cause: int) -> None:
        """Mark the channel as gone; only the first cause counts."""
        if not self.gone.done():
            self.gone.set_result(cause)

    async def wait_entered(self) -> None:
        """Wait until the channel has entered our application.

        Raises:
            ChannelEnded: it ended instead.
        """
        await asyncio.wait((self.entered, self.gone), return_when=asyncio.FIRST_COMPLETED)
        if self.gone.done():
            raise ChannelEnded(self.gone.result(), self.sip_status)


class ChannelTracker:
    """All our channels by id."""

    def __init__(self) -> None:
        self._channels: dict[str, TrackedChannel] = {}

    def expect(self, channel: str) -> TrackedChannel:
        """Start tracking a channel, preferably before its creation."""
        leg = TrackedChannel(channel)
        self.add(leg)
        return leg

    def add(self, leg: TrackedChannel) -> None:
        """Start tracking a channel."""
        self._channels[leg.channel] = leg

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._channels))

    def __contains__(self, channel: object) -> bool:
        return channel in self._channels

    def forget(self, leg: TrackedChannel) -> None:
        """Stop tracking a channel, unless it has been expected again since."""
        if self._channels.get(leg.channel) is leg:
            del self._channels[leg.channel]

    def handle(self, event: AriEvent) -> bool:
        """Pass an event to its channel; return False if it concerns no tracked channel."""
        leg = self._channels.get(getattr(event, "channel", ""))
        if leg:
            leg.handle(event)
        return leg is not None

    def created(self) -> frozenset[str]:
        """Return the ids of the channels that Asterisk has created."""
        return frozenset(channel for channel, leg in self._channels.items() if leg.created)

    def reconcile(self, before: frozenset[str], states: Mapping[str, str]) -> None:
        """Update channels after missed events from `states`; only channels created `before` the query are judged."""
        for leg in [self._channels[channel] for channel in before if channel in self._channels]:
            state = states.get(leg.channel)
            if state is None:
                leg.end(NORMAL)
            elif state == "Ringing":
                leg.rang = True
            elif state == "Up" and not leg.entered.done():
                leg.entered.set_result(None)
