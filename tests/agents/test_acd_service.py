"""The desk, with people who answer by a script: what happens when the stores are away, and what others are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import partial

import pytest

from ivr.agents import presence
from ivr.agents.acd_service import AcdService
from ivr.agents.announcements import Announcements
from ivr.agents.presence_store import PresenceStore
from ivr.agents.roster import Agent, Roster, Rosters, Shift
from ivr.agents.transfer_state import CommandName
from ivr.live.agents import LiveAgents
from ivr.live.client import connect
from ivr.live.embedded import EmbeddedRedis
from ivr.live.feed import EventFeed
from ivr.live.queues import QUEUE, LiveQueues
from ivr.prompts.library import PromptLibrary
from ivr.resource_files import ROOT
from ivr.telephony.port import Call, TransferRefused

CALL = Call("call-1", "asterisk", "inbound", "13812345678", "4000", "survey", "zh-CN")
ROSTERS = Rosters(
    UTC,
    "zh-CN",
    {"zhang": Agent("zhang", "", "1001"), "li": Agent("li", "", "1002", frozenset({"en-US"}))},
    {
        "hotline": Roster({"always": Shift(time(0), time(0), ("zhang", "li"))}, wrap_up_s=600),
        "supervision": Roster({"always": Shift(time(0), time(0), ("li",))}),
    },
)


@dataclass
class ScriptedPerson:
    """Presses these keys, one after the other, then hangs up when `leaves` is set. See port.Person."""

    keys: list[str]
    leaves: asyncio.Event = field(default_factory=asyncio.Event)
    doing: list[str] = field(default_factory=list)

    async def play(self, pcm: bytes) -> None:
        self.doing.append("told")

    async def key(self) -> str:
        if self.keys:
            return self.keys.pop(0)
        await self.leaves.wait()
        return ""

    async def connect(self) -> None:
        self.doing.append("connected")

    async def wait_until_gone(self) -> None:
        await self.leaves.wait()

    async def disconnect(self) -> None:
        self.doing.append("gave back")

    async def ringback(self) -> None:
        self.doing.append("hears ringing")

    async def step_aside(self) -> None:
        self.doing.append("aside")


class Broken(ScriptedPerson):
    """Something of ours fails as soon as they have answered."""

    async def key(self) -> str:
        raise RuntimeError("a fault")


@dataclass
class ScriptedHold:
    """A caller on hold; `people` are those who answer at each phone, the others don't. See port.HeldCaller."""

    people: dict[str, ScriptedPerson]
    rung: list[str] = field(default_factory=list)
    overheard: bool = False
    noted: list[tuple[str, ...]] = field(default_factory=list)

    def note_parties(self, parties: Sequence[str]) -> None:
        self.noted.append(tuple(parties))

    async def play(self, pcm: bytes) -> None:
        return

    async def key(self) -> str:
        await asyncio.Event().wait()
        return ""

    @asynccontextmanager
    async def ring(self, phone: str, shown: str, ring_s: int) -> AsyncIterator[ScriptedPerson]:
        self.rung.append(phone)
        if phone not in self.people:
            raise TransferRefused("no_answer")
        yield self.people[phone]


@dataclass
class Made:
    """A desk, and what it works with."""

    acd: AcdService
    presences: PresenceStore
    feed: EventFeed
    journal: list[tuple[str, str, str]]


@pytest.fixture
async def made(server: EmbeddedRedis) -> AsyncIterator[Made]:
    """Both agents are available; zhang has been idle longer."""
    library = PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC))
    sounds = Announcements(library, lambda words, language: b"")
    journal: list[tuple[str, str, str]] = []

    def write(call: str, agent: str, line: str, at: datetime) -> None:
        journal.append((call, agent, line))

    async with AsyncExitStack() as stack:
        agents = await LiveAgents.open(server.url, retries=1)
        stack.push_async_callback(agents.close)
        queues = await LiveQueues.open(server.url, retries=1)
        stack.push_async_callback(queues.close)
        feed = await EventFeed.open(server.url, retries=1)
        stack.push_async_callback(feed.close)
        presences = PresenceStore(agents)
        for number, agent in enumerate(("zhang", "li")):
            await presences.move(agent, partial(presence.set_available, now=float(number)))
            await presences.move(agent, partial(presence.set_reachable, reachable=True))
        acd = AcdService(lambda: ROSTERS, presences, queues, feed, sounds, "node", lambda: datetime.now(UTC), write)
        yield Made(acd, presences, feed, journal)


