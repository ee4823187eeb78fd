"""The ARI events in use, as types; all others are ignored. Must not know: how they are handled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class AriConnected:
    """The event socket is connected; earlier events may have been missed."""


@dataclass(frozen=True, slots=True)
class AriDisconnected:
    """The event socket is lost; no events until the next AriConnected. Calls continue."""


@dataclass(frozen=True, slots=True)
class CallBroadcast:
    """A channel is offered to all nodes. `args` are the arguments that the node which claims it gets in StasisStart."""

    channel: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StasisStart:
    """A channel has entered our application. `args` are the arguments of Stasis() in the dialplan."""

    channel: str
    args: tuple[str, ...]
    caller: str


@dataclass(frozen=True, slots=True)
class StasisEnd:
    """A channel has left our application: hung up, or moved elsewhere in the dialplan."""

    channel: str


@dataclass(frozen=True, slots=True)
class ChannelStateChange:
    """A channel's new state: `Ring`, `Ringing`, `Up`, …"""

    channel: str
    state: str


@dataclass(frozen=True, slots=True)
class DialProgress:
    """Progress of a dialled channel: `RINGING` (SIP 180), `PROGRESS` (SIP 183), `ANSWER`, …; empty at the start."""

    channel: str
    status: str


@dataclass(frozen=True, slots=True)
class ChannelDtmfReceived:
    """A DTMF key was pressed and released."""

    channel: str
    digit: str


@dataclass(frozen=True, slots=True)
class ChannelHangupRequest:
    """A channel's far end requested a hang-up with a Q.850 cause."""

    channel: str
    cause: int


@dataclass(frozen=True, slots=True)
class ChannelDestroyed:
    """A channel is gone, with a Q.850 cause.

    `sip_status` is the status that refused the call; 0 if there is none, or Asterisk is older than 22.7.
    """

    channel: str
    cause: int
    sip_status: int = 0


@dataclass(frozen=True, slots=True)
class ApplicationReplaced:
    """Another client has taken over our application's events."""


AriEvent = (
    AriConnected
    | AriDisconnected
    | CallBroadcast
    | StasisStart
    | StasisEnd
    | ChannelStateChange
    | DialProgress
    | ChannelDtmfReceived
    | ChannelHangupRequest
    | ChannelDestroyed
    | ApplicationReplaced
)

JsonObject = Mapping[str, Any]


def _broadcast_args(app_data: str) -> tuple[str, ...]:
    """Return the arguments in the data of StasisBroadcast(timeout,filter,args), which are separated by colons."""
    return tuple(app_data.split(",")[2].split(":"))


_READERS: Final[Mapping[str, Callable[[JsonObject], AriEvent]]] = {
    "CallBroadcast": lambda e: CallBroadcast(e["channel"]["id"], _broadcast_args(e["channel"]["dialplan"]["app_data"])),
    "StasisStart": lambda e: StasisStart(e["channel"]["id"], tuple(e["args"]), e["channel"]["caller"]["number"]),
    "StasisEnd": lambda e: StasisEnd(e["channel"]["id"]),
    "ChannelStateChange": lambda e: ChannelStateChange(e["channel"]["id"], e["channel"]["state"]),
    "Dial": lambda e: DialProgress(e["peer"]["id"], e["dialstatus"]),
    "ChannelDtmfReceived": lambda e: ChannelDtmfReceived(e["channel"]["id"], e["digit"]),
    "ChannelHangupRequest": lambda e: ChannelHangupRequest(e["channel"]["id"], e.get("cause", 16)),
    "ChannelDestroyed": lambda e: ChannelDestroyed(e["channel"]["id"], e["cause"], e.get("tech_cause", 0)),
    "ApplicationReplaced": lambda _: ApplicationReplaced(),
}
KINDS: Final = tuple(_READERS)
"""The event types requested from Asterisk."""


def read(text: str) -> AriEvent | None:
    """Parse one event; return None for an unused type.

    Raises:
        ValueError: the text is not an ARI event.
    """
    try:
        event = json.loads(text)
        reader = _READERS.get(event["type"])
        return reader(event) if reader else None
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"not an ARI event in the expected format: {error!r}") from error
