"""A fault in any background loop: the loop runs again within 5 s, and /ready says so in the meantime."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession

from ivr.agents import phone_watch, presence_store
from ivr.agents.presence_store import PresenceStore
from ivr.call import manager, recording_archive
from ivr.call.recording_archive import RecordingArchive
from ivr.callbacks import dialer
from ivr.callbacks.scheduler import CallbackScheduler
from ivr.complaints import sla_worker
from ivr.complaints.sla_worker import SlaWorker
from ivr.live import embedded
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from ivr.service import supervisor
from ivr.service.process import serving
from ivr.settings import Settings
from ivr.telephony.asterisk import adapter
from ivr.telephony.asterisk.event_socket import EventSocket

WITHIN_S = 60
"""For a slow machine; what the loops themselves wait is checked below."""


class Fault:
    """A function that fails the first time. Its second call waits until /ready has told of the fault."""

    def __init__(self, name: str, told: str, function: Callable[..., Any]) -> None:
        self.name, self.told = name, told
        self._function = function
        self._calls = 0
        self.struck, self.again, self.seen = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def strike(self) -> None:
        self._calls += 1
        if self._calls == 1:
            self.struck.set()
            raise RuntimeError(f"a fault in {self.name}")
        self.again.set()
        await self.seen.wait()

    def coroutine(self) -> Callable[..., Any]:
        async def faulty(*args: Any, **options: Any) -> Any:
            await self.strike()
            return await self._function(*args, **options)

        return faulty

    def iterator(self) -> Callable[..., Any]:
        async def faulty(*args: Any, **options: Any) -> AsyncIterator[Any]:
            await self.strike()
            async for each in self._function(*args, **options):
                yield each

        return faulty


async def nothing(*_: object) -> None:
    """A sweep that finds nothing."""


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fault]:
    made: dict[str, Fault] = {}

    def inject(place: Any, attribute: str, told: str, *, iterator: bool = False, function: Any = None) -> None:
        fault = Fault(attribute, told, function or getattr(place, attribute))
        made[f"{getattr(place, '__name__', place)}.{attribute}"] = fault
        monkeypatch.setattr(place, attribute, fault.iterator() if iterator else fault.coroutine())

    inject(CallRecords, "ping", "sweep of orphaned calls failed: RuntimeError")
    inject(SlaWorker, "deliver_outbox", "the check of complaint deadlines failed: RuntimeError")
    inject(CallbackScheduler, "settle", "the processing of callbacks failed: RuntimeError")
    inject(EventSocket, "events", "asterisk failed: a fault in events", iterator=True)
    inject(EventFeed, "follow", "agents failed", iterator=True)
    inject(phone_watch, "report_phones", "agents failed")
    inject(RecordingArchive, "catch_up", "the search for recordings left behind failed: RuntimeError")
    inject(PresenceStore, "renew", "agents failed")
    return made


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ASTERISK_ARI_PASSWORD", "secret")
    monkeypatch.setenv("ASTERISK_ARI_URL", "http://127.0.0.1:1/ari")

    async def phones(_: object) -> frozenset[str]:
        return frozenset()

    monkeypatch.setattr(adapter.Asterisk, "phones", phones)
    return Settings.model_validate({"data": tmp_path, "port": 0, "site": ROOT / "dialplans" / "site.yaml"})


async def ready(session: ClientSession, address: str) -> dict[str, Any]:
    async with session.get(f"{address}/ready") as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == (200 if answer["status"] == "up" else 503)
        return answer


async def test_every_loop_runs_again_and_ready_tells(settings: Settings, faults: dict[str, Fault]) -> None:
    async with serving(settings) as listening, ClientSession() as session:
        address = listening.phone.partition("/phone")[0]

        async def follow(fault: Fault) -> None:
            await fault.struck.wait()
            while fault.told not in (await ready(session, address))["status"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            fault.seen.set()
            await fault.again.wait()

        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(*map(follow, faults.values()))
            while (status := (await ready(session, address))["status"]) != "Asterisk is not connected":
                assert status
                await asyncio.sleep(0.1)
        restarts = (await ready(session, address))["restarts"]
        assert restarts.keys() == {
            "leases",
            "recordings",
            "deadlines",
            "browser",
            "asterisk",
            "callbacks",
            "agents",
        }
        assert restarts["asterisk"] == 1 and restarts["agents"] >= 1
        assert not listening.workers.done()


def test_no_loop_waits_longer_than_five_seconds_before_it_runs_again() -> None:
    assert (
        max(
            manager.LEASE_RENEWAL_S,
            sla_worker.DELIVERY_INTERVAL_S,
            dialer.POLL_S,
            supervisor.LAST_RETRY_S,
            phone_watch.POLL_S,
            recording_archive.RETRY_S,
            presence_store.RENEW_S,
            adapter.SWEEP_RETRY_S,
            embedded.RESTART_PAUSES[1],
        )
        <= 5
    )


async def test_the_sweep_of_channels_runs_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SWEEP_INTERVAL_S", "SWEEP_RETRY_S"):
        monkeypatch.setattr(adapter, name, 0.01)
    fault = Fault("sweep", "the sweep of orphaned channels failed: RuntimeError", nothing)
    monkeypatch.setattr(adapter.Sweeper, "sweep", fault.coroutine())
    async with serving(settings) as listening:
        asterisk = listening.service.networks["asterisk"]
        assert isinstance(asterisk, adapter.Asterisk)
        asterisk.connected.set()
        async with asyncio.timeout(WITHIN_S):
            await fault.again.wait()
            assert asterisk.state.trouble == fault.told and fault.told in listening.service.trouble
            fault.seen.set()
            while asterisk.state.trouble:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_an_embedded_redis_that_cannot_be_started_again_at_once_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await EmbeddedRedis.start(tmp_path)
    fault = Fault("_run", "", server._run)
    fault.seen.set()
    monkeypatch.setattr(server, "_run", fault.coroutine())
    assert server.pid
    psutil.Process(server.pid).send_signal(signal.SIGKILL)
    async with asyncio.timeout(WITHIN_S):
        await fault.again.wait()
        while not await server._responds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await server.close()
