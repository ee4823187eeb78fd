"""The service image, run as in compose.yaml, with everything embedded."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from ivr.cli.demo import EXPECTED, REPLIES
from ivr.devtools.scripted_caller import load_clips, run_script
from ivr.devtools.softphone import dial
from ivr.records.call_records import CallRecords
from tests.docker.engine import ROOT
from tests.ports import PORTS

pytestmark = pytest.mark.calls(1)

USER = 900


async def test_a_caller_takes_the_survey_by_voice_and_sigterm_ends_the_service(service_image, compose, start, volume):
    port = PORTS.one()
    name, folder = volume("data")
    container = start(
        service_image, *compose.hardening("service"), f"--volume={name}:/data", f"--env=HUIFANG_PORT={port}"
    )
    await container.wait_until_healthy()

    first = psutil.Process(container.pid)
    assert [process.uids().effective for process in (first, *first.children(recursive=True))] == [USER, USER]
    assert first.cmdline()[-2:] == ["service.py", "run"]

    token = re.search(rf"http://0\.0\.0\.0:{port}/phone\?token=(\S+)", container.log).group(1)
    address = f"http://127.0.0.1:{port}"
    async with ClientSession() as http:
        async with http.get(f"{address}/health") as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "up")
        async with http.get(f"{address}/phone") as answer:
            assert answer.status == 401

    clips = load_clips(ROOT / "prompts/caller/zh-CN")
    async with dial(f"{address}/phone/socket", "survey", "zh-CN", {"fee_unpaid": True}, token) as phone:
        await run_script(phone, {words: clips[clip] for words, clip in REPLIES.items()})

    await asyncio.to_thread(container.stop, 10)
    assert container.status == 0, container.log
    assert "Traceback" not in container.log

    record = await read(folder, phone.call)
    assert {question: record.values[question] for question in EXPECTED} == EXPECTED
    assert record.call.disposition == "completed"
    (recording,) = record.recordings
    assert list(folder.rglob(Path(recording.path).name))


async def read(folder, call):
    records = await CallRecords.open(f"sqlite:///{folder / 'records.sqlite'}")
    try:
        return await records.call(call)
    finally:
        await records.close()


def test_the_image_contains_only_what_runs(engine, service_image):
    listed = engine("run", "--rm", "--pull=never", service_image, "find", ".", "-maxdepth", "2").split()
    here = {path.removeprefix("./") for path in listed}
    assert {"service.py", "callflows.yaml", "prompts/audio", "recognizer/models", "dialplans/site.yaml"} <= here
    strangers = {"tests", "bench", "docs", ".git", ".env", "var", "Dockerfile", "compose.yaml", "recognizer/training"}
    assert not here & strangers


@pytest.mark.parametrize("program", ["pip", "pip3", "gcc", "git", "curl"])
def test_the_image_has_no_tools_for_building_or_fetching(engine, service_image, program):
    assert not engine("run", "--rm", "--pull=never", service_image, "sh", "-c", f"command -v {program} || true")


def test_the_image_holds_no_secret(engine, service_image):
    environment = engine("image", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", service_image)
    assert not re.search("password|token|secret", environment, re.IGNORECASE)


def test_the_user_cannot_change_the_program(engine, service_image):
    look = "find /srv/huifang /opt/huifang -writable -not -type l"
    assert not engine("run", "--rm", "--pull=never", service_image, "sh", "-c", look)
