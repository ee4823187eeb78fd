"""The whole service: an agent consults and hands over through the API; screens, record and recording tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from ivr.records.record import CallRecord
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import babble
from tests.asterisk.system import SystemFixture, running_system
from tests.asterisk.test_agents import CALLER, LI, ZHANG, Screen, asks_for_a_person, becomes, says, screen
from tests.asterisk.test_agents import ROSTERS as HOTLINE
from tests.asterisk.test_survey import likeness, sides

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(2)]

BLIND = "1053"
ROSTERS = f"""{HOTLINE}
  supervision:
    wrap_up_s: 300
    shifts:
      always: {{starts: "00:00", ends: "00:00", agents: [li]}}
  deserted:
    shifts:
      over: {{starts: "00:00", ends: "00:00", agents: [li], last: 2020-01-01}}
"""
SAID = {"caller": babble(1.0, seed=71), "zhang": babble(1.0, seed=72), "li": babble(1.0, seed=73)}


@dataclass(frozen=True)
class Story:
    """A call on which a colleague was consulted, and one that was passed on to a line where nobody is."""

    zhang: Screen
    li: Screen
    busy: dict[str, str]
    record: CallRecord
    passed_on: CallRecord
    system: SystemFixture


async def posts(system: SystemFixture, agent: str, what: str, **body: str) -> int:
    return (await system.asks(body, f"agents/{agent}/{what}"))[0]


async def takes(phone: Phone, shown: Screen) -> PhoneCall:
    """Pick up, and press 1 in the whisper; the last call that a screen shows is theirs then."""
    call = await phone.called()
    call.ring()
    call.answer()
    await call.hears_sound()
    await call.press("1")
    await shown.shows("accepted")
    return call


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    data: Path = tmp_path_factory.mktemp("house")
    (data / "rosters.yaml").write_text(ROSTERS, encoding="utf-8")
    async with running_system(data) as system, system.served():
        phone, zhangs, lis = await system.phone(CALLER), await system.phone(ZHANG), await system.phone(LI)
        for agent in ("zhang", "li"):
            await says(system, agent, {"state": "available"})
            await becomes(system, agent, "available")
        async with screen(system, "zhang") as zhang, screen(system, "li") as li:
            caller = await asks_for_a_person(system, phone)
            agent = await takes(zhangs, zhang)
            assert await posts(system, "zhang", "consult", line="supervision") == 202
            colleague = await takes(lis, li)
            await zhang.shows("talk", state="consulting")
            busy = {who: str((await becomes(system, who, "busy"))["call"]) for who in ("zhang", "li")}
            assert await posts(system, "zhang", "conference") == 202
            await li.shows("talk", state="conference")
            for who, call in (("caller", caller.call), ("zhang", agent), ("li", colleague)):
                await asyncio.sleep(0.2)
                await call.say(SAID[who])
            await asyncio.sleep(0.3)
            assert await posts(system, "zhang", "leave") == 202
            await agent.ended()
            await li.shows("talk", state="talking")
            await colleague.hang_up()
            await li.shows("ended")
        await caller.call.ended()
        passed_on = await nobody_is_there(system, zhangs)
        yield Story(zhang, li, busy, await system.record_of(CALLER), passed_on, system)
        await system.nothing_is_left()


async def nobody_is_there(system: SystemFixture, zhangs: Phone) -> CallRecord:
    """An agent passes a caller on to a line where nobody is on duty."""
    await says(system, "zhang", {"state": "available"})
    await becomes(system, "zhang", "available")
    async with screen(system, "zhang") as zhang:
        caller = await asks_for_a_person(system, await system.phone(BLIND))
        agent = await takes(zhangs, zhang)
        assert await posts(system, "zhang", "transfer", line="deserted") == 202
        await agent.ended()
        await caller.hears_out("common.transfer_failed")
        await zhang.shows("ended")
    return await system.record_of(BLIND)


async def test_both_are_busy_with_the_same_call(told):
    assert told.busy == {"zhang": told.record.call.id, "li": told.record.call.id}


async def test_the_screens_tell_who_talks_with_whom(told):
    talks = [
        [(event["state"], event["colleague"]) for event in shown.events if event["kind"] == "talk"]
        for shown in (told.zhang, told.li)
    ]
    assert talks == [
        [("asking", ""), ("consulting", "li"), ("conference", "li")],
        [("consulting", "zhang"), ("conference", "zhang"), ("talking", "")],
    ]
    assert [event["asked_by"] for event in told.li.events if event["kind"] in ("offered", "accepted")] == ["zhang"] * 2


async def test_the_record_tells_who_talked_with_whom_and_when(told):
    lines = [line for line in told.record.transcript if line.who == "talk"]
    assert [line.text for line in lines] == [
        "caller – zhang", "–", "zhang – li", "caller – zhang – li", "caller – li",
    ]  # fmt: skip
    assert [line.at_ms for line in lines] == sorted(line.at_ms for line in lines)


async def test_the_recording_goes_on_with_all_three(told):
    left, right = sides(told.record)
    assert likeness(left, SAID["caller"]) > 0.9
    assert min(likeness(right, SAID["zhang"]), likeness(right, SAID["li"])) > 0.9
    assert max(likeness(left, SAID["zhang"]), likeness(left, SAID["li"]), likeness(right, SAID["caller"])) < 0.3


async def test_a_caller_whom_nobody_of_the_other_line_takes_is_called_back(told):
    assert [case.kind for case in told.passed_on.cases] == ["call_wanted"]
    events = [turn.event for turn in told.passed_on.turns]
    assert [event.reason for event in events if hasattr(event, "reason")] == ["unavailable"]


@pytest.mark.parametrize("what", ["consult", "conference", "return", "leave", "transfer"])
async def test_only_who_has_a_call_may_want_something_on_it(told, what):
    assert await posts(told.system, "li", what, line="hotline") == 409
    assert await posts(told.system, "wang", what, line="hotline") == 404


@pytest.mark.parametrize("body", [{}, {"line": "nowhere"}, {"line": "hotline", "color": "red"}], ids=str)
async def test_whom_to_consult_must_be_a_line(told, body):
    status, said = await told.system.asks(body, "agents/zhang/consult")
    assert status == 422 and said["faults"]
