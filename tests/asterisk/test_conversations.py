"""The contract of whole conversations (tests/contract), on a real Asterisk with real phones."""

from __future__ import annotations

import pytest
import pytest_asyncio

from ivr.devtools.softphone import CallRefused
from tests.asterisk.system import FALLBACK, asterisk_of, running_system
from tests.contract.stations import LINE, Conversation, Station
from tests.contract.test_conversations import *  # noqa: F403
from tests.contract.test_conversations import hold_all

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(6)]

PERSON = "1090"
TARGETS = {"hotline": f"PJSIP/{PERSON}"}


class AsteriskStation(Station):
    """Phones at a private Asterisk."""

    def __init__(self, service, system, person):
        super().__init__(service)
        self.system, self.person_phone = system, person
        self.phones = {}

    @property
    def network(self):
        return asterisk_of(self.service)

    async def call(self):
        phone = await self.system.phone()
        call = await phone.call(LINE)
        await call.answered()
        name = phone.account.name
        if self.network.slots.capacity == 0:
            await call.hang_up()
            raise CallRefused("a person took the call")
        return Conversation(self, call, lambda record: record.caller == name)

    async def person_called(self):
        return await self.person_phone.called()

    async def called(self, number):
        return await self.phones[number].called()

    def conversation(self, handset, number):
        return Conversation(self, handset, lambda record: record.called == number)

    def refuse(self, call):
        call.refuse(486)

    async def lose(self, conversation):
        conversation.caller.call.voice.silent = True

    async def number(self):
        phone = await self.system.phone()
        self.phones[phone.account.name] = phone
        return phone.account.name


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def results(tmp_path_factory):
    async with running_system(tmp_path_factory.mktemp("system"), targets=TARGETS) as system, system.served() as service:
        await system.phone(FALLBACK)
        yield await hold_all(AsteriskStation(service, system, await system.phone(PERSON)))
        await system.nothing_is_left()
