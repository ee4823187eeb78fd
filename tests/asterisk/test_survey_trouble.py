"""Surveys while Asterisk dies, its events are cut off, or the service is killed; and what is wrong at the start."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from tests.asterisk.system import FALLBACK, SystemFixture, passwords_in_environment, running_system
from tests.asterisk.wire import TcpRelay

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]

CUT_S = 10
FIRST_KEYS = {"convenient": "1", "resolved": "2"}
LEASE_S = 90


async def test_when_asterisk_is_killed_the_record_is_closed_with_its_answers(tmp_path):
    async with running_system(tmp_path / "house") as system, system.served():
        phone = await system.phone()
        caller = await system.caller(phone)
        await caller.takes_the_survey(voice={}, keys=FIRST_KEYS, until="attitude")
        await system.pbx.kill()
        phone.offline = True
        record = await system.record_of(phone.account.name)
        assert record.call.disposition is Disposition.BREAKOFF
        assert (record.call.ended_by, record.call.cause) == ("network", "failed")
        assert record.values == {"convenient": "yes", "resolved": "no"}
        assert [case.kind for case in record.cases] == ["bad_review"]
        await system.pbx.start()
        await asyncio.wait_for(system.service.asterisk.connected.wait(), 60)
        await system.nothing_is_left()


async def test_a_survey_goes_on_while_asterisks_events_are_cut_off_and_keys_work_again_after(tmp_path):
    async with (
        running_system(tmp_path / "house") as system,
        TcpRelay(system.site.http.port) as wire,
        system.served(f"http://127.0.0.1:{wire.port}/ari") as service,
    ):
        phone = await system.phone()
        caller = await system.caller(phone)
        await caller.takes_the_survey(until="resolved")
        wire.cut()
        await asyncio.gather(caller.takes_the_survey(until="charged"), asyncio.sleep(CUT_S))
        assert not caller.call.over.is_set()
        assert not service.asterisk.connected.is_set()
        wire.restore()
        await asyncio.wait_for(service.asterisk.connected.wait(), 60)
        await caller.presses("2")
        await caller.takes_the_survey(voice={})
        record = await system.record_of(phone.account.name)
        assert record.call.disposition is Disposition.COMPLETED
        by = {each.answer.question: each.answer.by for each in record.answers}
        assert by == {
            "convenient": "voice", "resolved": "voice", "attitude": "voice",
            "charged": "key", "score": "key", "comments": "key",
        }  # fmt: skip
        await system.nothing_is_left()


@asynccontextmanager
async def service_process(system: SystemFixture) -> AsyncIterator[asyncio.subprocess.Process]:
    """`service.py run` for a house, ready."""
    settings = system.settings
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "service.py",
        "run",
        cwd=ROOT,
        env={
            **os.environ,
            **passwords_in_environment(system.passwords),
            "HUIFANG_DATA": str(settings.data),
            "HUIFANG_PORT": str(settings.port),
            "HUIFANG_SITE": str(settings.site),
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            while not await _ready(http, settings.port):  # noqa: ASYNC110 (another process gets ready)
                await asyncio.sleep(0.1)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_the_caller_of_a_killed_service_reaches_a_person_and_the_next_one_closes_the_record(tmp_path):
    async with running_system(tmp_path / "house", fallback={"phones": [FALLBACK]}) as system:
        person, phone = await system.phone(FALLBACK), await system.phone()
        async with service_process(system) as process:
            caller = await system.caller(phone)
            await caller.takes_the_survey(voice={}, keys=FIRST_KEYS, until="attitude")
            process.kill()
            await process.wait()
        other = await person.called(within_s=60)
        other.ring()
        other.answer()
        await caller.call.hears_quiet(0.2)
        said = caller.detector.sound("survey.payment")[:4000]
        await other.say(said)
        await asyncio.sleep(0.3)
        assert caller.heard.find(said).likeness > 0.95, "the person is not heard"
        await caller.call.hang_up()
        await other.ended()
        async with service_process(system):
            system.opened = await CallRecords.open(system.settings.database_url)
            try:
                record = await system.record_when(
                    phone.account.name,
                    lambda record: record.call.ended_at is not None and len(record.recordings) > 0,
                    LEASE_S,
                )
            finally:
                await system.opened.close()
        assert record.call.disposition is Disposition.BREAKOFF
        assert record.values == {"convenient": "yes", "resolved": "no"}
        assert [case.kind for case in record.cases] == ["bad_review"]
        assert len(record.recordings) == 1
        await system.nothing_is_left()


async def command(system: SystemFixture, *words: str, **variables: str) -> tuple[int, str]:
    """`service.py …` for a house: status and what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "service.py",
        *words,
        cwd=ROOT,
        env={
            **os.environ,
            **passwords_in_environment(system.passwords),
            "HUIFANG_DATA": str(system.data),
            "HUIFANG_PORT": str(system.settings.port),
            "HUIFANG_SITE": str(system.settings.site),
            "COLUMNS": "400",
            **variables,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, said.decode()


async def test_what_is_wrong_is_said_in_plain_words_before_any_call(tmp_path):
    async with running_system(tmp_path / "house", lines={"4000": {"flow": "lottery"}}) as system:
        refused, closed, lacking, astray = await asyncio.gather(
            command(system, "doctor", ASTERISK_ARI_PASSWORD="guessed"),
            command(system, "doctor", ASTERISK_ARI_URL="http://127.0.0.1:9/ari"),
            _without(system, "app_queue.so"),
            command(system, "run"),
        )
    assert refused[0] == 1 and "Asterisk" in refused[1] and "refuses the name or password" in refused[1]
    assert "guessed" not in refused[1]
    assert closed[0] == 1 and "nothing listens at 127.0.0.1 port 9" in closed[1]
    assert lacking[0] == 1 and "lacks the module app_queue.so" in lacking[1]
    assert astray[0] == 2 and "uses flow “lottery” in zh-CN, which does not exist" in astray[1]


async def _without(system: SystemFixture, module: str) -> tuple[int, str]:
    await system.ari.request("DELETE", f"/asterisk/modules/{module}")
    return await command(system, "doctor")
