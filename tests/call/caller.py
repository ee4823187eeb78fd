"""Runs the real service, and calls it with a scripted caller who hears, speaks and presses keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import web
from aiohttp.test_utils import TestServer

from ivr.call.manager import CallManager
from ivr.database.errors import UnknownCall
from ivr.devtools.scripted_caller import load_clips
from ivr.devtools.softphone import CallOver, Softphone, dial
from ivr.events import Value
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from ivr.service.process import serving
from ivr.service.runtime import Service
from ivr.service.web import flow_choices
from ivr.settings import Settings
from ivr.telephony.browser import wire
from ivr.telephony.browser.server import routes
from ivr.telephony.browser.stream import BrowserCallLeg
from tests.precedence import take_precedence

CLIPS = load_clips(ROOT / "prompts" / "caller" / "zh-CN")
KEYS = {"方便吗": "1", "解决了吗": "1", "态度": "1", "收费了吗": "2", "打分": "9", "建议": "2"}
"""Words of each survey question → the key for its usual answer."""
ANSWERS = {"convenient": "yes", "resolved": "yes", "attitude": "satisfied", "charged": "no", "score": 9}
CLOSED_S = 60


@dataclass
class TestCaller:
    """The caller's end of a call. `lines` is the live transcript so far."""

    __test__: ClassVar[bool] = False  # pytest must not collect it

    phone: Softphone
    lines: list[wire.TranscriptMessage] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reached: int = 0

    def __post_init__(self) -> None:
        take_precedence()

    async def hears(self, words: str) -> None:
        """Wait until the service begins to say `words`, after the previously awaited words.

        Raises:
            CallOver: the call ended first.
        """
        async with self._news:
            await self._news.wait_for(lambda: self._find(words) or self.phone.over)
        if not (found := self._find(words)):
            raise CallOver(f"{words} was not said, but {[line.text for line in self.lines]}")
        self._reached = found

    async def hears_out(self, words: str) -> None:
        """Like `hears`, but wait for the end of the prompt."""
        await self.hears(words)
        await self.phone.heard_quiet(300)

    async def presses(self, keys: str) -> None:
        for key in keys:
            await self.phone.press(key)

    async def says(self, clip: str) -> None:
        await self.phone.say(CLIPS[clip])

    async def takes_the_survey(self, until: str = "", keys: dict[str, str] = KEYS) -> None:
        """Answer each question by key as soon as it begins; stop unanswered at the one with the words `until`."""
        for words, key in keys.items():
            await self.hears(words)
            if words == until:
                return
            await self.presses(key)

    def _find(self, words: str) -> int:
        later = enumerate(self.lines[self._reached :], self._reached + 1)
        return next((number for number, line in later if line.who == "us" and words in line.text), 0)

    async def listen(self) -> None:
        async for line in self.phone.transcript():
            async with self._news:
                self.lines.append(line)
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()


@dataclass
class ServiceSite:
    """A running service; browser phones call `socket`."""

    service: Service
    address: str
    settings: Settings

    @property
    def socket(self) -> str:
        return self.address + "/socket"

    @asynccontextmanager
    async def caller(self, language: str = "zh-CN", **variables: Value) -> AsyncIterator[TestCaller]:
        """Call the survey; hang up at the end of the block."""
        async with survey_caller(self.socket, language, **variables) as caller:
            yield caller

    async def record(self, call: str) -> CallRecord:
        """Return the record of a call, once it is closed."""
        return await self.record_when(call, lambda record: record.call.ended_at is not None)

    async def record_when(self, call: str, met: Callable[[CallRecord], bool]) -> CallRecord:
        """Return the record of a call, once it satisfies `met`."""
        async with asyncio.timeout(CLOSED_S):
            while True:
                with suppress(UnknownCall):
                    if met(record := await self.service.node.records.call(call)):
                        return record
                await asyncio.sleep(0.05)


@asynccontextmanager
async def survey_caller(socket: str, language: str = "zh-CN", **variables: Value) -> AsyncIterator[TestCaller]:
    """Call the survey at a socket; hang up at the end of the block."""
    async with dial(socket, "survey", language, variables) as phone:
        caller = TestCaller(phone)
        listening = asyncio.create_task(caller.listen())
        try:
            yield caller
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@asynccontextmanager
async def second_node(
    site: ServiceSite, line: type[BrowserCallLeg] = BrowserCallLeg, caller: str = "", **node: Any
) -> AsyncIterator[ServiceSite]:
    """Run a second node on the same records.

    Args:
        line: the class of its call legs.
        caller: the calling number of its calls.
        node: the fields in which it differs from the node of `site`.
    """
    name = f"{site.service.node.name}, the other"
    call_manager = CallManager(replace(site.service.node, name=name, **node), site.service.flow_store)

    async def answer(incoming: BrowserCallLeg) -> None:
        leg = line(replace(incoming.call, caller=caller), incoming.media)
        await call_manager.answer(leg, leg.show)

    app = web.Application()
    app.add_routes(routes(answer, lambda: flow_choices(site.service), site.service.flow_store.refused_values))
    running = asyncio.create_task(call_manager.run())
    async with TestServer(app) as server:
        try:
            yield replace(site, address=str(server.make_url("/phone")))
        finally:
            await call_manager.drain(0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def running_site(data: Path, **settings: object) -> AsyncIterator[ServiceSite]:
    """Run the service with embedded Redis and, by default, SQLite and the shipped flows."""
    chosen = Settings.model_validate({"data": data, "port": 0, **settings})
    async with serving(chosen) as listening:
        service, address = listening.service, listening.phone
        yield ServiceSite(service, address, chosen)
