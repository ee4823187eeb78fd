"""`POST /api/v1/calls`: numbers and variables in any spelling have one form, or are refused before there is a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from ivr.call.outbound import OutboundCaller
from ivr.console.access import access
from ivr.console.calls import CallsApi
from ivr.phone_number import UnreadableNumber
from ivr.service.composition import open_service
from ivr.service.runtime import Service
from ivr.settings import Settings
from ivr.telephony.port import Call, CallLeg, Unanswered
from ivr.telephony.slots import CallSlot, CallSlots
from tests.spellings import COMPANY, COMPANYS, PERSON, PERSONS, WITHHELD

WITHIN_S = 20


class Api:
    """The API of a service whose calls nobody answers, and a client of it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.dialled: asyncio.Queue[Call] = asyncio.Queue()
        self.slots = CallSlots(100)
        self.outbound = OutboundCaller(service.node, service.flow_store, service.call_manager, self.slots, self._ring)
        self.session: ClientSession

    async def _ring(self, call: Call, slot: CallSlot) -> CallLeg:
        self.dialled.put_nowait(call)
        raise Unanswered("no_answer", rang=True)

    async def all_calls_recorded(self) -> None:
        """Wait until no call is being placed: its slot is released once it is recorded."""
        async with asyncio.timeout(WITHIN_S):
            while self.slots.taken:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def post(self, **body: object) -> tuple[int, Any]:
        async with self.session.post("/api/v1/calls", json=body) as response:
            return response.status, await response.json()

    async def placed(self, **body: object) -> Call:
        """The call that was dialled upon a request, as its record holds it."""
        status, said = await self.post(**body)
        assert status == 202, said
        call = await asyncio.wait_for(self.dialled.get(), WITHIN_S)
        record = await self.service.node.records.call(said["call"])
        assert (call.id, call.caller, call.called) == (record.call.id, record.call.caller, record.call.called)
        return call


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(Settings(data=tmp_path, port=0)))
        api = Api(service)
        app = web.Application(middlewares=[access(None, management="of-the-management")])
        phones = ["1001", "front-desk"]
        app.add_routes(CallsApi(api.outbound, service.flow_store, service.node.records, phones).routes())
        runner = web.AppRunner(app, shutdown_timeout=1)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api.session = await stack.enter_async_context(ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}"))
        yield api
        await api.all_calls_recorded()


async def test_every_spelling_is_one_number_dialled_and_one_customer(api: Api) -> None:
    assert {(await api.placed(number=text)).called for text in PERSONS} == {PERSON}
    assert {(await api.placed(number=text)).called for text in COMPANYS} == {COMPANY}
    person = await api.service.node.records.customer("13812345678")
    assert person is not None and len(person.calls) == len(PERSONS)


async def test_phones_of_the_site_and_short_numbers_are_dialled_as_they_are(api: Api) -> None:
    assert [(await api.placed(number=text)).called for text in ("front-desk", "1001", "95500", "１２３１５")] == [
        "front-desk", "1001", "95500", "12315",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "shown"),
    [("", ""), ("024-62000000", "+862462000000"), ("6789100", "6789100"), ("95500", "95500"), ("anonymous", "")],
)
async def test_the_number_shown_may_be_in_any_spelling(api: Api, given: str, shown: str) -> None:
    assert (await api.placed(number="1001", caller=given)).caller == shown


async def test_what_cannot_be_called_is_refused_in_plain_words_before_there_is_a_call(api: Api) -> None:
    for text in [*WITHHELD, "83612345", "Robert", "1001; rm", "138" * 30]:
        status, said = await api.post(number=text)
        assert (status, [fault["path"] for fault in said["faults"]]) == (422, ["number"]), text
    _, withheld = await api.post(number="匿名")
    _, local = await api.post(number="8361 2345")
    _, shown = await api.post(number="1001", caller="Robert")
    assert [said["faults"][0]["reason"] for said in (withheld, local, shown)] == [
        "“匿名” stands for a withheld number, which cannot be called",
        "“8361 2345” is not a telephone number; give it with its area code, or with + and the country code",
        "“Robert” is not a telephone number",
    ]
    assert await api.service.node.records.calls(9) == () and api.dialled.empty()


async def test_nothing_in_the_service_dials_a_withheld_number(api: Api) -> None:
    for text in WITHHELD:
        with pytest.raises(UnreadableNumber, match="a withheld number cannot be called"):
            await api.outbound.place(Call("call-1", "asterisk", "outbound", "", text, "survey", "zh-CN"))
    assert await api.service.node.records.calls(9) == () and api.dialled.empty()


async def test_variables_reach_the_call_in_canonical_form(api: Api) -> None:
    call = await api.placed(number="1001", variables={"fee_unpaid": "true", "hotline": "(024) 6677-8899"})
    assert call.variables == {"fee_unpaid": True, "hotline": "+862466778899"}


async def test_each_invalid_variable_is_refused_with_its_path_before_there_is_a_call(api: Api) -> None:
    invalid = {"fee_unpayed": True, "fee_unpaid": "no", "hotline": 2466778, "line": ["a"], "festival": "newyear"}
    status, said = await api.post(number="1001", variables=invalid)
    assert status == 422
    assert {fault["path"]: fault["reason"].partition(";")[0].partition(":")[0] for fault in said["faults"]} == {
        "variables.fee_unpayed": "the flow takes no value of this name",
        "variables.fee_unpaid": "must be true or false",
        "variables.hotline": "must be text",
        "variables.line": "must be text, in quotes",
        "variables.festival": "must be one of new_year, spring_festival, labour_day, mid_autumn, national_day",
    }
    assert await api.service.node.records.calls(9) == () and api.dialled.empty()


async def test_a_flow_takes_only_its_own_variables(api: Api) -> None:
    assert (await api.placed(number="1001", flow="repair", variables={"ordered": True})).variables == {"ordered": True}
    assert (await api.post(number="1001", flow="survey", variables={"ordered": True}))[0] == 422
