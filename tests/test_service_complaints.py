"""Complaints in the whole service: what a call left behind is routed and its clock run out, the feed hears of it, the
API shows it.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from aiohttp import ClientSession

from ivr.console.access import load_token
from ivr.errors import FaultyFile
from ivr.records.store import Records
from ivr.settings import ROOT, Settings
from service import open_service, serving
from tests.complaints.people import complain


async def test_a_complaint_is_routed_told_to_all_and_shown(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=0)
    before = await Records.open(settings.database_url)
    number = await complain(before, line="hotline", branch="dalian", cues="媒体")
    await before.close()
    async with serving(settings) as (service, address):
        heard = []
        async with asyncio.timeout(20):
            async for _, event in service.feed.follow("0"):
                heard.append(event)
                if event["what"] == "escalated":
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
    assert [event["what"] for event in heard[:2]] == ["registered", "reported"]
    assert {event["case"] for event in heard} == {number}
    assert (shown["number"], shown["grade"]) == (number, "serious")
    assert [len(listed["complaints"]) for listed in (everybody, management)] == [1, 2]


async def test_a_faulty_lines_file_is_refused_before_the_service_starts(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text((ROOT / "lines.yaml").read_text(encoding="utf-8").replace("within: 2 h", "within: soon"), "utf-8")
    with pytest.raises(FaultyFile, match=re.escape(f"{mine}: clocks.contact.within: “soon” is no duration")):
        async with open_service(Settings(data=tmp_path / "var", lines=mine)):
            pass