def gone(keys: list[str]) -> ScriptedPerson:
    """Somebody who hangs up as soon as they have pressed these keys."""
    person = ScriptedPerson(keys)
    person.leaves.set()
    return person


async def refusal(acd: AcdService, hold: ScriptedHold, line: str = "hotline") -> str:
    with pytest.raises(TransferRefused) as caught:
        await acd.hand_over(CALL, line, "", hold)
    return caught.value.reason


async def test_whoever_has_been_idle_longest_is_asked_first_and_nobody_twice(made):
    hold = ScriptedHold({})
    assert await refusal(made.acd, hold) == "no_answer"
    assert hold.rung == ["1001", "1002"]
    assert {each.state for each in (await made.presences.all()).values()} == {"available"}


async def test_other_keys_mean_nothing(made):
    hold = ScriptedHold({"1001": gone(["5", "*", "1"])})
    await made.acd.hand_over(CALL, "hotline", "", hold)
    assert hold.people["1001"].doing[-1] == "connected" and hold.rung == ["1001"]
    assert (await made.presences.all())["zhang"].state == "wrap_up"


async def test_a_caller_in_another_language_is_for_whoever_speaks_it(made):
    hold = ScriptedHold({"1002": gone(["1"])})
    english = Call("call-2", "asterisk", "inbound", "1", "4000", "survey", "en-US")
    await made.acd.hand_over(english, "hotline", "", hold)
    assert hold.rung == ["1002"]


async def test_others_are_told_step_by_step(made):
    hold = ScriptedHold({"1002": gone(["1"])})
    await made.acd.hand_over(CALL, "hotline", "", hold)
    told = []
    async with asyncio.timeout(5):
        async for _, event in made.feed.follow("0"):
            told.append((event["kind"], event["agent"], event.get("reason")))
            if event["kind"] == "ended":
                break
    assert told == [
        ("offered", "zhang", None),
        ("not_taken", "zhang", "no_answer"),
        ("offered", "li", None),
        ("accepted", "li", None),
        ("ended", "li", None),
    ]


async def test_a_caller_who_is_passed_on_is_taken_by_somebody_of_the_other_line(made):
    first, second = ScriptedPerson(["1"]), gone(["1"])
    hold = ScriptedHold({"1001": first, "1002": second})
    handing = asyncio.create_task(made.acd.hand_over(CALL, "hotline", "", hold))
    obeying = asyncio.create_task(made.acd.run_commands())
    async with asyncio.timeout(10):
        while "gave back" not in first.doing:
            await made.acd.send_command("zhang", CALL.id, "onward", "supervision")
            await asyncio.sleep(0.01)
        await handing
    obeying.cancel()
    assert hold.rung == ["1001", "1002"]
    assert (await made.presences.all())["zhang"].state == "wrap_up"


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1])
async def test_a_caller_who_hangs_up_leaves_nothing_behind(made, server, after):
    hold = ScriptedHold({"1001": ScriptedPerson(["1"])})
    handing = asyncio.create_task(made.acd.hand_over(CALL, "hotline", "", hold))
    while not hold.rung:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await asyncio.sleep(after)
    handing.cancel()
    await asyncio.gather(handing, return_exceptions=True)
    assert (await made.presences.all())["zhang"].state in ("available", "wrap_up")
    async with connect(server.url) as redis:
        assert await redis.keys(f"{QUEUE}*") == []


async def test_without_redis_the_caller_is_back_in_the_flow(made, server):
    await server.close()
    assert await refusal(made.acd, ScriptedHold({})) == "unavailable"


async def test_people_who_talk_are_not_disturbed_when_redis_goes_away(made, server):
    person = ScriptedPerson(["1"])
    handing = asyncio.create_task(made.acd.hand_over(CALL, "hotline", "", ScriptedHold({"1001": person})))
    async with asyncio.timeout(10):
        while "connected" not in person.doing:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await server.close()
    await asyncio.sleep(0.1)
    assert not handing.done()
    person.leaves.set()
    await handing


async def test_who_took_the_call_is_written_down_and_nobody_else(made):
    hold = ScriptedHold({"1001": gone(["2"]), "1002": gone(["1"])})
    await made.acd.hand_over(CALL, "hotline", "", hold)
    assert made.journal == [(CALL.id, "li", "hotline")]


