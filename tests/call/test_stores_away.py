"""Fifty calls while a store fails: no call ends, and every answer that was given is in the database afterwards."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

from ivr.call.journal import call_journal
from ivr.events import Value
from ivr.lifecycle import Disposition
from tests.call.caller import ServiceSite, running_site
from tests.call.key_phone import QUESTIONS, KeyCaller
from tests.call.own_postgres import OwnPostgres, own_postgres
from tests.call.test_session_faults import locked
from tests.live.failover import RedisPair, a_pair

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.calls(6),
    pytest.mark.postgres,
    pytest.mark.slow,
]

CALLS: Final = 50
OUTAGE_S: Final = 10.0
"""Longer than any caller would wait for a store."""
THINKING_S: Final = 2.0
"""Callers take up to this long for an answer, so that answers are spread over the outage."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty calls at once may keep the store that is left busy for longer than a caller waits for it."""
    monkeypatch.setattr(call_journal, "SAVE_TIMEOUT_S", 60)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def postgres_server() -> AsyncIterator[OwnPostgres]:
    async with own_postgres() as server:
        yield server


@dataclass
class House:
    """A service and its stores."""

    site: ServiceSite
    postgres: OwnPostgres
    redis: RedisPair


@asynccontextmanager
async def a_house(folder: Path, server: OwnPostgres) -> AsyncIterator[House]:
    await server.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    (folder / "redis").mkdir()
    async with a_pair(folder / "redis") as pair:
        stores = {"database": server.url, "redis": pair.url}
        async with running_site(folder / "data", **stores) as site:
            yield House(site, server, pair)


# --- what happens to the stores -----------------------------------------------------------------------------------


@asynccontextmanager
async def postgres_killed(house: House) -> AsyncIterator[None]:
    await house.postgres.kill()
    yield
    await house.postgres.start()


@asynccontextmanager
async def postgres_restarted(house: House) -> AsyncIterator[None]:
    """An administrator restarts it, which ends all sessions."""
    await asyncio.to_thread(house.postgres._control, "stop", "-m", "fast")
    await house.postgres.start()
    yield


@asynccontextmanager
async def postgres_read_only(house: House) -> AsyncIterator[None]:
    settings = "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
    await house.postgres.execute(*settings)
    yield
    await house.postgres.execute(
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()",
    )


