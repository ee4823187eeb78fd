"""The dialer of one node: how many calls at a time, and what it does where none can be placed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from ivr.callbacks.dialer import MAX_CONCURRENT, CallbackDialer
from ivr.callbacks.scheduler import CallbackScheduler
from ivr.complaints.rules.intake import Rules
from ivr.records.call_records import CallRecords
from ivr.telephony.port import Call
from tests.callbacks.test_scheduler import DUE, rectified

WITHIN_S = 20


@dataclass
class Phones:
    """Telephones that ring for ever."""

    placed: list[Call] = field(default_factory=list)
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def ring(self, call: Call) -> None:
        self.placed.append(call)
        if len(self.placed) == MAX_CONCURRENT:
            self.rung.set()
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Flows:
    """A book with these flows, in Mandarin."""

    names: tuple[str, ...] = ("verify",)
    languages: tuple[str, ...] = ("zh-CN",)

    def has(self, flow: str, language: str) -> bool:
        return flow in self.names and language in self.languages


@asynccontextmanager
async def dialling(
    records: CallRecords, rules: Rules, flows: Flows, ready: Callable[[], bool] = lambda: True
) -> AsyncIterator[Phones]:
    """More cases than calls at a time wait for their verifying calls."""
    for n in range(1, MAX_CONCURRENT + 3):
        await rectified(records, rules, f"call-{n}", phone=f"1381234567{n}")
    phones, scheduler = Phones(), CallbackScheduler(records.database, rules)
    dialer = CallbackDialer(scheduler, "asterisk", phones.ring, flows, ready, lambda: DUE)
    keeping = asyncio.create_task(dialer.run())
    yield phones
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_so_many_calls_are_placed_at_a_time(records: CallRecords, rules: Rules) -> None:
    async with dialling(records, rules, Flows()) as phones:
        await asyncio.wait_for(phones.rung.wait(), WITHIN_S)
        await asyncio.sleep(0.5)
    assert len(phones.placed) == MAX_CONCURRENT
    assert {call.called for call in phones.placed} == {f"+861381234567{n}" for n in range(1, MAX_CONCURRENT + 1)}
    assert {(call.direction, call.flow, call.language) for call in phones.placed} == {("outbound", "verify", "zh-CN")}


async def test_while_calls_cannot_be_placed_none_is_claimed(records: CallRecords, rules: Rules) -> None:
    asked = asyncio.Event()

    def ready() -> bool:
        asked.set()
        return False

    async with dialling(records, rules, Flows(), ready) as phones:
        await asyncio.wait_for(asked.wait(), WITHIN_S)
    assert phones.placed == []
    assert await CallbackScheduler(records.database, rules).claim("out-1", DUE) is not None


async def test_without_a_flow_for_it_a_call_waits_and_the_log_says_why(
    records: CallRecords, rules: Rules, caplog: pytest.LogCaptureFixture
) -> None:
    async with dialling(records, rules, Flows(names=("survey",))) as phones:
        async with asyncio.timeout(WITHIN_S):
            while caplog.text.count("there is no flow “verify” in zh-CN") < MAX_CONCURRENT + 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
    assert phones.placed == []
    scheduler = CallbackScheduler(records.database, rules)
    assert await scheduler.claim("out-1", DUE) is None
    assert await scheduler.claim("out-1", DUE + timedelta(minutes=10)) is not None