async def test_a_damaged_entry_of_the_queue_does_not_keep_a_caller_from_an_agent(made, server):
    async with connect(server.url) as redis:
        await redis.zadd(f"{QUEUE}hotline", {"foreign": -1, "empty": -1, "worse": -1})
        notes = {"foreign": "[]", "worse": '{"needs": [[]], "tried": [], "offered": false}'}
        await redis.hset(f"{QUEUE}hotline:notes", mapping=notes)
    hold = ScriptedHold({"1001": gone(["1"])})
    await made.acd.hand_over(CALL, "hotline", "", hold)
    assert hold.people["1001"].doing[-1] == "connected"
    assert made.acd._queues.damaged.count == 3


async def wishes(made: Made, what: CommandName, line: str = "") -> None:
    await made.acd.send_command("zhang", CALL.id, what, line)


async def until_told(made: Made, kind: str, **more: object) -> None:
    async with asyncio.timeout(10), aclosing(made.feed.follow("0")) as feed:
        async for _, event in feed:
            if ({"kind": kind} | more).items() <= event.items():
                return


@asynccontextmanager
async def handing_over(made: Made, hold: ScriptedHold) -> AsyncIterator[asyncio.Task[None]]:
    """Within the block zhang has the caller, and wishes are heard."""
    obeying = asyncio.create_task(made.acd.run_commands())
    handing = asyncio.create_task(made.acd.hand_over(CALL, "hotline", "", hold))
    await until_told(made, "accepted", agent="zhang")
    yield handing
    for task in (handing, obeying):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_colleague_is_consulted_and_has_the_caller_in_the_end(made):
    first, second = ScriptedPerson(["1"]), ScriptedPerson(["1"])
    hold = ScriptedHold({"1001": first, "1002": second})
    async with handing_over(made, hold) as handing:
        await wishes(made, "consult", "supervision")
        await until_told(made, "talk", agent="zhang", state="consulting")
        await wishes(made, "leave")
        await until_told(made, "ended", agent="zhang")
        assert (await made.presences.all())["li"].state == "busy"
        second.leaves.set()
        await handing
    assert first.doing == ["told", "connected", "gave back", "hears ringing", "aside"]
    assert second.doing == ["told", "aside", "connected"]
    assert hold.noted == [("caller", "zhang"), (), ("zhang", "li"), ("caller", "li")]


async def test_whoever_cannot_be_asked_for_a_fault_of_ours_is_a_colleague_who_is_not_there(made):
    hold = ScriptedHold({"1001": ScriptedPerson(["1"]), "1002": Broken([])})
    async with handing_over(made, hold):
        await wishes(made, "consult", "supervision")
        await until_told(made, "talk", agent="zhang", state="talking", reason="unavailable")
        assert {name: each.state for name, each in (await made.presences.all()).items()} == {
            "zhang": "busy", "li": "available",
        }  # fmt: skip
    assert hold.people["1001"].doing[-1] == "connected"


async def test_nobody_is_asked_for_a_line_that_has_no_roster(made):
    async with handing_over(made, ScriptedHold({"1001": ScriptedPerson(["1"])})):
        await wishes(made, "consult", "nowhere")
        await until_told(made, "talk", agent="zhang", state="talking", reason="unavailable")


async def test_a_wish_that_the_talk_does_not_allow_is_refused(made):
    async with handing_over(made, ScriptedHold({"1001": ScriptedPerson(["1"])})):
        await wishes(made, "conference")
        await until_told(made, "refused", agent="zhang", wanted="conference")


@pytest.mark.parametrize("missing", ["agent", "line"])
async def test_a_damaged_command_is_skipped_and_the_next_one_is_obeyed(made, missing):
    hold = ScriptedHold({"1001": ScriptedPerson(["1"])})
    async with handing_over(made, hold):
        command = {"kind": "conference", "agent": "zhang", "call": CALL.id, "line": ""}
        await made.feed.publish({key: value for key, value in command.items() if key != missing})
        await made.feed.publish(command | {missing: 7})
        await wishes(made, "conference")
        await until_told(made, "refused", agent="zhang", wanted="conference")
        assert made.feed.damaged.count == 2


async def test_when_the_caller_hangs_up_both_are_told(made):
    hold = ScriptedHold({"1001": ScriptedPerson(["1"]), "1002": ScriptedPerson(["1"])})
    async with handing_over(made, hold) as handing:
        await wishes(made, "consult", "supervision")
        await until_told(made, "talk", agent="li", state="consulting")
        handing.cancel()
        for agent in ("zhang", "li"):
            await until_told(made, "ended", agent=agent, by="caller")
