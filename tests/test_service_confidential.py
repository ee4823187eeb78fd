"""A call with a report of misconduct (R18) over HTTP: in the API, and on agents' screens."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from ivr.actions import OpenComplaint, SaveAnswer
from ivr.call.outbound import OutboundCaller
from ivr.console.access import access
from ivr.console.calls import CallsApi
from ivr.events import NothingHeard
from ivr.records.call_records import CallRecords
from ivr.records.record import WITHHELD
from ivr.resource_files import ROOT
from ivr.service.composition import open_service
from ivr.service.process import serving
from ivr.settings import Settings
from ivr.telephony.port import Call, CallLeg, Unanswered
from ivr.telephony.slots import CallSlot, CallSlots
from tests.complaints.people import CALL, TUESDAY

REPORT = OpenComplaint("fraud", "举报欺诈", {"what": "经理拿钱"})


async def record_call(records: CallRecords, *cases: OpenComplaint, **answers: str) -> None:
    await records.open_call(CALL, "v1", TUESDAY)
    facts = [*(SaveAnswer(name, value, value, (), 0.9, "voice", 1) for name, value in answers.items()), *cases]
    await records.save_turn(CALL.id, 1, NothingHeard("1"), facts, [], TUESDAY)


async def no_dialling(_: Call, slot: CallSlot) -> CallLeg:
    raise Unanswered("no_answer", rang=True)


async def test_only_the_management_token_shows_the_answers_of_a_call(tmp_path: Path) -> None:
    async with open_service(Settings(data=tmp_path, port=0)) as service:
        await record_call(service.node.records, REPORT, what="经理拿钱")
        outbound = OutboundCaller(service.node, service.flow_store, service.call_manager, CallSlots(1), no_dialling)
        app = web.Application(middlewares=[access(None, management="of-the-management")])
        app.add_routes(CallsApi(outbound, service.flow_store, service.node.records).routes())
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        responses = []
        async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
            for token in ("of-nobody", "of-the-management"):
                headers = {"Authorization": f"Bearer {token}"}
                async with session.get(f"/api/v1/calls/{CALL.id}", headers=headers) as response:
                    responses.append(await response.json())
        await runner.cleanup()
    staff, management = responses
    assert (staff["call"], staff["open"], staff["answers"]) == (CALL.id, True, {})
    assert staff["withheld"] == WITHHELD
    assert management["answers"] == {"what": "经理拿钱"} and "withheld" not in management


@pytest.mark.parametrize("cases", [(REPORT,), ()])
async def test_an_agents_screen_hides_a_report(tmp_path: Path, cases: tuple[OpenComplaint, ...]) -> None:
    shown = await offered_event(tmp_path, *cases, what="经理拿钱", misconduct="fraud")
    assert (shown["call"], shown["answers"], shown["cases"], shown["withheld"]) == (CALL.id, {}, [], WITHHELD)


async def test_an_agents_screen_shows_the_answers_of_any_other_call(tmp_path: Path) -> None:
    shown = await offered_event(tmp_path, OpenComplaint("complaint", "客户投诉"), what="太慢", misconduct="neither")
    assert shown["answers"] == {"what": "太慢", "misconduct": "neither"} and "withheld" not in shown
    assert [case["kind"] for case in shown["cases"]] == ["complaint"]


async def offered_event(data: Path, *cases: OpenComplaint, **answers: str) -> dict[str, Any]:
    """The event on the agent's screen that offers the call."""
    async with serving(Settings(data=data, port=0, rosters=ROOT / "rosters.yaml")) as listening:
        service, address = listening.service, listening.phone
        await record_call(service.node.records, *cases, **answers)
        assert service.agents is not None
        site = address.removesuffix("/phone")
        async with ClientSession(site) as session, session.get("/api/v1/agents/zhang/events") as stream:
            await service.agents.acd.publish("offered", "zhang", CALL, "hotline", caller=CALL.caller)
            async with asyncio.timeout(15):
                async for line in stream.content:
                    name, _, text = line.decode().partition(": ")
                    if name == "data" and (shown := json.loads(text))["kind"] == "offered":
                        return dict(shown)
    raise AssertionError("the stream ended")
