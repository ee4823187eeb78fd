"""How calls end that are no whole survey: nobody answers, the caller hangs up anywhere; and what the API refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.asterisk.caller import KEYS
from tests.asterisk.phone import PhoneCall
from tests.asterisk.system import SystemFixture, running_system

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(5)]

PCMA = 8
BREAKOFF, PARTIAL, COMPLETED = Disposition.BREAKOFF, Disposition.PARTIAL, Disposition.COMPLETED
BAD = KEYS | {"resolved": "2"}


async def busy(call: PhoneCall) -> None:
    call.refuse(486)


async def declined(call: PhoneCall) -> None:
    call.refuse(603)


async def codec_refused(call: PhoneCall) -> None:
    call.refuse(488)


async def let_ring(call: PhoneCall) -> None:
    call.ring()
    await call.ended(within_s=50)


UNANSWERED: dict[Callable[[PhoneCall], Awaitable[None]], tuple[Disposition, str]] = {
    busy: (Disposition.BUSY, "busy"),
    declined: (Disposition.NO_ANSWER, "rejected"),
    codec_refused: (Disposition.FAILED, "protocol"),
    let_ring: (Disposition.NO_ANSWER, "no_answer"),
}

NODES = {
    "survey.notice": BREAKOFF,
    "convenient": BREAKOFF,
    "resolved": BREAKOFF,
    "attitude": BREAKOFF,
    "charged": PARTIAL,
    "score": PARTIAL,
    "comments": COMPLETED,
    "survey.closing": COMPLETED,
    "book": BREAKOFF,
}
"""Where the caller hangs up → what becomes of the call."""


@dataclass(frozen=True)
class Ends:
    """What became of all the calls of this module."""

    system: SystemFixture
    unanswered: dict[str, CallRecord]
    hung_up: dict[str, CallRecord]
    bad: CallRecord


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ends(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ends]:
    """All calls at once, at one service; nothing of them is left in Asterisk."""
    async with running_system(tmp_path_factory.mktemp("house")) as system, system.served():
        unanswered, hung_up, bad, nowhere = await asyncio.gather(
            asyncio.gather(*(_rings(system, how) for how in UNANSWERED)),
            asyncio.gather(*(_hangs_up(system, node) for node in NODES)),
            _hangs_up(system, "attitude", BAD),
            _nowhere(system),
        )
        await system.nothing_is_left()
        rung = {how.__name__: record for how, record in zip(UNANSWERED, unanswered, strict=True)}
        yield Ends(system, rung | {"nowhere": nowhere}, dict(zip(NODES, hung_up, strict=True)), bad)


async def _rings(system: SystemFixture, how: Callable[[PhoneCall], Awaitable[None]]) -> CallRecord:
    phone = await system.phone()
    await system.place_call(phone.account.name)
    await how(await phone.called())
    return await system.record_of(phone.account.name)


async def _nowhere(system: SystemFixture) -> CallRecord:
    await system.place_call("+862455550000")
    return await system.record_of("+862455550000")


async def _hangs_up(system: SystemFixture, node: str, keys: dict[str, str] = KEYS) -> CallRecord:
    phone = await system.phone()
    caller = await system.caller(phone)
    await caller.hears_onset()
    if node != "survey.notice":
        await caller.hears_out("survey.opening")
        path = [*keys][: [*keys].index(node)] if node in keys else ["convenient"] if node == "book" else [*keys][:6]
        for question in path:
            await caller.presses("2" if node == "book" else keys[question], question)
            await caller.hears_onset()
            await asyncio.sleep(0.5)
    await caller.call.hang_up()
    return await system.record_of(phone.account.name)


@pytest.mark.parametrize(("how", "end"), UNANSWERED.items(), ids=lambda each: getattr(each, "__name__", ""))
async def test_a_call_that_is_not_answered(ends, how, end):
    record = ends.unanswered[how.__name__]
    assert (record.call.disposition, record.call.cause) == end
    assert record.call.answered_at is None and record.call.ended_by == "network"


async def test_a_number_that_leads_nowhere(ends):
    call = ends.unanswered["nowhere"].call
    assert (call.disposition, call.cause) == (Disposition.UNREACHABLE, "unreachable")


@pytest.mark.parametrize("node", NODES)
async def test_a_caller_may_hang_up_anywhere(ends, node):
    record = ends.hung_up[node]
    assert record.call.disposition is NODES[node]
    assert (record.call.ended_by, record.call.cause) == ("caller", "normal")
    answered = [*KEYS][: [*KEYS].index(node)] if node in KEYS else []
    assert set(answered) <= set(record.values)
    assert record.cases == ()


async def test_a_bad_answer_before_hanging_up_is_a_case(ends):
    assert ends.bad.values["resolved"] == "no"
    assert [case.kind for case in ends.bad.cases] == ["bad_review"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", ""),
        (b"no json", ""),
        ({}, "number"),
        ({"number": "1001; rm"}, "number"),
        ({"number": "1001", "caller": "Robert"}, "caller"),
        ({"number": "1001", "color": "red"}, "color"),
        ({"number": "1001", "flow": "lottery"}, "flow"),
        ({"number": "1001", "language": "la"}, "flow"),
    ],
    ids=str,
)
async def test_a_request_that_cannot_be_met_is_refused_with_path_and_reason(ends, body, path):
    status, said = await ends.system.post(body)
    assert status == 422
    (fault,) = said["faults"]
    assert fault["path"] == path and fault["reason"]


async def test_a_call_that_nobody_knows(ends):
    status, _ = await ends.system.get_call("unheard-of")
    assert status == 404


async def test_a_page_of_another_host_may_not_place_calls(ends):
    status, _ = await ends.system.post({"number": "1001"}, Origin="http://elsewhere.example")
    assert status == 403


async def test_the_api_tells_what_became_of_a_call(ends):
    call = ends.unanswered["busy"].call
    assert await ends.system.get_call(call.id) == (
        200,
        {"call": call.id, "open": False, "disposition": "busy", "aapor": "3.12", "cause": "busy", "answers": {}},
    )
