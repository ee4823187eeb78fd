"""The port of a telephone network: the network itself, call legs, callers on hold and the people rung for them.

Must not know: flows, recognisers, records, who people are and how they are chosen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from ivr.errors import HuifangError
from ivr.events import EndedBy, Value
from ivr.lifecycle import AnsweringParty, Direction
from ivr.telephony.media import MediaStream
from ivr.telephony.slots import CallSlot, CallSlots
from ivr.transcript import Speaker


@dataclass(frozen=True, slots=True)
class Call:
    """A call's network, direction, numbers and flow. Never log its numbers unmasked.

    The far end's number is in its canonical form (ivr/phone_number.py) or the name of a phone of the network; a
    withheld number is empty. An inbound call's `called` is the line's number as the site file spells it.

    `network` is the name of the network, see Network.name; `external_id` is the id under which the network knows the
    call, empty as long as there is none. `waited_rings` is the number of rings the caller heard at full capacity before
    the call was accepted.
    """

    id: str
    network: str
    direction: Direction
    caller: str
    called: str
    flow: str
    language: str
    variables: Mapping[str, Value] = field(default_factory=dict)
    waited_rings: int = 0
    external_id: str = ""


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


class NotResumable(HuifangError):
    """This node cannot go on with a call that it was offered: the network does with the caller as if no node could."""


class NeverBegun(NotResumable):
    """The node that took the call died before it said anything: nothing is known of the call, it is new to any node."""


class PartyGone(NotResumable):
    """The party has hung up before the node could go on with the call."""


class CallLeg(Protocol):
    """One answered call with its media."""

    @property
    def call(self) -> Call:
        """The call's numbers, network and flow."""

    @property
    def media(self) -> MediaStream:
        """The call's two-way audio."""

    @property
    def answered_by(self) -> AnsweringParty:
        """Who answered, if we placed the call; `unknown` for an inbound call."""

    def show(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        """Show an utterance on the far end's screen, if it has one.

        `detail` holds how the utterance was understood, its confidence and its input mode.
        """

    async def hang_up(self) -> None:
        """Hang up; `media` then ends with MediaClosed(by="us"). No effect if the call is already over."""

    async def release(self) -> bool:
        """Leave the call to the other nodes; `media` then ends with CallReleased.

        People to whom the caller talks go on talking. Return False, and do nothing, if the network cannot offer a call
        to other nodes or no other node could take it.
        """

    def can_reach(self, name: str) -> bool:
        """Return whether HeldCaller.ring knows this name."""

    async def hold(self, work: HoldWork, *, overhear: bool = False) -> EndedBy:
        """Put the caller on hold while `work` rings and connects people; then the caller is back with the service.

        `work` is cancelled if the caller hangs up. With `overhear` the media stream delivers the audio of those who
        talk with each other as OverheardAudio.

        Returns:
            The party that ended the hold: `caller`, or `us` if the work completed.

        Raises:
            TransferRefused: the caller cannot be held, or by `work`.
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

    def ring(self, name: str, shown: str, ring_s: int) -> AbstractAsyncContextManager[Person]:
        """Ring a phone or a transfer target of the site with `shown` as the calling number.

        Hang up at the end of the block.

        Raises:
            TransferRefused: nobody answered, with the reason.
        """


HoldWork = Callable[[HeldCaller], Coroutine[Any, Any, None]]
"""Finds somebody for a caller on hold, connects the two, and returns once they are disconnected."""

CallHandler = Callable[[CallLeg], Awaitable[None]]
"""Leads one inbound call to its end; the network hangs up when it returns."""


class ResumedCall(Protocol):
    """A call in progress, of either direction, that has lost its node and that this node has claimed."""

    @property
    def id(self) -> str:
        """The call's id, as in Call.id."""

    @property
    def transferred(self) -> bool:
        """Whether the caller has meanwhile talked with the person to whom they were transferred."""

    async def attach(self, call: Call) -> CallLeg:
        """Attach media to the call; return its leg. `call` is the call as it began.

        Raises:
            PartyGone: the party has hung up.
            NotResumable: the network failed.
        """


ResumeHandler = Callable[[ResumedCall], Awaitable[None]]
"""Goes on with a call to its end; the network hangs up when it returns. May raise NotResumable."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The state of a network now. `trouble` is why it can receive and place no calls, empty if it can."""

    trouble: str
    active_calls: int


class Network(Protocol):
    """A telephone network. Its adapter knows everything particular to it; the service knows it by this port alone."""

    slots: CallSlots
    """A slot for each concurrent call. At capacity, the network decides what becomes of further callers."""

    @property
    def name(self) -> str:
        """The name of the network, as in Call.network."""

    @property
    def places_calls(self) -> bool:
        """Whether `dial` can place calls."""

    @property
    def known_phones(self) -> Collection[str]:
        """The names of the phones that may register; `dial` calls these by name."""

    @property
    def state(self) -> NetworkState:
        """Whether the network works now, and the number of calls in progress or being placed."""

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return the pages and sockets that belong into the service's web application."""

    async def run(self) -> None:
        """Run until cancelled: receive calls. Cancelling ends the calls in progress."""

    async def dial(self, call: Call, slot: CallSlot) -> CallLeg:
        """Dial `call.called` with `call.caller` as the calling number; return the leg once answered.

        The leg's own `call` has the external id. The caller of this method owns the leg and must hang it up. The slot
        is released when the call is over, or is not answered.

        Raises:
            Unanswered: the call was not answered; has the cause and whether it rang.
        """

    async def carried(self) -> frozenset[str]:
        """Return the ids of the calls whose party the network still connects with somebody, whichever node led them.

        Raises:
            HuifangError: the network did not answer the query.
        """

    async def free_lines(self) -> int | None:
        """Return the number of calls that the lines to the network can still carry, None without a limit.

        Raises:
            HuifangError: the network did not answer the query.
        """

    async def phones(self) -> frozenset[str] | None:
        """Return the names of the phones that are reachable now, None if phones cannot register with the network.

        Raises:
            HuifangError: the network did not answer the query.
        """
