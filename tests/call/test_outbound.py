"""Outbound calls on the scripted network: what becomes of calls that no person takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ivr.devtools.scripted_network.phone import ScriptedPhoneCall
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.contract.stations import Station, scripted_station

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def station(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    async with scripted_station(tmp_path_factory.mktemp("service")) as running:
        yield running


async def ringing(station: Station) -> tuple[ScriptedPhoneCall, asyncio.Task[None], str]:
    """A phone that the service calls, the task that calls it, and its number."""
    number = await station.number()
    placing = station.place(number)
    return await station.called(number), placing, number


async def record(station: Station, number: str) -> CallRecord:
    return await station.conversation(None, number).record()


async def test_a_machine_that_answers_is_hung_up_and_recorded_as_one(station: Station) -> None:
    call, placing, number = await ringing(station)
    call.answer(by="machine")
    await placing
    await call.ended()
    closed = (await record(station, number)).call
    assert (closed.disposition, closed.aapor) == (Disposition.MACHINE, "3.14")
    assert (closed.cause, closed.ended_by, closed.answered_at) == ("normal", "us", None)


async def test_a_person_who_answers_hears_the_survey(station: Station) -> None:
    call, placing, number = await ringing(station)
    call.answer(by="person")
    async with asyncio.timeout(30):
        while not call.loud_until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await call.hang_up()
    await placing
    assert (await record(station, number)).call.answered_at


@pytest.mark.parametrize(
    ("cause", "disposition"),
    [("busy", Disposition.BUSY), ("rejected", Disposition.NO_ANSWER), ("congestion", Disposition.FAILED)],
)
async def test_a_phone_that_is_not_answered(station: Station, cause: str, disposition: Disposition) -> None:
    call, placing, number = await ringing(station)
    call.refuse(cause)
    await placing
    closed = (await record(station, number)).call
    assert (closed.disposition, closed.cause, closed.ended_by) == (disposition, cause, "network")


async def test_a_number_that_does_not_exist(station: Station) -> None:
    await station.place("5550000")
    closed = (await record(station, "5550000")).call
    assert (closed.disposition, closed.cause) == (Disposition.UNREACHABLE, "unreachable")
