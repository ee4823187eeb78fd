"""Calls during an internal fault: no answer is lost, and the caller hears an apology if the call cannot go on."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from ivr.events import EndedBy
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from ivr.telephony.browser.stream import BrowserCallLeg
from ivr.telephony.port import HoldWork
from recognizer.base import Hypothesis
from recognizer.scripted import ScriptedRecognizer
from tests.call.caller import ANSWERS, ServiceSite, TestCaller, running_site, second_node

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.calls(4)]

APOLOGY = "系统出现故障"
NUMBER = "13912345678"

Scenario = Callable[[ServiceSite], Awaitable[CallRecord]]
SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    """Register a call on a service of its own, which returns its record. All scenarios run concurrently."""
    SCENARIOS.append(run)
    return run


class LogCapture(logging.Handler):
    """Collects all log records as text."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += logging.Formatter().format(record) + "\n"


@pytest.fixture(scope="module")
def logged() -> Iterator[LogCapture]:
    capture = LogCapture()
    logging.getLogger().addHandler(capture)
    yield capture
    logging.getLogger().removeHandler(capture)


ResultOf = Callable[[Scenario], Awaitable[CallRecord]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def result_of(tmp_path_factory: pytest.TempPathFactory, logged: LogCapture) -> AsyncIterator[ResultOf]:
    calls: dict[Scenario, asyncio.Future[CallRecord]] = {}
    async with AsyncExitStack() as stack:
        for run in SCENARIOS:
            site = await stack.enter_async_context(running_site(tmp_path_factory.mktemp("service")))
            calls[run] = asyncio.ensure_future(run(site))
        yield lambda run: calls[run]
        for call in calls.values():
            call.cancel()
        await asyncio.gather(*calls.values(), return_exceptions=True)


# --- the stores ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def locked(site: ServiceSite) -> AsyncIterator[None]:
    """Hold the lock of the SQLite file, so that nothing can be written."""
    with closing(sqlite3.connect(site.settings.data / "records.sqlite", timeout=0, isolation_level=None)) as other:
        while not other.in_transaction:
            with suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(0.01)
        yield
        other.execute("ROLLBACK")


REST = {"收费了吗": "2", "打分": "9", "建议": "2"}
"""The questions after that for the attitude, with their keys."""


async def finishes(caller: TestCaller) -> None:
    """Answer the question for the attitude and all later ones, and hang up."""
    await caller.presses("1")
    await caller.takes_the_survey(keys=REST)
    await caller.hears("感谢")
    await caller.phone.hang_up()


@scenario
async def database_away(site: ServiceSite) -> CallRecord:
    async with second_node(site, caller=NUMBER) as node, node.caller() as caller:
        await caller.takes_the_survey(until="态度")
        async with locked(site):
            await finishes(caller)
        return await site.record(caller.phone.call)


async def test_a_call_goes_on_while_the_database_is_away_and_is_written_when_it_is_back(result_of: ResultOf) -> None:
    record = await result_of(database_away)
    assert record.values == ANSWERS | {"comments": None}
    assert (record.call.disposition, record.call.cause) == (Disposition.COMPLETED, "normal")


async def test_the_number_of_a_caller_is_kept_and_not_logged(result_of: ResultOf, logged: LogCapture) -> None:
    record = await result_of(database_away)
    assert record.call.caller == f"+86{NUMBER}"
    assert "wait for the database" in logged.text and NUMBER not in logged.text


@scenario
async def database_away_from_the_start(site: ServiceSite) -> CallRecord:
    async with AsyncExitStack() as stack:
        async with locked(site):
            caller = await stack.enter_async_context(site.caller())
            await caller.takes_the_survey(until="态度")
            await finishes(caller)
        return await site.record(caller.phone.call)


async def test_a_call_that_never_reaches_the_database_is_led_and_stored_later(result_of: ResultOf) -> None:
    record = await result_of(database_away_from_the_start)
    assert record.values == ANSWERS | {"comments": None} and record.call.cause == "normal"


def redis(site: ServiceSite) -> psutil.Process:
    (server,) = [child for child in psutil.Process().children() if Path(child.cwd()) == site.settings.data / "redis"]
    return server


@scenario
async def redis_restarted(site: ServiceSite) -> CallRecord:
    async with site.caller() as caller:
        await caller.takes_the_survey(until="态度")
        redis(site).kill()
        await finishes(caller)
        return await site.record(caller.phone.call)


async def test_a_restart_of_redis_passes_unnoticed(result_of: ResultOf) -> None:
    record = await result_of(redis_restarted)
    assert record.values == ANSWERS | {"comments": None}
    assert record.call.disposition is Disposition.COMPLETED


@contextmanager
def unresponsive(server: psutil.Process) -> Iterator[None]:
    server.suspend()
    try:
        yield
    finally:
        server.resume()


@scenario
async def redis_hung(site: ServiceSite) -> CallRecord:
    async with site.caller() as caller:
        await caller.takes_the_survey(until="态度")
        with unresponsive(redis(site)):
            await finishes(caller)
            return await site.record(caller.phone.call)


async def test_a_call_goes_on_while_redis_is_unresponsive(result_of: ResultOf) -> None:
    record = await result_of(redis_hung)
    assert record.values == ANSWERS | {"comments": None}
    assert (record.call.disposition, record.call.cause) == (Disposition.COMPLETED, "normal")


@scenario
async def both_stores_away(site: ServiceSite) -> CallRecord:
    async with site.caller() as caller:
        await caller.takes_the_survey(until="态度")
        async with locked(site):
            with unresponsive(redis(site)):
                await caller.presses("1")
                await caller.hears(APOLOGY)
                assert (await caller.phone.ended()).by == "us"
        return await site.record(caller.phone.call)


async def test_without_both_stores_the_call_ends_with_an_apology_and_loses_nothing(result_of: ResultOf) -> None:
    record = await result_of(both_stores_away)
    assert record.values == {"convenient": "yes", "resolved": "yes", "attitude": "satisfied"}
    assert (record.call.disposition, record.call.cause) == (Disposition.PARTIAL, "failed")
    assert APOLOGY in record.transcript[-1].text and not record.transcript[-1].text.endswith("——")


# --- the recogniser and the call leg ------------------------------------------------------------------------------


@scenario
async def recogniser_fails(site: ServiceSite) -> CallRecord:
    recognizer = ScriptedRecognizer(unheard={"方便": "no such word"})
    async with second_node(site, recognizer=recognizer) as node, node.caller() as caller:
        await caller.hears_out("方便吗")
        await caller.says("方便")
        await caller.hears("没听清")
        await caller.presses("1")
        await caller.hears("解决了吗")
        await caller.phone.hang_up()
        return await site.record(caller.phone.call)


async def test_the_survey_continues_by_keys_when_the_recogniser_fails(result_of: ResultOf, logged: LogCapture) -> None:
    record = await result_of(recogniser_fails)
    assert record.values == {"convenient": "yes"} and record.call.cause == "normal"
    assert "no such word" in logged.text


@scenario
async def caller_refuses(site: ServiceSite) -> CallRecord:
    recognizer = ScriptedRecognizer([[Hypothesis("别打了", 0.97)]] * 3)
    async with second_node(site, recognizer=recognizer) as node, node.caller() as caller:
        await caller.hears_out("方便吗")
        await caller.says("不方便")
        await caller.hears("不打扰您了")
        return await site.record(caller.phone.call)


async def test_a_caller_who_refuses_is_let_go(result_of: ResultOf) -> None:
    assert (await result_of(caller_refuses)).call.disposition is Disposition.REFUSED


class FailingCallLeg(BrowserCallLeg):
    """Transfers fail with an error outside the port's contract, and hanging up fails too."""

    def can_reach(self, name: str) -> bool:
        return True

    async def hold(self, work: HoldWork, *, overhear: bool = False) -> EndedBy:
        raise RuntimeError("out of order")

    async def hang_up(self) -> None:
        raise RuntimeError("out of order")


@scenario
async def failing_call_leg(site: ServiceSite) -> CallRecord:
    async with second_node(site, line=FailingCallLeg) as node, node.caller() as caller:
        await caller.hears("方便吗")
        await caller.presses("0")
        await caller.hears("座席暂时无法接听")
        return await site.record(caller.phone.call)


async def test_a_failing_call_leg_holds_nothing_up(result_of: ResultOf) -> None:
    record = await result_of(failing_call_leg)
    said = [line.text for line in record.transcript if line.who == "us"]
    assert "座席暂时无法接听" in said[3]
    assert (record.call.ended_by, record.call.cause) == ("us", "failed")


# --- the service shuts down ---------------------------------------------------------------------------------------


@scenario
async def drained(site: ServiceSite) -> CallRecord:
    async with site.caller() as caller:
        await caller.takes_the_survey(until="态度")
        await site.service.call_manager.drain(0)
        assert APOLOGY in caller.lines[-1].text
        return await site.service.node.records.call(caller.phone.call)


async def test_calls_still_up_after_the_drain_end_with_an_apology(result_of: ResultOf) -> None:
    record = await result_of(drained)
    assert record.values == {"convenient": "yes", "resolved": "yes"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.BREAKOFF, "failed", "us")


@scenario
async def cut_off(site: ServiceSite) -> CallRecord:
    async with site.caller() as caller:
        await caller.takes_the_survey(until="态度")
        await site.service.call_manager.drain(0, apology_s=0)
        return await site.service.node.records.call(caller.phone.call)


async def test_calls_that_do_not_end_are_cut_off_and_their_records_closed(result_of: ResultOf) -> None:
    record = await result_of(cut_off)
    assert record.call.ended_at and len(record.answers) == 2 and len(record.recordings) == 1
