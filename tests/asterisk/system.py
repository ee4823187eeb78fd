"""The whole service on a private Asterisk, with phones for callers and called parties."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import ClientResponse, ClientSession
from ruamel.yaml import YAML

from ivr.devtools.private_pbx import Pbx
from ivr.prompts.library import PromptLibrary
from ivr.records.call_records import CallRecords
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from ivr.service.process import serving
from ivr.service.runtime import Service
from ivr.settings import Settings
from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.site import Secrets, Site
from tests.asterisk.caller import Caller, PromptDetector
from tests.asterisk.conftest import DATA, make_secrets, make_site, rtp_ports
from tests.asterisk.phone import Phone, PhoneCall
from tests.precedence import prefer_children

PHONES = tuple(str(number) for number in range(1001, 1091))
FALLBACK = "1003"
CHANNELS = 120
CLOSED_S = 60.0
LEFT_S = 30.0


def passwords_in_environment(passwords: Secrets) -> dict[str, str]:
    """The environment variables from which the service takes its passwords."""
    return {"ASTERISK_ARI_PASSWORD": passwords.ari, "ASTERISK_MEDIA_PASSWORD": passwords.media}


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables during the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@dataclass
class SystemFixture:
    """A private Asterisk with its phones, and the records of the service attached to it."""

    site: Site
    passwords: Secrets
    pbx: Pbx
    data: Path
    ari: Ari
    detector: PromptDetector
    stack: AsyncExitStack
    service: Service | None = None
    opened: CallRecords | None = None
    _idle: list[Phone] = field(default_factory=list)
    _spare: list[str] = field(default_factory=lambda: [phone for phone in reversed(PHONES) if phone != FALLBACK])

    @property
    def settings(self) -> Settings:
        """The settings of the service: with the lines file and the rosters of the data folder, if there are any."""
        port, lines, rosters = urlsplit(self.site.service).port, self.data / "lines.yaml", self.data / "rosters.yaml"
        own = {"lines": lines} if lines.exists() else {}
        agents = rosters if rosters.exists() else None
        return Settings.model_validate(
            {"data": self.data, "port": port, "site": self.data / "site.yaml", "rosters": agents, **own}
        )

    @property
    def records(self) -> CallRecords:
        """The records of the service in this process, unless `opened` replaces them."""
        if self.opened:
            return self.opened
        assert self.service
        return self.service.node.records

    @asynccontextmanager
    async def served(self, ari_url: str = "") -> AsyncIterator[Service]:
        """Run the service in this process, attached to ARI at `ari_url`."""
        found = {"ASTERISK_ARI_URL": ari_url or self.site.ari_url}
        with environment(**passwords_in_environment(self.passwords), **found):
            async with serving(self.settings) as listening:
                service = listening.service
                assert service.asterisk
                await asyncio.wait_for(service.asterisk.connected.wait(), 30)
                self.service = service
                yield service

    async def phone(self, name: str = "") -> Phone:
        """A registered phone that no other call uses; it hangs up at the end."""
        if not name and self._idle:
            return self._idle.pop()
        name = name or self._spare.pop()
        account = Phone(name, self.passwords.phones[name], (self.site.sip.host, self.site.sip.port))
        return await self.stack.enter_async_context(account)

    def release_phone(self, phone: Phone) -> None:
        """Make a phone available to other calls; it stays registered."""
        self._idle.append(phone)

    async def caller(self, phone: Phone | None = None) -> Caller:
        """Call the survey; return the caller."""
        call = await (phone or await self.phone()).call("4000")
        return self.caller_on(await call.answered())

    def caller_on(self, call: PhoneCall) -> Caller:
        """The caller at a call."""
        return Caller(call, self.detector)

    async def post(self, body: object, path: str = "calls", **headers: str) -> tuple[int, object]:
        """POST to the API; return the status and the content."""
        address = self.site.service.replace("ws:", "http:")
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with ClientSession() as http, http.post(f"{address}/api/v1/{path}", data=data, headers=headers) as answer:
            return answer.status, await _content_of(answer)

    async def get_call(self, call: str) -> tuple[int, object]:
        """GET a call from the API; return the status and the content."""
        address = self.site.service.replace("ws:", "http:")
        async with ClientSession() as http, http.get(f"{address}/api/v1/calls/{call}") as answer:
            return answer.status, await _content_of(answer)

    async def place_call(self, number: str, **wanted: object) -> str:
        """Ask the service to place a call; return the call's id."""
        status, said = await self.post({"number": number, **wanted})
        assert status == 202 and isinstance(said, dict), said
        return str(said["call"])

    async def record_of(self, phone: str) -> CallRecord:
        """The record of a phone's only call, once it is closed."""
        return await self.record_when(phone, lambda record: record.call.ended_at is not None)

    async def record_when(
        self, phone: str, met: Callable[[CallRecord], bool], within_s: float = CLOSED_S
    ) -> CallRecord:
        """The record of a phone's only call, once it satisfies `met`."""
        async with asyncio.timeout(within_s):
            while True:
                for call in await self.records.calls(100):
                    if phone in (call.caller, call.called) and met(record := await self.records.call(call.id)):
                        return record
                await asyncio.sleep(0.1)

    async def nothing_is_left(self) -> None:
        """Wait until Asterisk has no channels and bridges."""
        left: list[str] = []
        try:
            async with asyncio.timeout(LEFT_S):
                while left := [*await self.ari.channels(), *await self.ari.bridges()]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"left in Asterisk: {left}") from None


async def _content_of(answer: ClientResponse) -> object:
    return await answer.json() if answer.content_type == "application/json" else await answer.text()


@asynccontextmanager
async def running_system(data: Path, **changes: object) -> AsyncIterator[SystemFixture]:
    """Start an Asterisk with its phones; `served` then starts the service."""
    site, passwords = make_site(phones=PHONES, rtp=rtp_ports(CHANNELS), **changes), make_secrets(PHONES)
    await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
    YAML().dump(json.loads(site.model_dump_json(by_alias=True)), data / "site.yaml")
    async with AsyncExitStack() as stack:
        pbx = await stack.enter_async_context(Pbx(site, passwords, DATA))
        ari = await stack.enter_async_context(Ari(site.ari_url, site.ari_user, passwords.ari, site.app))
        library = PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC))
        prefer_children()
        phones = await stack.enter_async_context(AsyncExitStack())
        yield SystemFixture(site, passwords, pbx, data, ari, PromptDetector(library), phones)
