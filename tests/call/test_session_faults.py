"""Calls that a fault of ours hits: the caller hears so, and nothing that was answered is lost."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from ivr.events import EndedBy
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from ivr.telephony.browser.stream import BrowserCallLeg
from recognizer.base import Hypothesis
from recognizer.scripted import ScriptedRecognizer
from tests.call.caller import ANSWERS, Site, TestCaller, a_site, beside

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.calls(6)]

APOLOGY = "系统出现故障"
NUMBER = "13912345678"

Story = Callable[[Site], Awaitable[CallRecord]]
STORIES: list[Story] = []


def story(tell: Story) -> Story:
    """A call on a service of its own, led at the same time as all others; gives its record."""
    STORIES.append(tell)
    return tell


class Notes(logging.Handler):
    """Everything that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += logging.Formatter().format(record) + "\n"


@pytest.fixture(scope="module")
def logged() -> Iterator[Notes]:
    notes = Notes()
    logging.getLogger().addHandler(notes)
    yield notes
    logging.getLogger().removeHandler(notes)


Telling = Callable[[Story], Awaitable[CallRecord]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory, logged: Notes) -> AsyncIterator[Telling]:
    calls: dict[Story, asyncio.Future[CallRecord]] = {}
    async with AsyncExitStack() as stack:
        for tell in STORIES:
            site = await stack.enter_async_context(a_site(tmp_path_factory.mktemp("service")))
            calls[tell] = asyncio.ensure_future(tell(site))
        yield lambda tell: calls[tell]
        for call in calls.values():
            call.cancel()
        await asyncio.gather(*calls.values(), return_exceptions=True)


