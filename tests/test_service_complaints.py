"""Complaints in the whole service: routed, checked against their deadlines, published, and shown by the API."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientResponse, ClientSession

from ivr.complaints.case_queries import CaseQueries
from ivr.console.access import load_token
from ivr.errors import FaultyFile
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from ivr.service.composition import open_service
from ivr.service.process import serving
from ivr.settings import Settings
from tests.call.caller import KEYS, running_site
from tests.complaints.people import complain

pytestmark = pytest.mark.calls(1)


async def test_a_complaint_is_routed_published_and_shown(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=0)
    before = await CallRecords.open(settings.database_url)
    number = await complain(before, line="hotline", branch="dalian", cues="媒体")
    await before.close()
    async with serving(settings) as listening:
        service, address = listening.service, listening.phone
        heard = []
        async with asyncio.timeout(20):
            async for _, event in service.readers["staff"].events("0"):
                heard.append(event)
                if event.data["what"] == "escalated":
                    break
        site = address.removesuffix("/phone")
        async with ClientSession(site) as session:
            async with session.get(f"/api/v1/complaints/{number}") as response:
                shown = await response.json()
            await complain(service.node.records, "fraud", "call-2")
            async with session.get("/api/v1/complaints") as response:
                everybody = await response.json()
            token = {"Authorization": f"Bearer {load_token(tmp_path, 'management-token')}"}
            async with session.get("/api/v1/complaints", headers=token) as response:
                management = await response.json()
    assert [event.data["what"] for event in heard[:2]] == ["registered", "reported"]
    assert {event.case for event in heard} == {number}
    assert (shown["number"], shown["grade"]) == (number, "serious")
    assert [len(listed["complaints"]) for listed in (everybody, management)] == [1, 2]


async def test_only_management_is_notified_of_a_report_at_once(tmp_path: Path) -> None:
    async with serving(Settings(data=tmp_path, port=0)) as listening:
        service, address = listening.service, listening.phone
        token = {"Authorization": f"Bearer {load_token(tmp_path, 'management-token')}"}
        path = "/api/v1/complaints/events"
        async with (
            ClientSession(address.removesuffix("/phone")) as session,
            session.get(path) as of_staff,
            session.get(path, headers=token) as of_management,
            asyncio.timeout(20),
        ):
            records = service.node.records
            report = await complain(records, "fraud", "call-1")
            plain = await complain(records, branch="dalian", call="call-2")
            staff = [await step(of_staff) for _ in range(2)]
            management = [await step(of_management) for _ in range(3)]
    assert management == [(report, "registered"), (plain, "registered"), (plain, "reported")]
    assert staff == management[1:]


async def step(stream: ClientResponse) -> tuple[str, str]:
    """The case and the step of the next event in a stream."""
    async for line in stream.content:
        if line.startswith(b"data: "):
            event = json.loads(line.removeprefix(b"data: "))
            return event["case"], event["what"]
    raise AssertionError("the stream ended")


async def test_a_faulty_lines_file_is_refused_before_the_service_starts(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text((ROOT / "lines.yaml").read_text(encoding="utf-8").replace("within: 2 h", "within: soon"), "utf-8")
    with pytest.raises(FaultyFile, match=rf"{re.escape(str(mine))}:\d+: clocks\.contact\.within: “soon” is not"):
        async with open_service(Settings(data=tmp_path / "var", lines=mine)):
            pass


async def test_lines_are_reloaded_and_faulty_ones_never_replace_good_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine, shipped = tmp_path / "mine.yaml", (ROOT / "lines.yaml").read_text(encoding="utf-8")
    mine.write_text(shipped, encoding="utf-8")
    async with open_service(Settings(data=tmp_path / "var", port=0, lines=mine)) as service:
        queries = CaseQueries(service.node.records.database)

        async def line(call: str) -> str | None:
            return (
                await queries.case(await complain(service.node.records, call=call, branch="dalian"), "staff")
            ).case.line

        assert await line("call-1") == "aid_dalian"
        mine.write_text(shipped.replace("when: {branch: true}, to: branch", "when: {branch: true}, to: hr"), "utf-8")
        await service.reload()
        assert await line("call-2") == "supervision"
        for faulty in (shipped.replace("within: 2 h", "within: soon"), "rules: [", None):
            caplog.clear()
            mine.unlink() if faulty is None else mine.write_text(faulty, encoding="utf-8")
            await service.reload()
            assert "the current lines stay in force" in caplog.text and f"{mine}:" in caplog.text
        assert await line("call-3") == "supervision"


async def test_a_bad_review_is_put_right_and_called_back_before_it_is_archived(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, ClientSession(site.address.removesuffix("/phone")) as session:
        async with site.caller() as caller:
            await caller.takes_the_survey(until="收费了吗", keys=KEYS | {"解决了吗": "2"})
        record = await site.record(caller.phone.call)
        [case] = record.cases

        async def moved(move: str) -> int:
            body = {"move": move, "who": "王", "handler": "李", "why": "回访差评"}
            async with session.post(f"/api/v1/complaints/{case.number}/moves", json=body) as response:
                return response.status

        statuses = [await moved(move) for move in ("acknowledge", "assign", "investigate", "resolve", "archive")]
        [booking] = (await site.service.node.records.call(caller.phone.call)).bookings
        statuses += [await moved(move) for move in ("reply", "archive", "verify", "archive")]
        queries = CaseQueries(site.service.node.records.database)
        file = await queries.case(case.number, "staff")
        shares = await queries.shares(case.opened_at, case.opened_at + timedelta(minutes=1))
    assert statuses == [200, 200, 200, 200, 409, 200, 409, 200, 200]
    assert (file.case.kind, file.case.responsible, file.case.article) == ("bad_review", "hotline", "R11")
    assert (booking.state, [call.state for call in file.verifying_calls]) == ("open", ["done"])
    assert [shares.percent(count) for count in (shares.looked_into, shares.put_right, shares.called_back)] == [100] * 3
