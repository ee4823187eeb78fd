"""The whole service with agents: a caller asks for a person, an agent sees and takes the call, both are recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import ClientSession, ClientTimeout

from ivr.records.record import CallRecord
from tests.asterisk.caller import Caller
from tests.asterisk.phone import Phone
from tests.asterisk.sound import RATE, Heard, babble
from tests.asterisk.system import SystemFixture, running_system
from tests.asterisk.test_survey import likeness, sides
from tests.asterisk.test_warm_transfer import clear

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(2)]

ZHANG, LI, CALLER = "1050", "1051", "1052"
ROSTERS = f"""
version: 1
agents:
  zhang: {{name: 张伟, phone: "{ZHANG}"}}
  li: {{name: 李娜, phone: "{LI}"}}
lines:
  hotline:
    wrap_up_s: 300
    shifts:
      always: {{starts: "00:00", ends: "00:00", agents: [zhang]}}
"""
TO_CALLER, TO_AGENT = babble(1.0, seed=51), babble(1.0, seed=52)


@dataclass
class Screen:
    """What an agent's screen was sent."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]

    async def shows(self, kind: str, **more: object) -> dict[str, Any]:
        """Wait for an event."""
        wanted = {"kind": kind} | more
        async with asyncio.timeout(60):
            while not (found := [event for event in self.events if wanted.items() <= event.items()]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found[0]

    async def read(self, system: SystemFixture, agent: str, after: str = "") -> None:
        headers = {"Last-Event-ID": after} if after else {}
        async with (
            ClientSession(timeout=ClientTimeout(total=None)) as http,
            http.get(f"{address(system)}/{agent}/events", headers=headers) as stream,
        ):
            assert stream.status == 200 and stream.content_type == "text/event-stream"
            event_id = ""
            async for line in stream.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    event_id = value
                elif name == "data":
                    self.events.append(json.loads(value))
                    self.ids.append(event_id)


def address(system: SystemFixture) -> str:
    return system.site.service.replace("ws:", "http:") + "/api/v1/agents"


@asynccontextmanager
async def screen(system: SystemFixture, agent: str, after: str = "") -> AsyncIterator[Screen]:
    shown = Screen()
    reading = asyncio.create_task(shown.read(system, agent, after))
    try:
        yield shown
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def says(system: SystemFixture, agent: str, body: object) -> tuple[int, Any]:
    """PUT an agent's word."""
    async with ClientSession() as http, http.put(f"{address(system)}/{agent}/presence", json=body) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


async def listed(system: SystemFixture) -> dict[str, dict[str, Any]]:
    async with ClientSession() as http, http.get(address(system)) as answer:
        return {agent["id"]: agent for agent in (await answer.json())["agents"]}


async def becomes(system: SystemFixture, agent: str, state: str) -> dict[str, Any]:
    """Wait until an agent is in a state."""
    async with asyncio.timeout(60):
        while (found := (await listed(system))[agent])["state"] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found


async def asks_for_a_person(system: SystemFixture, phone: Phone) -> Caller:
    caller = await system.caller(phone)
    await caller.hears_out("survey.opening")
    await caller.presses("0")
    return caller


@dataclass(frozen=True)
class Story:
    """A call that an agent took, from all sides."""

    before: dict[str, dict[str, Any]]
    signed_on: dict[str, Any]
    screen: Screen
    again: Screen
    heard_by_agent: np.ndarray
    heard_by_caller: np.ndarray
    after: dict[str, Any]
    record: CallRecord
    untaken: CallRecord
    system: SystemFixture


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    data: Path = tmp_path_factory.mktemp("house")
    (data / "rosters.yaml").write_text(ROSTERS, encoding="utf-8")
    async with running_system(data) as system, system.served():
        phone, zhang = await system.phone(CALLER), await system.phone(ZHANG)
        before = await listed(system)
        other = await system.phone()
        async with screen(system, "zhang") as shown:
            await says(system, "zhang", {"state": "available"})
            signed_on = await becomes(system, "zhang", "available")
            caller = await asks_for_a_person(system, phone)
            agent = await zhang.called()
            agent.ring()
            await shown.shows("offered")
            agent.answer()
            await agent.hears_sound()
            await agent.press("1")
            await shown.shows("accepted")
            untaken = asyncio.create_task(nobody_is_free(system, other))
            await asyncio.sleep(0.2)
            await asyncio.gather(agent.say(TO_CALLER), caller.call.say(TO_AGENT))
            await asyncio.sleep(0.3)
            await agent.hang_up()
            await shown.shows("ended")
        after = await becomes(system, "zhang", "wrap_up")
        await caller.call.ended()
        async with screen(system, "zhang", shown.ids[shown.kinds().index("offered")]) as again:
            await again.shows("ended")
        record = await system.record_of(CALLER)
        yield Story(
            before, signed_on, shown, again, agent.heard().samples, caller.heard.samples, after, record, await untaken,
            system,
        )  # fmt: skip
        await system.nothing_is_left()


async def nobody_is_free(system: SystemFixture, phone: Phone) -> CallRecord:
    """Somebody who asks for a person while the only agent talks, and does not want to wait."""
    caller = await asks_for_a_person(system, phone)
    await asyncio.sleep(len(caller.detector.sound("common.transfer")) / RATE + 1.5)
    await caller.presses("#")
    await caller.hears_out("common.transfer_failed")
    return await system.record_of(phone.account.name)


async def test_who_has_said_nothing_is_away(told):
    assert {agent: shown["state"] for agent, shown in told.before.items()} == {"zhang": "away", "li": "away"}
    assert told.before["zhang"] == {
        "id": "zhang", "name": "张伟", "phone": ZHANG, "skills": [], "on_duty": ["hotline"], "state": "away",
        "call": None, "line": None,
    }  # fmt: skip
    assert told.before["li"]["on_duty"] == []


async def test_who_is_there_with_a_registered_phone_is_available(told):
    assert told.signed_on["state"] == "available"
    assert (await says(told.system, "li", {"state": "available"}))[1]["state"] == "unreachable"


async def test_the_two_hear_each_other(told):
    assert Heard(0, told.heard_by_agent).find(TO_AGENT).likeness > 0.97
    assert Heard(0, told.heard_by_caller).find(TO_CALLER).likeness > 0.97


async def test_the_agents_screen_tells_the_call_from_the_offer_to_its_end(told):
    assert [kind for kind in told.screen.kinds() if kind != "presence"] == ["offered", "accepted", "ended"]
    accepted = told.screen.events[told.screen.kinds().index("accepted")]
    assert accepted.items() >= {
        "agent": "zhang", "line": "hotline", "caller": CALLER, "call": told.record.call.id, "answers": {}, "cases": [],
    }.items()  # fmt: skip
    assert told.screen.events[-1]["wrap_up_s"] == 300
    assert told.after["state"] == "wrap_up"


async def test_a_screen_that_comes_back_misses_nothing(told):
    assert told.again.kinds() == ["presence", "accepted", "ended"]


async def test_the_recording_goes_on_with_both_sides_apart(told):
    left, right = sides(told.record)
    assert clear(Heard(0, left), TO_AGENT) and likeness(left, TO_CALLER) < 0.3
    assert clear(Heard(0, right), TO_CALLER) and likeness(right, TO_AGENT) < 0.3


async def test_a_caller_who_does_not_want_to_wait_is_called_back(told):
    assert [case.kind for case in told.untaken.cases] == ["call_wanted"]
    events = [turn.event for turn in told.untaken.turns]
    assert [event.reason for event in events if hasattr(event, "reason")] == ["gave_up"]


@pytest.mark.parametrize("body", [{}, {"state": "asleep"}, {"state": "away", "color": "red"}], ids=str)
async def test_a_word_that_means_nothing_is_refused(told, body):
    status, said = await says(told.system, "zhang", body)
    assert status == 422 and said["faults"]


async def test_an_agent_whom_nobody_knows(told):
    assert (await says(told.system, "wang", {"state": "away"}))[0] == 404


async def test_an_agent_may_end_the_wrap_up_and_go_away(told):
    assert (await says(told.system, "zhang", {"state": "away"}))[1]["state"] == "away"


async def test_only_who_has_a_caller_can_pass_them_on_and_only_to_a_line(told):
    assert (await told.system.post({"line": "hotline"}, "agents/zhang/transfer"))[0] == 409
    status, said = await told.system.post({"line": "nowhere"}, "agents/zhang/transfer")
    assert (status, said) == (422, {"faults": [{"path": "line", "reason": "there is no line “nowhere”"}]})
    assert (await told.system.post({}, "agents/zhang/transfer"))[0] == 422
    assert (await told.system.post({"line": "hotline"}, "agents/wang/transfer"))[0] == 404
