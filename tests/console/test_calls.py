"""`POST /api/v1/calls` over HTTP: the values that a call brings are right or refused by path, before it is placed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from ivr.call.outbound import OutboundCaller
from ivr.console.calls import CallsApi
from ivr.flow_store import FlowStore
from ivr.prompts.catalog import load
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from ivr.telephony.port import Call
from recognizer.scripted import ScriptedRecognizer


class LearningRecognizer(ScriptedRecognizer):
    def learn(self, language: str, phrases: object) -> None:
        """Learn nothing."""


class PlacedCalls(OutboundCaller):
    """Keeps the calls instead of placing them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def place(self, call: Call, on_opened: Callable[[], None] = lambda: None) -> None:
        self.calls.append(call)
        on_opened()


@dataclass
class Api:
    placed: PlacedCalls
    session: ClientSession

    async def post(self, **body: Any) -> tuple[int, Any]:
        async with self.session.post("/api/v1/calls", json={"number": "1001", **body}) as response:
            return response.status, await response.json()


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    records = await CallRecords.open(f"sqlite:///{tmp_path}/records.db")
    flow_store = FlowStore(ROOT / "callflows.yaml", load(ROOT / "prompts"), LearningRecognizer())
    placed = PlacedCalls()
    app = web.Application()
    app.add_routes(CallsApi(placed, flow_store, records).routes())
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        yield Api(placed, session)
    await runner.cleanup()
    await records.close()


async def test_values_reach_the_call_in_canonical_form(api: Api) -> None:
    status, _ = await api.post(variables={"fee_unpaid": "true", "hotline": "(024) 6677-8899"})
    assert status == 202
    assert [call.variables for call in api.placed.calls] == [{"fee_unpaid": True, "hotline": "+862466778899"}]


async def test_every_wrong_value_is_refused_with_its_path_and_no_call_is_placed(api: Api) -> None:
    wrong = {"fee_unpayed": True, "fee_unpaid": "no", "hotline": 2466778, "line": ["a"], "festival": "newyear"}
    status, said = await api.post(variables=wrong)
    assert status == 422
    assert {fault["path"]: fault["reason"].partition(";")[0].partition(":")[0] for fault in said["faults"]} == {
        "variables.fee_unpayed": "the flow takes no value of this name",
        "variables.fee_unpaid": "must be true or false",
        "variables.hotline": "must be text",
        "variables.line": "must be text, in quotes",
        "variables.festival": "must be one of new_year, spring_festival, labour_day, mid_autumn, national_day",
    }
    assert api.placed.calls == []


async def test_a_flow_takes_only_its_own_variables(api: Api) -> None:
    assert (await api.post(flow="repair", variables={"ordered": True}))[0] == 202
    assert (await api.post(flow="survey", variables={"ordered": True}))[0] == 422
