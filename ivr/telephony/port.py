"""The port of a telephone network: call legs, transfers and the ACD's view of a held caller.

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
    """A call's network, direction, numbers and flow. Never log its numbers unmasked.

    The far end's number is in its canonical form (ivr/phone_number.py) or the name of a phone of the site; a withheld
    number is empty. An inbound call's `called` is the line's number as the site file spells it.
    `waited_rings` is the number of rings the caller heard at full capacity before the call was accepted.
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
    """An outbound call was not answered. `cause` is one of lifecycle.HANGUP_CAUSES; `rang` is whether it rang."""

    def __init__(self, cause: str, *, rang: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.rang = rang


class TransferRefused(Exception):
    """A transfer failed. `reason`: busy, no_answer, declined, unreachable, unavailable, or gave_up (by the caller).

    `rang` is whether the phone of the last person who was asked rang.
    """

    def __init__(self, reason: str, *, rang: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rang = rang


class CallLeg(Protocol):
    """One answered call with its media."""

    @property
    def call(self) -> Call:
        """The call's numbers, network and flow."""

    @property
    def media(self) -> MediaStream:
        """The call's two-way audio."""

    async def hang_up(self) -> None:
        """Hang up; `media` then ends with MediaClosed(by="us"). No effect if the call is already over."""

    def can_reach(self, target: str) -> bool:
        """Return whether the transfer target exists."""

    async def transfer(
        self, target: str, whisper: str, *, caller_audio: bytes = b"", overhear: bool = False
    ) -> EndedBy:
        """Transfer the caller to `target`, wait until the two are disconnected, and return the party that hung up.

        Before being connected, the person who answers hears `whisper`, then `caller_audio`, the caller's own words
        (8 kHz, 16-bit). With `overhear` the media stream delivers both parties' audio as OverheardAudio.

        Raises:
            TransferRefused: nobody took the call; the caller is back with the service.
        """


class Person(Protocol):
    """A person who was rung for a held caller and has answered."""

    async def play(self, pcm: bytes) -> None:
        """Play audio to this person only, until it ends, the person hangs up, or the task is cancelled."""

    async def key(self) -> str:
        """Return the person's next key; an empty string once the person has hung up."""

    async def connect(self) -> None:
        """Connect the person with the caller and everyone already connected; stop the music on hold.

        Raises:
            TransferRefused: the person has just hung up; a caller left alone keeps hearing music.
        """

    async def wait_until_gone(self) -> None:
        """Wait until the person has hung up."""

    async def disconnect(self) -> None:
        """Disconnect the person from the caller; a caller left alone hears music on hold."""

    async def ringback(self) -> None:
        """Play a ringback tone to the person until they are connected with someone."""

    async def step_aside(self) -> None:
        """Connect the person with everyone else who has stepped aside, without the caller (consultation)."""


class HeldCaller(Protocol):
    """A caller on hold while an agent is being found."""

    @property
    def overheard(self) -> bool:
        """Whether the parties' conversation is recorded."""

    def note_parties(self, parties: Sequence[str]) -> None:
        """Record the parties that talk to each other from now on: `caller` and the others' ids."""

    async def play(self, pcm: bytes) -> None:
        """Play audio to the caller instead of the music, until it ends or the task is cancelled."""

    async def key(self) -> str:
        """Return the caller's next key."""

    def ring(self, phone: str, shown: str, ring_s: int) -> AbstractAsyncContextManager[Person]:
        """Ring a phone with `shown` as the calling number; hang up at the end of the block.

        Raises:
            TransferRefused: the phone was not answered, with the reason.
        """


class CallDistributor(Protocol):
    """Connects callers with agents of a line (ACD)."""

    def has_roster(self, target: str) -> bool:
        """Return whether the target is a line with its own roster."""

    async def hand_over(
        self, call: Call, target: str, whisper: str, hold: HeldCaller, caller_audio: bytes = b""
    ) -> None:
        """Find an agent, connect the caller, and return once the agent has hung up. Cancelled if the caller hangs up.

        `whisper` and `caller_audio` are as in CallLeg.transfer.

        Raises:
            TransferRefused: nobody took the call.
        """
