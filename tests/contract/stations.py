"""The whole service on one network, with people at its phones: what conversations need of every network."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import uuid4

from ivr.devtools.scripted_network.exchange import ScriptedExchange
from ivr.devtools.scripted_network.network import ScriptedNetwork
from ivr.devtools.scripted_network.phone import ScriptedPhoneCall
from ivr.devtools.softphone import CallRefused, Softphone, dial
from ivr.records.record import CallRecord, CallSummary
from ivr.service.composition import open_service
from ivr.service.process import serving
from ivr.service.runtime import Service
from ivr.settings import Settings
from ivr.telephony.port import Call, Network
from tests.asterisk.caller import Caller, Handset, PromptDetector
from tests.asterisk.g711 import Samples
from tests.asterisk.sound import Heard

LINE: Final = "4000"
PERSON: Final = "hotline"
"""The transfer target of the survey."""
CLOSED_S: Final = 60
ANSWERED_S: Final = 30


class SoftphoneHandset:
    """A browser phone as a handset."""

    def __init__(self, phone: Softphone) -> None:
        self.phone = phone
        self.over = asyncio.Event()
        self._watching = asyncio.create_task(self._watch())

    @property
    def loud_until(self) -> float:
        return self.phone.loud_until

    def last(self, seconds: float, until: float) -> Samples:
        return self.phone.last(seconds, until)

    def heard(self) -> Heard:
        return Heard(self.phone.moment(0), self.phone.timeline.heard)

    async def say(self, pcm: Samples) -> tuple[float, float]:
        said = await self.phone.say(pcm.tobytes())
        return self.phone.moment(said.start), self.phone.moment(said.end)

    async def press(self, digits: str) -> float:
        at = 0
        for digit in digits:
            await asyncio.sleep(0.1)
            at = await self.phone.press(digit)
        return self.phone.moment(at)

    async def hang_up(self) -> None:
        await self.phone.hang_up()

    async def _watch(self) -> None:
        await self.phone.ended()
        self.over.set()


class ScriptedHandset:
    """A phone of the scripted network as a handset."""

    def __init__(self, call: ScriptedPhoneCall) -> None:
        self.call = call

    @property
    def over(self) -> asyncio.Event:
        return self.call.over

    @property
    def loud_until(self) -> float:
        return self.call.loud_until

    def last(self, seconds: float, until: float) -> Samples:
        return self.call.last(seconds, until)

    def heard(self) -> Heard:
        return Heard(self.call.heard_from, self.call.heard)

    async def say(self, pcm: Samples) -> tuple[float, float]:
        return await self.call.say(pcm)

    async def press(self, digits: str) -> float:
        return await self.call.press(digits)

    async def hang_up(self) -> None:
        await self.call.hang_up()


class Conversation:
    """One call between a person and the service; `is_this` recognises its record."""

    def __init__(self, station: Station, handset: Handset, is_this: Callable[[CallSummary], bool]) -> None:
        self._station, self._is_this = station, is_this
        self.caller: Caller[Any] = Caller(handset, station.detector)

    async def record(self) -> CallRecord:
        """The record, once it is closed."""
        records = self._station.service.node.records
        async with asyncio.timeout(CLOSED_S):
            while True:
                for call in await records.calls(100):
                    if self._is_this(call) and call.ended_at:
                        return await records.call(call.id)
                await asyncio.sleep(0.1)


class Station(ABC):
    """A service on one network."""

    transfers: ClassVar[bool] = True
    """Whether callers of the network can be put on hold and connected with people."""
    knows_calls: ClassVar[bool] = True
    """Whether the network has an id of its own for each call."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.detector = PromptDetector(service.node.prompts)
        self.person = asyncio.Lock()
        """Held by the conversation whose caller is transferred."""

    @property
    @abstractmethod
    def network(self) -> Network:
        """The network, as the service knows it."""

    @abstractmethod
    async def call(self) -> Conversation:
        """Call the survey; return once the service has answered.

        Raises:
            CallRefused: the service takes no call.
        """

    @abstractmethod
    async def person_called(self) -> Any:
        """The call that rings the person to whom callers are transferred."""

    @abstractmethod
    async def called(self, number: str) -> Any:
        """The call that rings another phone."""

    @abstractmethod
    def conversation(self, handset: Any, number: str) -> Conversation:
        """The conversation with somebody whom the service called."""

    @abstractmethod
    def refuse(self, call: Any) -> None:
        """Let a phone that rings be busy."""

    @abstractmethod
    async def lose(self, conversation: Conversation) -> None:
        """Cut off the caller's connection."""

    @abstractmethod
    async def number(self) -> str:
        """The number of a phone that nobody else uses."""

    def place(self, number: str) -> asyncio.Task[None]:
        """Place a call with the survey."""
        network = self.network
        call = Call(uuid4().hex, network.name, "outbound", "", number, "survey", "zh-CN")
        return asyncio.create_task(self.service.outbound[network.name].place(call))


