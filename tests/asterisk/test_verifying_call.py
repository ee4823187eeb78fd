"""The service calls the customer of a rectified case, and the answer moves the case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from ivr.complaints.case_queries import CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.case import CaseFile
from ivr.resource_files import ROOT
from tests.asterisk.caller import Caller
from tests.asterisk.phone import Phone
from tests.asterisk.system import SystemFixture, running_system
from tests.complaints.people import TO_THE_REPLY, complain, work

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]

HOURS = ('opens: "09:00", closes: "20:00"', 'opens: "00:00", closes: "23:59:59.999999"')
SETTLED_S = 60


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SystemFixture]:
    """A service that places verifying calls at any hour, as the tests run at any hour."""
    data = tmp_path_factory.mktemp("system")
    lines = (ROOT / "lines.yaml").read_text(encoding="utf-8")
    assert HOURS[0] in lines
    (data / "lines.yaml").write_text(lines.replace(*HOURS), encoding="utf-8")
    async with running_system(data) as system, system.served():
        yield system
        await system.nothing_is_left()


async def rectified(system: SystemFixture, phone: Phone) -> str:
    """A case that was rectified two days ago, with this phone's number; return the case number."""
    assert system.service
    at = system.service.node.now() - timedelta(days=2)
    call = f"call-{phone.account.name}"
    await complain(system.records, "bad_review", call, at, resolved="no", phone=phone.account.name)
    [case] = (await system.records.call(call)).cases
    await work(CaseService(system.records.database, system.service.rules), case.number, TO_THE_REPLY, at)
    return case.number


async def settled(system: SystemFixture, number: str, step: str) -> CaseFile:
    """The case, once a step is in its history."""
    async with asyncio.timeout(SETTLED_S):
        while True:
            file = await CaseQueries(system.records.database).case(number, "staff")
            if step in [done.what for done in file.steps]:
                return file
            await asyncio.sleep(0.2)


async def answered(system: SystemFixture, phone: Phone) -> Caller:
    """Answer the verifying call and listen to its opening."""
    call = await phone.called()
    call.ring()
    call.answer()
    caller = system.caller_on(call)
    await caller.hears_out("verify.opening")
    return caller


async def test_a_customer_confirms_the_solution_by_voice(system: SystemFixture) -> None:
    phone = await system.phone()
    number = await rectified(system, phone)
    caller = await answered(system, phone)
    await caller.says("方便")
    await caller.hears_out("survey.resolved")
    await caller.says("解决了")
    await caller.hears_out("verify.thanks")
    file = await settled(system, number, "archive")
    assert (file.case.state, file.verifying_calls[0].state) == ("archived", "done")
    record = next(call for call in await system.records.calls(9) if call.flow == "verify")
    assert (record.direction, record.called, record.disposition) == ("outbound", phone.account.name, "completed")


async def test_a_customer_denies_the_solution_by_key(system: SystemFixture) -> None:
    phone = await system.phone()
    number = await rectified(system, phone)
    caller = await answered(system, phone)
    await caller.presses("1")
    await caller.hears_out("survey.resolved")
    await caller.presses("2")
    await caller.hears_out("verify.sorry")
    file = await settled(system, number, "escalate")
    assert (file.case.state, file.case.tier) == ("investigating", "assistance")


async def test_a_busy_customer_is_called_later_and_the_case_stays_open(system: SystemFixture) -> None:
    phone = await system.phone()
    number = await rectified(system, phone)
    call = await phone.called()
    call.ring()
    call.refuse(486)
    file = await settled(system, number, "called")
    [verifying] = file.verifying_calls
    assert (file.case.state, verifying.state, verifying.attempts) == ("replied", "open", 1)
    assert verifying.next_at is not None and "busy; next attempt on" in file.steps[-1].why
