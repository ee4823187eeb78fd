"""The commands on a call that is withheld for a report of misconduct (R18)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import pytest_asyncio
import typer
from typer.testing import CliRunner, Result

from ivr.actions import OpenComplaint
from ivr.cli import calls, flows, speech
from ivr.complaints.case_service import CaseService
from ivr.complaints.rulebook import load
from ivr.console.access import load_token
from ivr.records.record import WITHHELD
from ivr.resource_files import ROOT
from tests.speech.conftest import START, CallSource, RecordedCall, flow_set, line, records

__all__ = ["flow_set", "line", "records"]


@pytest.fixture(autouse=True)
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The management token."""
    monkeypatch.setenv("HUIFANG_DATA", str(tmp_path / "var"))
    return load_token(tmp_path / "var", "management-token")


@pytest_asyncio.fixture
async def call(line: CallSource) -> RecordedCall:
    """A finished, recorded survey on which the caller said 满意."""
    led = await line.call("13812345678")
    await led.hears(("解决了", 0.95))
    await led.says("manyi", ("满意", 0.6))
    await led.hears(("对", 0.95))
    await led.ends()
    return led


async def reported(call: RecordedCall) -> None:
    """Open a report of misconduct for the call."""
    case_service = CaseService(call.records.database, load(ROOT / "lines.yaml", ROOT / "calendar.yaml"))
    await case_service.open(OpenComplaint("fraud", "举报"), "王", START, call.call.id)


async def run(app: typer.Typer, *arguments: str | Path) -> Result:
    """Run the command in a thread, since it runs an event loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, [str(argument) for argument in arguments])


async def test_the_call_is_listed_and_only_management_sees_its_words(call: RecordedCall, token: str) -> None:
    everybody = (await run(calls.app, "show", "call-1")).output
    await reported(call)
    listed = (await run(calls.app, "list")).output
    assert "call-1" in listed and "138****5678" in listed
    withheld = (await run(calls.app, "show", "call-1")).output
    assert WITHHELD in withheld and "completed" in withheld
    assert not any(word in withheld for word in ("满意", "attitude", "call-1.wav", "举报"))
    managed = (await run(calls.app, "show", "call-1", "--management-token", token)).output
    assert "满意" in managed and "举报" in managed and WITHHELD not in managed + everybody
    refused = await run(calls.app, "show", "call-1", "--management-token", "x")
    assert (refused.exit_code, refused.stderr) == (2, "wrong management token\n")


async def test_only_management_may_replay_the_call(call: RecordedCall, token: str) -> None:
    before = await run(flows.app, "replay", "call-1")
    await reported(call)
    refused = await run(flows.app, "replay", "call-1")
    assert (refused.exit_code, refused.stdout, refused.stderr) == (2, "", f"call call-1: {WITHHELD}\n")
    managed = await run(flows.app, "replay", "call-1", "--management-token", token)
    assert managed.stdout == before.stdout and "满意" in managed.stdout


async def test_no_clips_are_exported_from_the_call(call: RecordedCall, tmp_path: Path) -> None:
    assert "1 new clips" in (await run(speech.app, "export", tmp_path / "before")).output
    await reported(call)
    assert "0 new clips" in (await run(speech.app, "export", tmp_path / "after")).output


async def test_a_token_that_is_not_utf_8_is_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIFANG_MANAGEMENT_TOKEN", os.fsdecode(b"\xff\xfe"))
    refused = await run(calls.app, "show", "call-1")
    assert (refused.exit_code, refused.stderr) == (2, "wrong management token\n")
