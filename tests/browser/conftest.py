"""The server of the browser phone as in production: a real aiohttp server on a loopback port."""

import asyncio
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, web
from aiohttp.typedefs import Handler, Middleware
from playwright.async_api import Page, async_playwright

from ivr.console.access import access
from ivr.telephony.browser.limits import PhoneLimits
from ivr.telephony.browser.server import CallHandler, FlowChoice, routes
from ivr.telephony.browser.stream import BrowserCallLeg
from ivr.telephony.media import MediaClosed, MediaEvent
from tests.precedence import take_precedence

FLOWS = (
    FlowChoice("survey", {"zh-CN": "供暖回访", "en-US": "Callback survey"}, ("zh-CN", "en-US")),
    FlowChoice("repair", {"zh-CN": "报修", "en-US": "Repair"}, ("zh-CN",)),
)
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]


@dataclass
class SessionRecorder:
    """A call handler that records the events of each call and plays audio where `act` does."""

    act: Callable[[BrowserCallLeg, MediaEvent], None] = lambda line, event: None
    lines: list[BrowserCallLeg] = field(default_factory=list)
    events: list[MediaEvent] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def answer(self, line: BrowserCallLeg) -> None:
        self.lines.append(line)
        async for event in line.media.events():
            async with self.news:
                self.events.append(event)
                self.act(line, event)
                self.news.notify_all()

    async def until(self, met: Callable[[list[MediaEvent]], bool]) -> list[MediaEvent]:
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(lambda: met(self.events))
            return list(self.events)

    async def closed(self) -> MediaClosed:
        last = (await self.until(lambda events: bool(events) and isinstance(events[-1], MediaClosed)))[-1]
        assert isinstance(last, MediaClosed)
        return last


Serve = Callable[..., Awaitable[str]]


def refused(flow: str, values: Mapping[str, object]) -> Mapping[str, str]:
    """The flows take any variable but `misspelt`."""
    return {"misspelt": f"{flow} takes no value of this name"} if "misspelt" in values else {}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(answer, limits=…, token=…)` starts a server and returns its address."""
    async with AsyncExitStack() as stack:

        async def start(answer: CallHandler, limits: PhoneLimits | None = None, token: str | None = None) -> str:
            app = web.Application(middlewares=[access(token)])
            app.add_routes(routes(answer, lambda: FLOWS, refused, limits=limits))
            return await stack.enter_async_context(_serving(app))

        yield start


@pytest.fixture
async def guarded() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """`await guarded(middleware)` starts a server that answers every path, and returns its address."""
    async with AsyncExitStack() as stack:

        async def greet(_: web.Request) -> web.Response:
            return web.Response(text="hello")

        async def start(middleware: Middleware, answer: Handler = greet) -> str:
            app = web.Application(middlewares=[middleware])
            app.router.add_get("/{path:.*}", answer)
            return await stack.enter_async_context(_serving(app))

        yield start


@asynccontextmanager
async def _serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
def sessions() -> SessionRecorder:
    return SessionRecorder()


@pytest.fixture
def connect(serve: Serve, http: ClientSession) -> Callable[..., Awaitable[ClientWebSocketResponse]]:
    """`await connect(answer, limits=…)` opens a bare socket to a new server and sends nothing yet."""

    async def open_socket(
        answer: CallHandler, limits: PhoneLimits | None = None, *, autoping: bool = True
    ) -> ClientWebSocketResponse:
        return await http.ws_connect(await serve(answer, limits) + "/phone/socket", autoping=autoping, autoclose=True)

    return open_socket


@pytest.fixture
def microphone(tmp_path: Path) -> Callable[..., Path]:
    """`microphone((at_ms, pcm), …)` writes the input of a fake microphone: 8 kHz audio at given times, else silence."""

    def write(*pieces: tuple[int, bytes]) -> Path:
        length = max((at_ms * 16 + len(pcm) for at_ms, pcm in pieces), default=0) + 16_000
        heard = bytearray(length)
        for at_ms, pcm in pieces:
            heard[at_ms * 16 : at_ms * 16 + len(pcm)] = pcm
        path = tmp_path / "microphone.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(heard)
        return path

    return write


@pytest.fixture
async def chromium() -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """`await chromium(address, microphone=WAV)` opens a page in a real Chromium.

    The WAV starts when the page begins to listen; without one, access to the microphone is denied. Errors on the page's
    console fail the test, unless they contain `expected`.
    """
    if not CHROMIUM.exists():  # noqa: ASYNC240
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium (make test does it)")
    trouble: list[str] = []
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        take_precedence()

        async def open_page(
            address: str, microphone: Path | None = None, expected: str | None = None, **context: Any
        ) -> Page:
            def note(error: str) -> None:
                if expected is None or expected not in error:
                    trouble.append(error)

            fake = [f"--use-file-for-fake-audio-capture={microphone}%noloop", "--use-fake-ui-for-media-stream"]
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=CHROMIUM_ARGS + (fake if microphone else [])
            )
            stack.push_async_callback(browser.close)
            page = await (await browser.new_context(**context)).new_page()
            page.on("console", lambda said: note(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: note(str(error)))
            await page.goto(address)
            return page

        yield open_page
    assert trouble == []
