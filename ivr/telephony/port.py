"""The port of a phone network: one line per call.

Must not know: flows, recognisers, records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from ivr.errors import HuifangError
from ivr.events import EndedBy, Value
from ivr.lifecycle import Direction, Network
from ivr.telephony.media import MediaStream


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls whom, over which network. Numbers as the network gives them; they never reach a log unmasked.

    `waited_rings`: so often it rang at a full line before the call could be taken.
    """

    id: str
    network: Network
    direction: Direction
    caller: str
    called: str
    flow: str
    language: str
    variables: Mapping[str, Value] = field(default_factory=dict)
    waited_rings: int = 0


class Unanswered(HuifangError):
    """A call that we placed was not answered: `cause` is one of lifecycle.HANGUP_CAUSES, `rang` tells if it rang."""

    def __init__(self, cause: str, *, rang: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.rang = rang


class TransferRefused(Exception):
    """Nobody took the call. `reason`: busy, no_answer, declined, unreachable, unavailable, or gave_up (the caller)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CallLeg(Protocol):
    """One answered call, ready to talk."""

    @property
    def call(self) -> Call:
        """Whose call it is."""

    @property
    def media(self) -> MediaStream:
        """The call's two-way audio."""

    async def hang_up(self) -> None:
        """End the call; `media` then ends with Closed(by="us"). Harmless when the call is already over."""

    def can_reach(self, target: str) -> bool:
        """Whether there is such a target."""

    async def transfer(
        self, target: str, whisper: str, *, caller_audio: bytes = b"", overhear: bool = False
    ) -> EndedBy:
        """Hand the caller to `target` and return, once they have parted, who ended it.

        Whoever takes the call hears `whisper` first, then `caller_audio`, the caller's caller_audio words (8 kHz, 16-bit).
        With `overhear` the media stream tells meanwhile what the two say to each other (Overheard).

        Raises:
            TransferRefused: nobody took the call; the caller is ours again.
        """


class Person(Protocol):
    """Somebody who was rung for a caller and has answered."""

    async def tell(self, pcm: bytes) -> None:
        """Say something that they alone hear, to its end, or until they are gone, or this is cancelled."""

    async def key(self) -> str:
        """The next key that they press; empty once they are gone."""

    async def connect(self) -> None:
        """Let them talk with the caller, whose music ends, and with whoever else does.

        Raises:
            TransferRefused: they have just hung up; the music goes on where the caller would be alone.
        """

    async def parted(self) -> None:
        """Wait until they have hung up."""

    async def give_back(self) -> None:
        """Take the caller from them again, to hear music."""

    async def ringback(self) -> None:
        """Have them hear that somebody is rung, until they talk with somebody."""

    async def step_aside(self) -> None:
        """Let them talk with whoever else has stepped aside, without the caller."""


class HeldCaller(Protocol):
    """A caller who hears music while somebody is sought for them."""

    @property
    def overheard(self) -> bool:
        """Whether what people say to each other is recorded."""

    def note(self, parties: Sequence[str]) -> None:
        """Have the call's record say who talks with whom from now on: `caller`, the others by their ids."""

    async def tell(self, pcm: bytes) -> None:
        """Say something to the caller in place of the music, to its end, or until this is cancelled."""

    async def key(self) -> str:
        """The next key that the caller presses."""

    def ring(self, phone: str, shown: str, ring_s: int) -> AbstractAsyncContextManager[Person]:
        """Ring a phone, `shown` being the number that it shows, and hang up at the end of the block.

        Raises:
            TransferRefused: why it was not answered.
        """


class CallDistributor(Protocol):
    """Finds somebody for a caller among several people."""

    def staffs(self, target: str) -> bool:
        """Whether this target is a line with people of its caller_audio."""

    async def hand_over(
        self, call: Call, target: str, whisper: str, hold: HeldCaller, caller_audio: bytes = b""
    ) -> None:
        """Find somebody, and return once they have hung up. Cancelled when the caller does.

        `whisper` and `caller_audio` as in Line.transfer.

        Raises:
            TransferRefused: nobody took the call.
        """
