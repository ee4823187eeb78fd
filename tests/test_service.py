"""The service as a process: draining, being killed, reloading, logging."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession

from ivr.devtools.softphone import CallOver
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from tests.call.caller import ANSWERS, KEYS, TestCaller, survey_caller

pytestmark = pytest.mark.calls(2)

START_S = 60
LOST_S = 60
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ [\w.]+: ")


@dataclass
class ServiceProcess:
    """A `service.py run`; `logged` is its output on standard error so far."""

    process: asyncio.subprocess.Process
    data: Path
    address: str = ""
    logged: str = ""
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def caller(self, **variables: str) -> AbstractAsyncContextManager[TestCaller]:
        return survey_caller(self.address + "/phone/socket", **variables)

    async def ready(self) -> int:
        """The status of /ready."""
        async with ClientSession() as session, session.get(self.address + "/ready") as response:
            return response.status

    async def drain(self) -> None:
        """Send SIGTERM and wait until the service takes no more calls."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            while await self.ready() != 503:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def logs(self, pattern: str) -> None:
        async with asyncio.timeout(START_S), self._news:
            await self._news.wait_for(lambda: re.search(pattern, self.logged))

    async def read_log(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            async with self._news:
                self.logged += line.decode()
                self._news.notify_all()


@asynccontextmanager
async def running(data: Path, flows: Path = ROOT / "callflows.yaml") -> AsyncIterator[ServiceProcess]:
    environment = os.environ | {"HUIFANG_DATA": str(data), "HUIFANG_PORT": "0", "HUIFANG_FLOWS": str(flows)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "service.py"), "run",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    service = ServiceProcess(process, data)
    reading = asyncio.create_task(service.read_log())
    try:
        assert process.stdout
        async with asyncio.timeout(START_S):
            while not (found := re.search(rb"(http://\S+)/phone", line := await process.stdout.readline())):
                assert line, f"the service ended: {service.logged}"
        service.address = found[1].decode()
        yield service
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


def is_closed(record: CallRecord) -> bool:
    return record.call.ended_at is not None


def has_recording(record: CallRecord) -> bool:
    return is_closed(record) and len(record.recordings) > 0


async def closed_record(data: Path, call: str, met: Callable[[CallRecord], bool] = is_closed) -> CallRecord:
    """Read the record of a call from outside the service, once it meets a condition."""
    records = await CallRecords.open(f"sqlite:///{data / 'records.sqlite'}")
    try:
        async with asyncio.timeout(LOST_S):
            while not met(record := await records.call(call)):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        return record
    finally:
        await records.close()


async def test_sigterm_drains_the_service(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        assert await service.ready() == 200
        async with service.caller() as caller:
            await caller.takes_the_survey(until="态度")
            await service.drain()
            with pytest.raises(CallOver):
                async with service.caller() as late:
                    await late.hears("录音")
            await caller.presses("1")
            await caller.takes_the_survey(keys={"收费了吗": "2", "打分": "9", "建议": "2"})
            await caller.hears("感谢")
            await caller.phone.hang_up()
        assert await service.process.wait() == 0
    record = await closed_record(tmp_path, caller.phone.call)
    assert record.values == ANSWERS | {"comments": None}
    assert record.call.disposition is Disposition.COMPLETED
    assert all(LOG_LINE.match(line) for line in service.logged.splitlines())


async def test_a_second_sigterm_ends_the_service_at_once_with_an_apology(tmp_path: Path) -> None:
    async with running(tmp_path) as service, service.caller() as caller:
        await caller.takes_the_survey(until="态度")
        await service.drain()
        service.process.send_signal(signal.SIGTERM)
        await caller.hears("系统出现故障")
        assert await service.process.wait() == 0
    record = await closed_record(tmp_path, caller.phone.call)
    assert record.values == {"convenient": "yes", "resolved": "yes"} and record.call.cause == "failed"


async def test_a_call_of_a_killed_service_is_closed_with_its_answers_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as service, service.caller() as caller:
        await caller.takes_the_survey(until="收费了吗", keys=KEYS | {"解决了吗": "2"})
        service.process.kill()
        await service.process.wait()
        await caller.phone.ended()
    async with running(tmp_path):
        record = await closed_record(tmp_path, caller.phone.call, has_recording)
    assert record.values == {"convenient": "yes", "resolved": "no", "attitude": "satisfied"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.PARTIAL, "failed", "us")
    assert [case.kind for case in record.cases] == ["bad_review"]
    assert len(record.recordings) == 1


async def test_sighup_reloads_the_flows_for_later_calls_and_rejects_faulty_ones(tmp_path: Path) -> None:
    flows = tmp_path / "callflows.yaml"
    shutil.copy(ROOT / "callflows.yaml", flows)
    source = flows.read_text(encoding="utf-8")
    reordered = source.replace("next: attitude", "next: CHARGED").replace("next: charged", "next: score")
    reordered = reordered.replace(
        "keys_prompt: charged.keys\n        next: score", "keys_prompt: charged.keys\n        next: attitude"
    )
    reordered = reordered.replace("next: CHARGED", "next: charged")
    async with running(tmp_path / "data", flows) as service, service.caller() as early:
        await early.takes_the_survey(until="解决了吗")
        flows.write_text(source.replace("start: notice", "start: nowhere", 1), encoding="utf-8")
        service.process.send_signal(signal.SIGHUP)
        await service.logs("flows not reloaded[^\n]*\n[^\n]*nowhere")
        flows.write_text(reordered, encoding="utf-8")
        service.process.send_signal(signal.SIGHUP)
        await service.logs("flows reloaded: version .* → ")
        async with service.caller() as late:
            await late.takes_the_survey(until="解决了吗")
            await late.presses("1")
            await early.presses("1")
            await late.hears("收费了吗")
            await early.hears("态度")
        await early.phone.hang_up()
        first, second = [await closed_record(tmp_path / "data", each.phone.call) for each in (early, late)]
    assert first.call.flow_version != second.call.flow_version
    assert (first.call.cause, second.call.cause) == ("normal", "normal")
