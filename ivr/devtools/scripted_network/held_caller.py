"""A caller of the scripted network on hold, and the people who are rung for them.

Must not know: who is rung and how they were chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from ivr.devtools.scripted_network.audio import MusicOnHold, Party
from ivr.devtools.scripted_network.exchange import ScriptedExchange
from ivr.devtools.scripted_network.phone import ScriptedPhoneCall
from ivr.devtools.scripted_network.stream import ScriptedStream
from ivr.telephony.media import AudioSide, OverheardAudio, PartiesChanged
from ivr.telephony.port import TransferRefused

REFUSALS: Final[Mapping[str, str]] = {"busy": "busy", "no_answer": "no_answer", "rejected": "declined"}
"""Hangup cause of a person who was rung → reason of TransferRefused; any other is `unreachable`."""


async def answer_or_cause(far: ScriptedPhoneCall, ring_s: float) -> str:
    """Wait until a phone is answered; return an empty string then, else the hangup cause."""
    up, over = (asyncio.ensure_future(event.wait()) for event in (far.up, far.over))
    await asyncio.wait((up, over), return_when=asyncio.FIRST_COMPLETED, timeout=ring_s)
    up.cancel()
    over.cancel()
    if far.up.is_set() and not far.over.is_set():
        return ""
    return far.cause if far.over.is_set() else "no_answer"


class ScriptedPerson:
    """Implements ivr.telephony.port.Person."""

    def __init__(self, held: ScriptedHeldCaller, far: ScriptedPhoneCall) -> None:
        self._held, self._far = held, far
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        far.on_key = self._keys.put_nowait
        far.on_over = lambda by, cause: self._keys.put_nowait("")

    async def play(self, pcm: bytes) -> None:
        """See Person."""
        await self._held.play_to(self._far, pcm)

    async def key(self) -> str:
        """See Person."""
        return await self._keys.get()

    async def connect(self) -> None:
        """See Person."""
        if self._far.over.is_set():
            raise TransferRefused("unavailable")
        self._held.join(self._far)

    async def wait_until_gone(self) -> None:
        """See Person."""
        await self._far.over.wait()

    async def disconnect(self) -> None:
        """See Person."""
        self._held.leave(self._far)

    async def ringback(self) -> None:
        """See Person; a phone of this network hears no tone."""

    async def step_aside(self) -> None:
        """See Person."""
        self._held.step_aside(self._far)


class ScriptedHeldCaller:
    """Implements ivr.telephony.port.HeldCaller. With `overhear` the stream delivers what the parties say."""

    def __init__(
        self, exchange: ScriptedExchange, caller: ScriptedPhoneCall, stream: ScriptedStream, overhear: bool
    ) -> None:
        self._exchange, self._caller, self._stream = exchange, caller, stream
        self.overheard = overhear
        self._music = MusicOnHold()
        self._with_caller: list[ScriptedPhoneCall] = []
        self._aside: list[ScriptedPhoneCall] = []
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        caller.on_key = self._keys.put_nowait
        exchange.disconnect(stream)
        self._rearrange()

    def note_parties(self, parties: Sequence[str]) -> None:
        """See HeldCaller."""
        self._stream.push(PartiesChanged(tuple(parties)))

    async def play(self, pcm: bytes) -> None:
        """See HeldCaller."""
        try:
            await self.play_to(self._caller, pcm)
        finally:
            self._rearrange()

    async def key(self) -> str:
        """See HeldCaller."""
        return await self._keys.get()

    @asynccontextmanager
    async def ring(self, name: str, shown: str, ring_s: int) -> AsyncIterator[ScriptedPerson]:
        """See HeldCaller."""
        far = self._exchange.dial(name, shown)
        if far is None:
            raise TransferRefused("unreachable")
        try:
            if cause := await answer_or_cause(far, ring_s):
                raise TransferRefused(REFUSALS.get(cause, "unreachable"), rang=far.ringing.is_set())
            yield ScriptedPerson(self, far)
        finally:
            self.leave(far)
            self._exchange.disconnect(far)
            far.drop()

    async def play_to(self, party: Party, pcm: bytes) -> None:
        """Play audio to one party alone."""
        self._exchange.connect(self._stream, party)
        try:
            await self._stream.play_and_wait(pcm)
        finally:
            self._stream.clear()
            self._exchange.disconnect(self._stream)

    def join(self, far: ScriptedPhoneCall) -> None:
        """Connect a person with the caller."""
        self._place(far, self._with_caller)

    def step_aside(self, far: ScriptedPhoneCall) -> None:
        """Connect a person with everyone else aside."""
        self._place(far, self._aside)

    def leave(self, far: ScriptedPhoneCall) -> None:
        """Disconnect a person from everyone."""
        self._place(far, [])

    def end(self) -> None:
        """End the hold: nobody is connected any more."""
        self._tap()
        self._exchange.disconnect(self._music, self._caller, *self._with_caller, *self._aside)

    def _place(self, far: ScriptedPhoneCall, people: list[ScriptedPhoneCall]) -> None:
        for before in (self._with_caller, self._aside):
            if far in before:
                before.remove(far)
        people.append(far)
        far.on_spoken = None
        self._exchange.disconnect(far)
        self._rearrange()

    def _rearrange(self) -> None:
        others: Sequence[Party] = self._with_caller or (self._music,)
        self._exchange.disconnect(self._music)
        self._exchange.connect(self._caller, *others)
        if self._aside:
            self._exchange.connect(*self._aside)
        self._tap(*self._with_caller)

    def _tap(self, *people: ScriptedPhoneCall) -> None:
        """Deliver what caller and people say to the stream, if they are overheard; without people, nobody is."""
        self._caller.on_spoken = self._listener("caller") if people else None
        sides: tuple[AudioSide, ...] = ("other", "third")
        for side, far in zip(sides, people, strict=False):
            far.on_spoken = self._listener(side)

    def _listener(self, side: AudioSide) -> Callable[[bytes], None] | None:
        if not self.overheard:
            return None
        return lambda frame: self._stream.push(OverheardAudio(side, frame))
