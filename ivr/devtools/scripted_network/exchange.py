"""The exchange of the scripted network: phones, the connections between parties, and the nodes that take calls.

Must not know: how a node leads its calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

from ivr.devtools.scripted_network.audio import Party, exchange_frames
from ivr.devtools.scripted_network.phone import FRAME_S, ScriptedPhone, ScriptedPhoneCall


class AttachedNode(Protocol):
    """A node that takes calls from the exchange."""

    def offer(self, far: ScriptedPhoneCall, caller: str, called: str) -> bool:
        """Offer an inbound call; return False if the node does not take it."""


class ScriptedExchange:
    """An async context manager within which audio flows, in real time."""

    def __init__(self, phones: Iterable[str] = ()) -> None:
        self.phones = {name: ScriptedPhone(name) for name in phones}
        self.nodes: list[AttachedNode] = []
        self._rooms: list[list[Party]] = []
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ticking:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)

    def call(self, called: str, caller: str = "") -> ScriptedPhoneCall:
        """Dial a line of the service; the call is over at once if no node takes it."""
        far = ScriptedPhoneCall()
        if not any(node.offer(far, caller, called) for node in self.nodes):
            far.refuse("congestion")
        return far

    def dial(self, name: str, shown: str) -> ScriptedPhoneCall | None:
        """Ring a phone; return its call, None if there is no such phone."""
        if name not in self.phones:
            return None
        far = ScriptedPhoneCall(shown)
        self.phones[name].calls.put_nowait(far)
        return far

    # --- who hears whom -------------------------------------------------------------------------------------------

    def connect(self, *parties: Party) -> None:
        """Let these parties, and no others, hear each other."""
        self.disconnect(*parties)
        self._rooms.append(list(parties))

    def join(self, party: Party, other: Party) -> None:
        """Let a party join whoever is connected with another."""
        self.disconnect(party)
        room = next((room for room in self._rooms if other in room), None)
        if room is None:
            self._rooms.append([other, party])
        else:
            room.append(party)

    def disconnect(self, *parties: Party) -> None:
        """Let these parties hear nobody, and be heard by nobody."""
        for room in self._rooms:
            for party in parties:
                if party in room:
                    room.remove(party)
        self._rooms = [room for room in self._rooms if room]

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            for room in tuple(self._rooms):
                exchange_frames(tuple(room))
