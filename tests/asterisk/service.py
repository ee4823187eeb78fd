"""The Asterisk adapter in place of the whole service; the tests lead its calls."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Self

from ivr.agents.transfer_service import TransferService
from ivr.events import EndedBy
from ivr.telephony.asterisk.adapter import Asterisk
from ivr.telephony.asterisk.ari import Ari
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.asterisk.names import application
from ivr.telephony.asterisk.site import Secrets, Site
from ivr.telephony.port import Call, CallLeg, NotResumable, ResumedCall
from tests.asterisk.phone import Phone, PhoneCall

CONNECTED_WITHIN_S = 30
LEFT_S = 20


class AdapterFixture:
    """An async context manager; `next_leg` returns the call legs of arriving calls."""

    def __init__(
        self,
        site: Site,
        secrets: Secrets,
        ari_url: str = "",
        transfers: TransferService | None = None,
        node: str = "node",
        goes_on: bool = False,
        **options: Any,
    ) -> None:
        self.site = site
        self.ari = Ari(ari_url or site.ari_url, site.ari_user, secrets.ari, application(site.app, node))
        self.transfers = transfers or TransferService()
        self.asterisk = Asterisk(site, self.ari, self._answer, self._go_on, **options)
        self.goes_on = goes_on
        """Whether this node goes on with calls of others; `next_leg` returns these too."""
        self.resumed: list[ResumedCall] = []
        self.left: list[AsteriskCallLeg] = []
        self._lines: asyncio.Queue[AsteriskCallLeg] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.ari)
            running = asyncio.create_task(self.asterisk.run())
            stack.push_async_callback(_ended, running)
            await asyncio.wait_for(self.asterisk.connected.wait(), CONNECTED_WITHIN_S)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self._stack.aclose()

    async def next_leg(self, within_s: float = 15) -> AsteriskCallLeg:
        """The call leg of the next arriving call."""
        return await asyncio.wait_for(self._lines.get(), within_s)

    async def connect(self, phone: Phone) -> tuple[PhoneCall, AsteriskCallLeg]:
        """Call line 4000 from a phone; return both ends of the connected call."""
        call = await phone.call("4000")
        line = await self.next_leg()
        return await call.answered(), line

    async def transfer(self, line: AsteriskCallLeg, target: str, whisper: str = "", **options: Any) -> EndedBy:
        """Hand a caller over."""
        return await self.transfers.transfer(line, target, whisper, **options)

    async def dial(self, number: str, ring_s: int = 5) -> AsteriskCallLeg:
        """Place a call; return its call leg."""
        call = Call(f"out-{id(object())}", "asterisk", "outbound", "4000", number, "survey", "zh-CN")
        return await self.asterisk.dial(call, self.asterisk.slots.take(), ring_s)

    async def nothing_is_left(self) -> None:
        """Wait until Asterisk has no channels and bridges."""
        left: list[str] = []
        try:
            async with asyncio.timeout(LEFT_S):
                while left := [*await self.ari.channels(), *await self.ari.bridges()]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"left in Asterisk: {left}") from None

    async def _answer(self, line: CallLeg) -> None:
        assert isinstance(line, AsteriskCallLeg)
        self._lines.put_nowait(line)
        await asyncio.shield(line.over)

    async def _go_on(self, resumed: ResumedCall) -> None:
        if not self.goes_on:
            raise NotResumable("this node goes on with no calls")
        self.resumed.append(resumed)
        await self._answer(await resumed.attach(Call(resumed.id, "asterisk", "inbound", "", "4000", "survey", "zh-CN")))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
