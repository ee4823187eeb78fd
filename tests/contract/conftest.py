"""A connected call on each network: the service's call leg and its far end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ivr.devtools.softphone import dial
from ivr.devtools.timeline import CallTimeline
from ivr.telephony.browser.server import FlowChoice, routes
from ivr.telephony.media import MediaClosed, MediaEvent
from ivr.telephony.port import CallLeg


class FarEnd(Protocol):
    """The actions of a person with a phone, on any network. ivr.devtools.softphone.Softphone is one."""

    @property
    def timeline(self) -> CallTimeline: ...

    def say(self, pcm: bytes) -> Awaitable[Any]: ...

    async def press(self, digit: str) -> Any: ...

    async def heard_sound(self) -> None: ...

    async def heard_quiet(self, ms: int) -> int: ...

    async def hang_up(self) -> Any: ...

    async def cut(self) -> None: ...

    async def ended(self) -> Any: ...


@dataclass
class Connected:
    """One call; `events` collects the events of its media stream, up to and including MediaClosed."""

    line: CallLeg
    far: FarEnd
    events: list[MediaEvent]
    reading: asyncio.Task[None]
    news: asyncio.Condition

    async def until(self, met: Callable[[list[MediaEvent]], bool]) -> None:
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(lambda: met(self.events))

    async def closed(self) -> MediaClosed:
        async with asyncio.timeout(20):
            await self.reading
        last = self.events[-1]
        assert isinstance(last, MediaClosed)
        return last


@asynccontextmanager
async def connected(line: CallLeg, far: FarEnd) -> AsyncIterator[Connected]:
    events: list[MediaEvent] = []
    news = asyncio.Condition()

    async def read() -> None:
        async for event in line.media.events():
            async with news:
                events.append(event)
                news.notify_all()

    reading = asyncio.create_task(read())
    try:
        yield Connected(line, far, events, reading, news)
    finally:
        await line.hang_up()
        async with asyncio.timeout(20):
            await reading


@asynccontextmanager
async def browser() -> AsyncIterator[Connected]:
    answered: asyncio.Future[CallLeg] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def answer(line: CallLeg) -> None:
        answered.set_result(line)
        await done.wait()

    app = web.Application()
    app.add_routes(routes(answer, lambda: [FlowChoice("survey", {"en-US": "Survey"}, ("zh-CN",))], lambda *_: {}))
    async with (
        TestServer(app) as server,
        dial(str(server.make_url("/phone/socket")), "survey", "zh-CN") as far,
        connected(await answered, far) as call,
    ):
        try:
            yield call
        finally:
            done.set()


NETWORKS: dict[str, Callable[[], AbstractAsyncContextManager[Connected]]] = {"browser": browser}


@pytest.fixture(params=NETWORKS)
async def call(request: pytest.FixtureRequest) -> AsyncIterator[Connected]:
    """A connected call on each of NETWORKS; each network adds its own."""
    async with NETWORKS[request.param]() as connected_call:
        yield connected_call


@pytest.fixture
def voice() -> Callable[..., bytes]:
    """Noise that differs at every moment, so that a part of it can be located in a recording."""

    def make(ms: int, seed: int = 1) -> bytes:
        noise = np.random.default_rng(seed).integers(-8000, 8000, ms * 8)
        return noise.astype("<i2").tobytes()

    return make


@pytest.fixture
def find() -> Callable[[bytes, bytes], tuple[int, float]]:
    """The position of `part` in `whole` (samples), and their likeness there (1: identical)."""

    def place(whole: bytes, part: bytes) -> tuple[int, float]:
        long, short = (np.frombuffer(pcm, "<i2").astype(float) for pcm in (whole, part))
        if len(long) < len(short):
            return 0, 0.0
        size = 1 << (len(long) + len(short)).bit_length()
        product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
        at = int(np.argmax(product[: len(long) - len(short) + 1]))
        there = long[at : at + len(short)]
        energy = np.sqrt((there**2).sum() * (short**2).sum())
        return at, float((there * short).sum() / energy) if energy else 0.0

    return place