class BrowserStation(Station):
    """Browser phones."""

    transfers = False
    knows_calls = False

    def __init__(self, service: Service, socket: str, stack: AsyncExitStack) -> None:
        super().__init__(service)
        self._socket, self._stack = socket, stack

    @property
    def network(self) -> Network:
        return self.service.networks["browser"]

    async def call(self) -> Conversation:
        phone = await self._stack.enter_async_context(dial(self._socket, "survey", "zh-CN"))
        return Conversation(self, SoftphoneHandset(phone), lambda call: call.id == phone.call)

    async def lose(self, conversation: Conversation) -> None:
        await conversation.caller.call.phone.cut()

    async def person_called(self) -> Any:
        raise NotImplementedError

    async def called(self, number: str) -> Any:
        raise NotImplementedError

    def conversation(self, handset: Any, number: str) -> Conversation:
        raise NotImplementedError

    def refuse(self, call: Any) -> None:
        raise NotImplementedError

    async def number(self) -> str:
        raise NotImplementedError


class ScriptedStation(Station):
    """The network in memory."""

    def __init__(self, service: Service, exchange: ScriptedExchange) -> None:
        super().__init__(service)
        self.exchange = exchange
        self._numbers = iter(name for name in exchange.phones if name != PERSON)

    @property
    def network(self) -> Network:
        return self.service.networks["scripted"]

    async def call(self) -> Conversation:
        far = self.exchange.call(LINE, "13812345678")
        if far.over.is_set():
            raise CallRefused(far.cause)
        return self._conversation(far)

    async def person_called(self) -> ScriptedPhoneCall:
        return await self.called(PERSON)

    async def called(self, number: str) -> ScriptedPhoneCall:
        return await self.exchange.phones[number].called(ANSWERED_S)

    def conversation(self, handset: ScriptedPhoneCall, number: str) -> Conversation:
        return Conversation(self, ScriptedHandset(handset), lambda call: call.called == number)

    def refuse(self, call: ScriptedPhoneCall) -> None:
        call.refuse("busy")

    async def lose(self, conversation: Conversation) -> None:
        await conversation.caller.call.call.cut()

    async def number(self) -> str:
        return next(self._numbers)

    def _conversation(self, far: ScriptedPhoneCall) -> Conversation:
        return Conversation(self, ScriptedHandset(far), lambda call: call.external_id == far.id)


@asynccontextmanager
async def browser_station(data: Path) -> AsyncIterator[Station]:
    """A service with browser phones."""
    async with serving(Settings(data=data, port=0, rosters=None)) as listening, AsyncExitStack() as stack:
        yield BrowserStation(listening.service, f"{listening.phone}/socket", stack)


@asynccontextmanager
async def scripted_station(data: Path) -> AsyncIterator[Station]:
    """A service on the scripted network."""
    phones = (PERSON, *(str(number) for number in range(2001, 2010)))
    async with open_service(Settings(data=data, port=0, rosters=None)) as service, ScriptedExchange(phones) as exchange:
        service.attach(ScriptedNetwork(exchange, service.answer, {LINE: ("survey", "zh-CN")}))
        running = asyncio.create_task(service.run())
        try:
            yield ScriptedStation(service, exchange)
        finally:
            await service.drain(0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


__all__ = ["CallRefused", "Conversation", "Station", "browser_station", "scripted_station"]
