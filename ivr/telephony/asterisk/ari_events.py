"""The few ARI events we use, typed; all others are ignored. Must not know: what follows from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class AriConnected:
    """Events arrive from here on; any may have been missed before."""


@dataclass(frozen=True, slots=True)
class AriDisconnected:
    """No events until the next Connected. Calls go on."""


@dataclass(frozen=True, slots=True)
class StasisStart:
    """A channel is ours to lead. `args` are those of Stasis() in the dialplan."""

    channel: str
    args: tuple[str, ...]
    caller: str


@dataclass(frozen=True, slots=True)
class StasisEnd:
    """A channel is no longer ours to lead: hung up or gone elsewhere in the dialplan."""

    channel: str


@dataclass(frozen=True, slots=True)
class ChannelStateChange:
    """A channel's state: `Ring`, `Ringing`, `Up`, …"""

    channel: str
    state: str


@dataclass(frozen=True, slots=True)
class ChannelDtmfReceived:
    """A key was pressed and let go."""

    channel: str
    digit: str


@dataclass(frozen=True, slots=True)
class ChannelHangupRequest:
    """A channel's far end hangs up, for a Q.850 cause."""

    channel: str
    cause: int


@dataclass(frozen=True, slots=True)
class ChannelDestroyed:
    """A channel is gone, for a Q.850 cause."""

    channel: str
    cause: int


@dataclass(frozen=True, slots=True)
class ApplicationReplaced:
    """Another client has taken our application's events over."""


AriEvent = (
    AriConnected
    | AriDisconnected
    | StasisStart
    | StasisEnd
    | ChannelStateChange
    | ChannelDtmfReceived
    | ChannelHangupRequest
    | ChannelDestroyed
    | ApplicationReplaced
)

JsonObject = Mapping[str, Any]
_READERS: Final[Mapping[str, Callable[[JsonObject], AriEvent]]] = {
    "StasisStart": lambda e: StasisStart(e["channel"]["id"], tuple(e["args"]), e["channel"]["caller"]["number"]),
    "StasisEnd": lambda e: StasisEnd(e["channel"]["id"]),
    "ChannelStateChange": lambda e: ChannelStateChange(e["channel"]["id"], e["channel"]["state"]),
    "ChannelDtmfReceived": lambda e: ChannelDtmfReceived(e["channel"]["id"], e["digit"]),
    "ChannelHangupRequest": lambda e: ChannelHangupRequest(e["channel"]["id"], e.get("cause", 16)),
    "ChannelDestroyed": lambda e: ChannelDestroyed(e["channel"]["id"], e["cause"]),
    "ApplicationReplaced": lambda _: ApplicationReplaced(),
}
KINDS: Final = tuple(_READERS)
"""The kinds of events that Asterisk is asked to send."""


def read(text: str) -> AriEvent | None:
    """Read one event; None for a kind that we don't use.

    Raises:
        ValueError: this is no ARI event.
    """
    try:
        event = json.loads(text)
        reader = _READERS.get(event["type"])
        return reader(event) if reader else None
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an ARI event as we know it: {error!r}") from error