@asynccontextmanager
async def postgres_full(house: House) -> AsyncIterator[None]:
    # Each statement locks one table at most: a transaction that locked several would deadlock with the calls.
    await house.postgres.execute(
        """
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$
        """,
        "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON calls FOR EACH ROW EXECUTE FUNCTION full_disk()",
        "CREATE TRIGGER full_disk BEFORE INSERT ON turns FOR EACH ROW EXECUTE FUNCTION full_disk()",
        "CREATE TRIGGER full_disk BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    yield
    await house.postgres.execute(
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
    )


@asynccontextmanager
async def redis_killed(house: House) -> AsyncIterator[None]:
    """It comes back with nothing in it."""
    await house.redis.master.kill()
    yield
    await house.redis.restart()


@asynccontextmanager
async def redis_failed_over(house: House) -> AsyncIterator[None]:
    """First nobody takes writes, then the replica does; the old master stays reachable to those who are connected."""
    await house.redis.master.command("REPLICAOF", "127.0.0.1", house.redis.replica.port)
    yield
    await house.redis.fail_over()


Fault = Callable[[House], AbstractAsyncContextManager[None]]
DATABASE_FAULTS: Final = (postgres_killed, postgres_restarted, postgres_read_only, postgres_full)
REDIS_FAULTS: Final = (redis_killed, redis_failed_over)


# --- the calls ----------------------------------------------------------------------------------------------------


class Crowd:
    """Fifty callers. Each waits at a question of their own until the fault strikes."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._struck = asyncio.Event()
        self._waiting = 0
        self._all_waiting = asyncio.Event()
        self.callers = [self._caller(number) for number in range(CALLS)]

    def _caller(self, number: int) -> KeyCaller:
        random, pause_at = Random(number), number % (len(QUESTIONS) - 1)

        async def before_key(question: int) -> None:
            if question == pause_at:
                self._waiting += 1
                if self._waiting == CALLS:
                    self._all_waiting.set()
                await self._struck.wait()
            if self._struck.is_set():
                await asyncio.sleep(random.uniform(0, THINKING_S))

        return KeyCaller(random, before_key)

    async def run(self, fault: AbstractAsyncContextManager[None]) -> None:
        """Run all calls to their end; the fault lasts for OUTAGE_S."""
        async with ClientSession() as session:
            calls = [asyncio.create_task(caller.run(session, self._address)) for caller in self.callers]
            try:
                await self._all_waiting.wait()
                async with fault:
                    self._struck.set()
                    await asyncio.sleep(OUTAGE_S)
                await asyncio.gather(*calls)
            finally:
                for call in calls:
                    call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)


async def check(site: ServiceSite, callers: list[KeyCaller]) -> None:
    """Every call went to its end, and its record holds what the caller answered, once."""
    for caller in callers:
        assert caller.ended and (caller.ended.by, caller.ended.cause) == ("caller", "normal"), caller.heard
        record = await site.record(caller.call)
        assert record.values == caller.given and record.replaced_answers == ()
        assert len(caller.given) == len(QUESTIONS)
        assert (record.call.disposition, record.call.cause) == (Disposition.COMPLETED, "normal")
        assert len({turn.turn for turn in record.turns}) == len(record.turns) == record.call.turn
        assert len(record.dispositions) == len(record.recordings) == 1
        assert len(record.cases) == is_bad(caller.given)


def is_bad(given: Mapping[str, Value]) -> bool:
    """Whether the survey opens a case for these answers."""
    score = given["score"]
    assert isinstance(score, int)
    unhappy = given["resolved"] == "no" or given["attitude"] == "dissatisfied" or given["charged"] == "yes"
    return unhappy or score <= 4


async def recovered(site: ServiceSite) -> None:
    """Nothing is left to be written, and the service takes calls."""
    async with asyncio.timeout(60):
        while site.service.trouble or site.service.call_manager.active:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    health = site.service.health
    assert (health.backlog, health.refused, health.skipped) == (0, 0, 0)


@pytest.mark.parametrize("fault", [*DATABASE_FAULTS, *REDIS_FAULTS], ids=lambda fault: fault.__name__)
async def test_no_call_ends_and_no_answer_is_lost(fault: Fault, tmp_path: Path, postgres_server: OwnPostgres) -> None:
    async with a_house(tmp_path, postgres_server) as house:
        crowd = Crowd(house.site.socket)
        await crowd.run(fault(house))
        await check(house.site, crowd.callers)
        await recovered(house.site)


@pytest.mark.parametrize("full", [True, False], ids=["full", "locked"])
async def test_with_sqlite_neither(full: bool, tmp_path: Path) -> None:
    """The file may not grow, or another program holds its lock."""
    async with running_site(tmp_path) as site:
        crowd = Crowd(site.socket)
        await crowd.run(sqlite_full(site) if full else locked(site))
        await check(site, crowd.callers)
        await recovered(site)


@asynccontextmanager
async def sqlite_full(site: ServiceSite) -> AsyncIterator[None]:
    engine = site.service.node.records.database._engine.sync_engine
    limit = "PRAGMA max_page_count = 1"

    def fill(connection: DBAPIConnection, *_: object) -> None:
        connection.cursor().execute(limit)

    event.listen(engine, "checkout", fill)
    yield
    limit = "PRAGMA max_page_count = 1000000"


async def test_answers_of_a_service_that_ends_during_the_outage_are_written_by_the_next_one(
    tmp_path: Path, postgres_server: OwnPostgres
) -> None:
    """Redis is lost with it: the local journal is all that is left."""
    await postgres_server.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    journal = tmp_path / "journal"
    async with running_site(tmp_path, database=postgres_server.url) as site:
        crowd = Crowd(site.socket)
        await crowd.run(postgres_killed_for_good(postgres_server))
        assert site.service.health.backlog >= CALLS and "the database is unavailable" in site.service.trouble
    assert len(list(journal.iterdir())) == 1
    shutil.rmtree(tmp_path / "redis")
    await postgres_server.start()
    async with running_site(tmp_path, database=postgres_server.url) as site:
        await check(site, crowd.callers)
        await recovered(site)
    assert list(journal.iterdir()) == []


@asynccontextmanager
async def postgres_killed_for_good(server: OwnPostgres) -> AsyncIterator[None]:
    await server.kill()
    yield