# --- the stores ---------------------------------------------------------------------------------------------------


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Another program holds the SQLite file's lock: nothing can be written."""
    with closing(sqlite3.connect(site.settings.data / "records.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


REST = {"收费了吗": "2", "打分": "9", "建议": "2"}
"""The questions after that for the attitude, with their keys."""


async def goes_on(person: TestCaller) -> None:
    """Answer the question for the attitude and all others, and hang up."""
    await person.presses("1")
    await person.takes_the_survey(keys=REST)
    await person.hears("感谢")
    await person.phone.hang_up()


@story
async def database_away(site: Site) -> CallRecord:
    async with beside(site, caller=NUMBER) as door, door.person() as person:
        await person.takes_the_survey(until="态度")
        with locked(site):
            await goes_on(person)
        return await site.record(person.phone.call)


async def test_a_call_goes_on_while_the_database_is_away_and_is_written_when_it_is_back(told: Telling) -> None:
    record = await told(database_away)
    assert record.values == ANSWERS | {"comments": None}
    assert (record.call.disposition, record.call.cause) == (Disposition.COMPLETED, "normal")


async def test_the_number_of_a_caller_is_kept_and_not_logged(told: Telling, logged: Notes) -> None:
    record = await told(database_away)
    assert record.call.caller == NUMBER
    assert "wait for the database" in logged.text and NUMBER not in logged.text


@story
async def no_database(site: Site) -> CallRecord:
    async with AsyncExitStack() as stack:
        with locked(site):
            person = await stack.enter_async_context(site.person())
            await person.takes_the_survey(until="态度")
            await goes_on(person)
        return await site.record(person.phone.call)


async def test_a_call_that_meets_no_database_at_all_is_led_and_kept_later(told: Telling) -> None:
    record = await told(no_database)
    assert record.values == ANSWERS | {"comments": None} and record.call.cause == "normal"


def redis(site: Site) -> psutil.Process:
    (server,) = [child for child in psutil.Process().children() if Path(child.cwd()) == site.settings.data / "redis"]
    return server


@story
async def redis_restarted(site: Site) -> CallRecord:
    async with site.person() as person:
        await person.takes_the_survey(until="态度")
        redis(site).kill()
        await goes_on(person)
        return await site.record(person.phone.call)


async def test_a_restart_of_redis_passes_unnoticed(told: Telling) -> None:
    record = await told(redis_restarted)
    assert record.values == ANSWERS | {"comments": None}
    assert record.call.disposition is Disposition.COMPLETED


@contextmanager
def hung(server: psutil.Process) -> Iterator[None]:
    """The server answers nothing within the block."""
    server.suspend()
    try:
        yield
    finally:
        server.resume()


@story
async def redis_hung(site: Site) -> CallRecord:
    async with site.person() as person:
        await person.takes_the_survey(until="态度")
        with hung(redis(site)):
            await goes_on(person)
            return await site.record(person.phone.call)


async def test_a_call_goes_on_while_redis_does_not_answer(told: Telling) -> None:
    record = await told(redis_hung)
    assert record.values == ANSWERS | {"comments": None}
    assert (record.call.disposition, record.call.cause) == (Disposition.COMPLETED, "normal")


@story
async def both_away(site: Site) -> CallRecord:
    async with site.person() as person:
        await person.takes_the_survey(until="态度")
        with locked(site), hung(redis(site)):
            await person.presses("1")
            await person.hears(APOLOGY)
            assert (await person.phone.ended()).by == "us"
        return await site.record(person.phone.call)


async def test_with_no_store_left_the_call_ends_with_an_apology_and_everything_is_kept(told: Telling) -> None:
    record = await told(both_away)
    assert record.values == {"convenient": "yes", "resolved": "yes", "attitude": "satisfied"}
    assert (record.call.disposition, record.call.cause) == (Disposition.PARTIAL, "failed")
    assert APOLOGY in record.transcript[-1].text and not record.transcript[-1].text.endswith("——")


# --- the recogniser and the line ----------------------------------------------------------------------------------


@story
async def deaf(site: Site) -> CallRecord:
    hearing_nothing = ScriptedRecognizer(unheard={"方便": "no such word"})
    async with beside(site, recognizer=hearing_nothing) as door, door.person() as person:
        await person.hears_out("方便吗")
        await person.says("方便")
        await person.hears("没听清")
        await person.presses("1")
        await person.hears("解决了吗")
        await person.phone.hang_up()
        return await site.record(person.phone.call)


async def test_with_a_recogniser_that_fails_the_survey_goes_on_by_keys(told: Telling, logged: Notes) -> None:
    record = await told(deaf)
    assert record.values == {"convenient": "yes"} and record.call.cause == "normal"
    assert "no such word" in logged.text


@story
async def refusing(site: Site) -> CallRecord:
    hearing_refusals = ScriptedRecognizer([[Hypothesis("别打了", 0.97)]] * 3)
    async with beside(site, recognizer=hearing_refusals) as door, door.person() as person:
        await person.hears_out("方便吗")
        await person.says("不方便")
        await person.hears("不打扰您了")
        return await site.record(person.phone.call)


async def test_who_refuses_is_left_in_peace(told: Telling) -> None:
    assert (await told(refusing)).call.disposition is Disposition.REFUSED


class ClumsyLine(BrowserCallLeg):
    """Its transfers fail in a way that the port knows nothing of, and it cannot hang up."""

    async def transfer(self, target: str, whisper: str) -> EndedBy:
        raise RuntimeError("out of order")

    async def hang_up(self) -> None:
        raise RuntimeError("out of order")


@story
async def clumsy_line(site: Site) -> CallRecord:
    async with beside(site, line=ClumsyLine) as door, door.person() as person:
        await person.hears("方便吗")
        await person.presses("0")
        await person.hears("座席暂时无法接听")
        return await site.record(person.phone.call)


async def test_a_line_that_fails_at_everything_holds_nothing_up(told: Telling) -> None:
    record = await told(clumsy_line)
    said = [line.text for line in record.transcript if line.who == "us"]
    assert "座席暂时无法接听" in said[3]
    assert (record.call.ended_by, record.call.cause) == ("us", "failed")


# --- the service ends ---------------------------------------------------------------------------------------------


@story
async def led_out(site: Site) -> CallRecord:
    async with site.person() as person:
        await person.takes_the_survey(until="态度")
        await site.service.call_manager.drain(0)
        assert APOLOGY in person.lines[-1].text
        return await site.service.node.records.call(person.phone.call)


async def test_calls_are_led_out_with_an_apology_when_the_service_cannot_wait_longer(told: Telling) -> None:
    record = await told(led_out)
    assert record.values == {"convenient": "yes", "resolved": "yes"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.BREAKOFF, "failed", "us")


@story
async def cut_off(site: Site) -> CallRecord:
    async with site.person() as person:
        await person.takes_the_survey(until="态度")
        await site.service.call_manager.drain(0, apology_s=0)
        return await site.service.node.records.call(person.phone.call)


async def test_calls_that_do_not_end_are_cut_off_with_their_records_closed(told: Telling) -> None:
    record = await told(cut_off)
    assert record.call.ended_at and len(record.answers) == 2 and len(record.recordings) == 1
