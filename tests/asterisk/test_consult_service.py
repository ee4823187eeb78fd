"""The whole service: an agent consults and transfers through the API; screens, record and recording show it."""

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

TRANSFER_CALLER = "1053"
ROSTERS = f"""{HOTLINE}
  supervision:
    wrap_up_s: 300
    shifts:
      always: {{starts: "00:00", ends: "00:00", agents: [li]}}
  deserted:
    shifts:
      over: {{starts: "00:00", ends: "00:00", agents: [li], last: 2020-01-01}}
"""
SPEECH = {"caller": babble(1.0, seed=71), "zhang": babble(1.0, seed=72), "li": babble(1.0, seed=73)}


@dataclass(frozen=True)
class ConsultResult:
    """A call with a consultation, and a call passed to a line without agents on duty."""

    zhang: Screen
    li: Screen
    busy: dict[str, str]
    record: CallRecord
    passed_on: CallRecord
    system: SystemFixture


async def post(system: SystemFixture, agent: str, what: str, **body: str) -> int:
    return (await system.post(body, f"agents/{agent}/{what}"))[0]


async def takes(phone: Phone, shown: Screen) -> PhoneCall:
    """Pick up, press 1 during the whisper, and wait until the agent's screen shows the call."""
    call = await phone.called()
    call.ring()
    call.answer()
    await call.hears_sound()
    await call.press("1")
    await shown.shows("accepted")
    return call


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def result(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ConsultResult]:
    data: Path = tmp_path_factory.mktemp("system")
    (data / "rosters.yaml").write_text(ROSTERS, encoding="utf-8")
    async with running_system(data) as system, system.served():
        phone, zhang_phone, li_phone = await system.phone(CALLER), await system.phone(ZHANG), await system.phone(LI)
        for agent in ("zhang", "li"):
            await says(system, agent, {"state": "available"})
            await becomes(system, agent, "available")
        async with screen(system, "zhang") as zhang, screen(system, "li") as li:
            caller = await asks_for_a_person(system, phone)
            agent = await takes(zhang_phone, zhang)
            assert await post(system, "zhang", "consult", line="supervision") == 202
            colleague = await takes(li_phone, li)
            await zhang.shows("talk", state="consulting")
            busy = {who: str((await becomes(system, who, "busy"))["call"]) for who in ("zhang", "li")}
            assert await post(system, "zhang", "conference") == 202
            await li.shows("talk", state="conference")
            for who, call in (("caller", caller.call), ("zhang", agent), ("li", colleague)):
                await asyncio.sleep(0.2)
                await call.say(SPEECH[who])
            await asyncio.sleep(0.3)
            assert await post(system, "zhang", "leave") == 202
            await agent.ended()
            await li.shows("talk", state="talking")
            await colleague.hang_up()
            await li.shows("ended")
        await caller.call.ended()
        passed_on = await transfer_to_an_empty_line(system, zhang_phone)
        yield ConsultResult(zhang, li, busy, await system.record_of(CALLER), passed_on, system)
        await system.nothing_is_left()


async def transfer_to_an_empty_line(system: SystemFixture, zhang_phone: Phone) -> CallRecord:
    """An agent transfers a caller to a line without agents on duty."""
    await says(system, "zhang", {"state": "available"})
    await becomes(system, "zhang", "available")
    async with screen(system, "zhang") as zhang:
        caller = await asks_for_a_person(system, await system.phone(TRANSFER_CALLER))
        agent = await takes(zhang_phone, zhang)
        assert await post(system, "zhang", "transfer", line="deserted") == 202
        await agent.ended()
        await caller.hears_out("common.transfer_failed")
        await zhang.shows("ended")
    return await system.record_of(TRANSFER_CALLER)


async def test_both_agents_are_busy_with_the_same_call(result):
    assert result.busy == {"zhang": result.record.call.id, "li": result.record.call.id}


async def test_the_screens_show_who_talks_with_whom(result):
    talks = [
        [(event["state"], event["colleague"]) for event in shown.events if event["kind"] == "talk"]
        for shown in (result.zhang, result.li)
    ]
    assert talks == [
        [("asking", ""), ("consulting", "li"), ("conference", "li")],
        [("consulting", "zhang"), ("conference", "zhang"), ("talking", "")],
    ]
    assert [event["asked_by"] for event in result.li.events if event["kind"] in ("offered", "accepted")] == [
        "zhang"
    ] * 2


async def test_the_record_says_who_talked_with_whom_and_when(result):
    lines = [line for line in result.record.transcript if line.who == "talk"]
    assert [line.text for line in lines] == [
        "caller – zhang", "–", "zhang – li", "caller – zhang – li", "caller – li",
    ]  # fmt: skip
    assert [line.at_ms for line in lines] == sorted(line.at_ms for line in lines)


async def test_the_recording_contains_all_three_parties(result):
    left, right = sides(result.record)
    assert likeness(left, SPEECH["caller"]) > 0.9
    assert min(likeness(right, SPEECH["zhang"]), likeness(right, SPEECH["li"])) > 0.9
    assert max(likeness(left, SPEECH["zhang"]), likeness(left, SPEECH["li"]), likeness(right, SPEECH["caller"])) < 0.3


async def test_a_caller_untaken_by_the_other_line_gets_a_callback_case(result):
    assert [case.kind for case in result.passed_on.cases] == ["call_wanted"]
    events = [turn.event for turn in result.passed_on.turns]
    assert [event.reason for event in events if hasattr(event, "reason")] == ["unavailable"]


@pytest.mark.parametrize("what", ["consult", "conference", "return", "leave", "transfer"])
async def test_only_the_agent_on_a_call_may_send_its_commands(result, what):
    assert await post(result.system, "li", what, line="hotline") == 409
    assert await post(result.system, "wang", what, line="hotline") == 404


@pytest.mark.parametrize("body", [{}, {"line": "nowhere"}, {"line": "hotline", "color": "red"}], ids=str)
async def test_the_consulted_line_must_exist(result, body):
    status, said = await result.system.post(body, "agents/zhang/consult")
    assert status == 422 and said["faults"]
