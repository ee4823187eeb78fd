"""Callers of the hotline by voice, on a real service with the real recogniser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio

from ivr.devtools.softphone import Softphone, dial
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.call.caller import CLIPS, ServiceSite, TestCaller
from tests.call.test_session import place

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.calls(2)]

QUIET_MS = 900
"""A prompt that plays the caller's own words is over only after a longer quiet: they have pauses of their own."""


@asynccontextmanager
async def caller(site: ServiceSite, flow: str, **variables: str) -> AsyncIterator[TestCaller]:
    async with dial(site.socket, flow, "zh-CN", variables) as phone:
        person = TestCaller(phone)
        listening = asyncio.create_task(person.listen())
        try:
            yield person
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def talk(person: TestCaller, exchange: Sequence[tuple[str, str]]) -> None:
    """Hear each prompt out, then say the clip."""
    for words, clip in exchange:
        await person.hears(words)
        await person.phone.heard_quiet(QUIET_MS)
        await person.says(clip)


def alike(clip: str, phone: Softphone) -> float:
    """How alike the clip and the most similar stretch of what was heard are."""
    return place(np.frombuffer(CLIPS[clip], "<i2"), phone.timeline.heard)[1]


def spoken_number(record: CallRecord) -> str:
    """The case's number as it was told."""
    said = next(line.text for line in record.transcript if "单号是" in line.text)
    [told] = re.findall(r"单号是(.+?)。", said)
    return "".join(str("零幺二三四五六七八九".index(digit)) for digit in told.replace("，", ""))


@dataclass(frozen=True)
class CallResult:
    """A call that is over: its record, and the phone that it was led with."""

    record: CallRecord
    phone: Softphone


async def a_repair(site: ServiceSite) -> CallResult:
    async with caller(site, "hotline") as person:
        await talk(person, [("报修、投诉", "报修"), ("什么问题", "暖气不热"), ("您说的是", "对")])
        await talk(
            person, [("具体地址", "地址"), ("您说的是", "不对"), ("再说一遍地址", "另一个地址"), ("您说的是", "对")]
        )
        await talk(person, [("姓名", "姓名"), ("您说的是", "对")])
        await talk(person, [("联系电话", "错的号码"), ("您的电话是", "不对"), ("再逐位说一遍", "对的号码")])
        await talk(person, [("您的电话是", "对")])
        await person.hears("您的单号是")
        await person.phone.ended()
        return CallResult(await site.record(person.phone.call), person.phone)


async def half_a_repair(site: ServiceSite) -> CallResult:
    async with caller(site, "repair", caller="13812345678") as person:
        await talk(person, [("什么问题", "暖气不热"), ("您说的是", "对"), ("具体地址", "地址")])
        await person.hears("您说的是")
        await person.phone.hang_up()
        return CallResult(await site.record(person.phone.call), person.phone)


async def a_complaint(site: ServiceSite) -> CallResult:
    async with caller(site, "complaint") as person:
        await talk(person, [("发生了什么", "要求赔偿"), ("员工欺诈", "都没有"), ("银行卡", "银行卡")])
        await talk(person, [("沈阳", "沈阳"), ("回电吗", "不需要")])
        await person.hears("已经登记")
        await person.phone.ended()
        return CallResult(await site.record(person.phone.call), person.phone)


async def a_repair_with_the_calling_number(site: ServiceSite) -> CallResult:
    async with caller(site, "repair", caller="13605060708") as person:
        await talk(person, [("什么问题", "暖气不热"), ("您说的是", "对")])
        for words in ("具体地址", "姓名"):
            await person.hears(words)
            await person.presses("2")
        await talk(person, [("就用您现在的号码", "对")])
        await person.hears("您的单号是")
        await person.phone.hang_up()
        return CallResult(await site.record(person.phone.call), person.phone)


Call = Callable[[ServiceSite], Awaitable[CallResult]]
CALLS: tuple[Call, ...] = (a_repair, half_a_repair, a_complaint, a_repair_with_the_calling_number)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(site: ServiceSite) -> AsyncIterator[Callable[[Call], Awaitable[CallResult]]]:
    """All calls, led at the same time; each test looks at what came of its own."""
    calls = {call: asyncio.create_task(call(site)) for call in CALLS}
    yield lambda call: calls[call]
    for task in calls.values():
        task.cancel()
    await asyncio.gather(*calls.values(), return_exceptions=True)


Telling = Callable[[Call], Awaitable[CallResult]]


async def test_a_repair_is_reported_by_voice_and_the_telephone_number_corrected(told: Telling) -> None:
    record = (await told(a_repair)).record
    [order] = record.cases
    assert record.values["phone"] == "+8613605060708"
    assert (order.kind, order.details["phone"], order.details["confirmed"]) == ("repair", "+8613605060708", "yes")
    assert all(order.details[f"{part}_span"] for part in ("problem", "address", "name"))
    assert spoken_number(record) == order.number.replace("-", "")
    assert record.call.disposition is Disposition.COMPLETED


async def test_the_caller_hears_the_own_words_and_says_the_address_again(told: Telling) -> None:
    call = await told(a_repair)
    assert all(alike(clip, call.phone) > 0.8 for clip in ("暖气不热", "地址", "另一个地址", "姓名"))
    address = next(kept.answer for kept in call.record.answers if kept.answer.question == "address")
    assert (address.confirmed, address.attempts) == (True, 2)


async def test_who_hangs_up_while_the_address_is_read_back_has_left_an_order(told: Telling) -> None:
    [order] = (await told(half_a_repair)).record.cases
    assert (order.details["confirmed"], order.details["unconfirmed"]) == ("no", "address")
    assert order.details["address_span"]


async def test_a_complaint_with_a_word_worth_noticing_is_registered(told: Telling) -> None:
    record = (await told(a_complaint)).record
    [case] = record.cases
    details = {name: case.details[name] for name in ("business", "branch", "callback_wanted", "cues")}
    assert details == {"business": "card", "branch": "shenyang", "callback_wanted": "no", "cues": "赔偿"}
    assert spoken_number(record) == case.number.replace("-", "")


async def test_the_calling_number_is_offered_and_its_case_is_told(site: ServiceSite, told: Telling) -> None:
    record = (await told(a_repair_with_the_calling_number)).record
    assert record.values["phone"] == "+8613605060708"
    async with caller(site, "hotline", caller="13605060708") as person:
        await person.hears("报修、投诉")
        await person.presses("3")
        await person.hears("正在处理")
        await person.phone.hang_up()
        record = await site.record(person.phone.call)
    assert record.values == {"menu": "progress"}
