"""The port of a phone network: one line per call.

Must not know: flows, recognisers, records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ivr.call.media import MediaStream
from ivr.errors import HuifangError
from ivr.events import EndedBy, Value
from ivr.lifecycle import Direction, Network


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls whom, over which network. Numbers as the network gives them; they never reach a log unmasked."""

    id: str
    network: Network
    direction: Direction
    caller: str
    called: str
    flow: str
    language: str
    variables: Mapping[str, Value] = field(default_factory=dict)


class Unanswered(HuifangError):
    """A call that we placed was not answered: `cause` is one of lifecycle.HANGUP_CAUSES, `rang` tells if it rang."""

    def __init__(self, cause: str, *, rang: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.rang = rang


class TransferRefused(Exception):
    """Nobody took the call. `reason`: busy, no_answer, declined, unreachable or unavailable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Line(Protocol):
    """One answered call, ready to talk."""

    @property
    def call(self) -> Call:
        """Whose call it is."""

    @property
    def media(self) -> MediaStream:
        """The call's two-way audio."""

    async def hang_up(self) -> None:
        """End the call; `media` then ends with Closed(by="us"). Harmless when the call is already over."""

    async def transfer(self, target: str, whisper: str) -> EndedBy:
        """Hand the caller to `target` and return, once they have parted, who ended it.

        Raises:
            TransferRefused: nobody took the call; the caller is ours again.
        """
