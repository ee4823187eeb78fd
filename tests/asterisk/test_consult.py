"""An agent consults a colleague while the caller holds: who hears whom, by the recordings of all three phones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing

import numpy as np
import pytest
import pytest_asyncio

from ivr.actions import Prompt
from ivr.agents.transfer_state import AgentCommand, CommandName
from ivr.live.feed_event import FeedEvent
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.media import OverheardAudio, PartiesChanged
from tests.asterisk.g711 import Samples
from tests.asterisk.office import WORDS, AcdFixture, running_acd
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import RATE, Heard, babble
from tests.asterisk.test_transfer import hold_music
from tests.asterisk.test_warm_transfer import (
    clear,
    declines,
    handing_over,
    nothing_is_left,
    picks_up,
    refusal,
    still_ours,
    takes,
    until_now,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(6)]

Story = Callable[[AcdFixture], Awaitable[None]]
STORIES: list[Story] = []
AT_ONCE = 4
"""Asterisk mixes three voices in real time: where it comes late, it leaves a hole."""
HEARS_IT_RING_HZ = 450


def story(tell: Story) -> Story:
    """A call led at the same time as some others, with lines and phones of its own."""
    STORIES.append(tell)
    return tell


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Story, BaseException | None]]:
    """What came of all stories, at one service."""
    async with running_acd(tmp_path_factory.mktemp("office")) as office:
        places = asyncio.Semaphore(AT_ONCE)
        ends = await asyncio.gather(*(in_turn(places, tell(office)) for tell in STORIES), return_exceptions=True)
        left = await asyncio.gather(nothing_is_left(office), return_exceptions=True)
        yield dict(zip([*STORIES, nothing_is_left], [*ends, *left], strict=True))


async def in_turn(places: asyncio.Semaphore, story: Awaitable[None]) -> None:
    async with places:
        await story


class Scene:
    """A caller whom an agent of the line `name` has; a line `name_up` has the colleagues."""

    def __init__(self, office: AcdFixture, name: str) -> None:
        self.office, self.name = office, name
        self.agent_id, self.colleague_id = f"{name}_0", f"{name}_up_0"
        self.seed = sum(map(ord, name)) * 100
        self.read = "0"
        self.happened: list[FeedEvent] = []

    async def begin(self, colleagues: int = 1, *, overhear: bool = False) -> None:
        (self.desk_phone,) = await self.office.staff_line(self.name, wrap_up_s=600)
        self.colleagues: list[Phone] = await self.office.staff_line(f"{self.name}_up", colleagues, wrap_up_s=600)
        self.call, self.line = await self.office.connect_caller()
        self.transferring = handing_over(self.office, self.line, self.name, overhear=overhear)
        self.agent = await takes(self.desk_phone)
        await self.shows("accepted", self.agent_id)

    async def wants(self, what: CommandName, line: str = "", by: str = "") -> None:
        await self.office.command(by or self.agent_id, what, line)

    async def consults(self) -> PhoneCall:
        """Until agent and colleague talk."""
        await self.wants("consult", f"{self.name}_up")
        colleague = await takes(self.colleagues[0])
        await self.talk("consulting")
        return colleague

    async def events(self, agent: str = "") -> list[FeedEvent]:
        """What the screens were told of this call, or one agent's."""
        newest = await self.office.feed.newest()
        async with aclosing(self.office.feed.follow(self.read)) as feed:
            while self.read != newest:
                self.read, event = await anext(feed)
                if event.call == self.line.call.id:
                    self.happened.append(event)
        return [event for event in self.happened if agent in ("", event.agent)]

    async def shows(self, kind: str, agent: str = "", within_s: float = 30, **more: object) -> FeedEvent:
        """Wait for an event of the feed."""
        async with asyncio.timeout(within_s):
            while True:
                for event in await self.events(agent):
                    if event.kind == kind and more.items() <= event.data.items():
                        return event
                await asyncio.sleep(0.05)

    async def talk(self, state: str, agent: str = "", **more: object) -> FeedEvent:
        return await self.shows("talk", agent or self.agent_id, state=state, **more)

    async def state(self, of: str) -> str:
        return str((await self.office.presences.all())[of].state)

    async def hear(self, speaker: PhoneCall, listeners: Sequence[PhoneCall], deaf: Sequence[PhoneCall] = ()) -> None:
        """One speaks, and these hear it, but those do not."""
        self.seed += 1
        spoken = babble(0.8, seed=self.seed)
        await asyncio.sleep(0.2)
        before = {one: len(received(one).samples) for one in (*listeners, *deaf)}
        await speaker.say(spoken)
        await asyncio.sleep(0.3)
        for number, one in enumerate(listeners):
            assert await asyncio.to_thread(clear, Heard(0, received(one).samples[before[one] :]), spoken), number
        for number, one in enumerate(deaf):
            found = await asyncio.to_thread(Heard(0, received(one).samples[before[one] :]).find, spoken)
            assert found.likeness < 0.3, f"{number} must not hear it"

    async def all_hear(self, *people: PhoneCall) -> None:
        for speaker in people:
            await self.hear(speaker, [one for one in people if one is not speaker])


def received(call: PhoneCall) -> Heard:
    """What was heard: time stamps jump when people are moved about."""
    return call.voice.received()


async def hears_music(call: PhoneCall) -> None:
    """For a second."""
    await asyncio.sleep(1.3)
    assert await asyncio.to_thread(likeness, hold_music().samples, received(call).samples[-RATE:]) > 0.9


async def has_heard(call: PhoneCall, sought: Samples) -> None:
    """Wait for a sound in what somebody is told."""
    await call.hears_sound()
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(clear, received(call), sought):  # noqa: ASYNC110
            await asyncio.sleep(0.3)


def likeness(where: Samples, sought: Samples) -> float:
    """How alike something is to the part of a sound that is most alike, however loud other parts are (0 to 1)."""
    here, there = where.astype(float), sought.astype(float)
    until = np.concatenate([[0.0], np.cumsum(here**2)])
    energy = np.maximum(until[len(there) :] - until[: -len(there)], 1) * np.sum(there**2)
    return float(np.max(np.correlate(here, there, "valid") / np.sqrt(energy)))


async def noted(line: AsteriskCallLeg) -> list[tuple[str, ...]]:
    return [event.parties async for event in until_now(line) if isinstance(event, PartiesChanged)]


@story
async def consults_and_comes_back(office: AcdFixture) -> None:
    scene = Scene(office, "back")
    await scene.begin()
    await scene.wants("consult", "back_up")
    ringing = await scene.colleagues[0].called()
    ringing.ring()
    assert await scene.state("back_up_0") == "ringing"
    assert (await scene.shows("offered", "back_up_0")).data["asked_by"] == "back_0"
    await scene.talk("asking", line_asked="back_up")
    before = len(received(scene.agent).samples)
    await hears_music(scene.call)
    await asyncio.sleep(4)
    rung = Heard(0, received(scene.agent).samples[before:])
    moment = rung.loud()[0]
    assert abs(rung.since(moment).until(moment + 0.5).pitch() - HEARS_IT_RING_HZ) < 10, "the agent hears it ring"
    ringing.answer()
    await has_heard(ringing, WORDS)
    for other in (scene.agent, scene.call):
        assert Heard(0, received(other).samples[-6 * RATE :]).find(WORDS).likeness < 0.3, (
            "it is for the colleague alone"
        )
    await ringing.press("1")
    await scene.talk("consulting", colleague="back_up_0")
    colleague = ringing
    assert (await scene.state("back_0"), await scene.state("back_up_0")) == ("busy", "busy")
    await scene.hear(scene.agent, [colleague], deaf=[scene.call])
    await scene.hear(colleague, [scene.agent], deaf=[scene.call])
    await scene.hear(scene.call, [], deaf=[scene.agent, colleague])
    await hears_music(scene.call)
    await scene.wants("return")
    await colleague.ended()
    assert (await scene.shows("ended", "back_up_0")).data["by"] == "agent"
    assert (await scene.state("back_0"), await scene.state("back_up_0")) == ("busy", "wrap_up")
    await scene.all_hear(scene.call, scene.agent)
    await scene.call.hang_up()
    assert await scene.transferring == "caller"
    await scene.agent.ended()
    assert (await scene.shows("ended", "back_0")).data["by"] == "caller"


@story
async def all_three_then_two(office: AcdFixture) -> None:
    scene = Scene(office, "three")
    await scene.begin(overhear=True)
    await scene.wants("consult", "three_up")
    colleague = await picks_up(scene.colleagues[0])
    await has_heard(colleague, np.frombuffer(office.library.pcm(Prompt("whisper.recorded"), "zh-CN"), "<i2"))
    await colleague.press("1")
    await scene.talk("consulting")
    await scene.wants("conference")
    await scene.talk("conference", "three_up_0", colleague="three_0")
    await scene.all_hear(scene.call, scene.agent, colleague)
    last = scene.seed
    await scene.wants("leave")
    await scene.agent.ended()
    await scene.talk("talking", "three_up_0")
    await scene.all_hear(scene.call, colleague)
    assert (await scene.state("three_0"), await scene.state("three_up_0")) == ("wrap_up", "busy")
    await colleague.hang_up()
    assert await scene.transferring == "us"
    assert (await scene.shows("ended", "three_up_0")).data["wrap_up_s"] == 600
    happened = [event async for event in until_now(scene.line)]
    talks = [event.parties for event in happened if isinstance(event, PartiesChanged)]
    assert talks == [
        ("caller", "three_0"), (), ("three_0", "three_up_0"), ("caller", "three_0", "three_up_0"),
        ("caller", "three_up_0"),
    ]  # fmt: skip
    for number, who in enumerate(("caller", "other", "third", "caller", "third")):
        pcm = b"".join(event.pcm for event in happened if isinstance(event, OverheardAudio) and event.who == who)
        spoken = babble(0.8, seed=last - 2 + number)
        assert clear(Heard(0, np.frombuffer(pcm, "<i2")), spoken), f"{who} is on the recording"
    await still_ours(scene.call, scene.line)


@story
async def the_agent_hangs_up_and_the_colleague_has_the_caller(office: AcdFixture) -> None:
    scene = Scene(office, "handed")
    await scene.begin()
    colleague = await scene.consults()
    await scene.agent.hang_up()
    await scene.talk("talking", "handed_up_0")
    await scene.all_hear(scene.call, colleague)
    assert (await scene.state("handed_0"), await scene.state("handed_up_0")) == ("wrap_up", "busy")
    await scene.call.hang_up()
    assert await scene.transferring == "caller"
    await colleague.ended()


@story
async def by_the_keys_of_the_phone(office: AcdFixture) -> None:
    scene = Scene(office, "keys")
    await scene.begin()
    colleague = await scene.consults()
    await scene.agent.press("*2")
    await scene.talk("conference")
    await scene.all_hear(scene.agent, colleague, scene.call)
    await asyncio.gather(colleague.press("*3"), return_exceptions=True)
    await colleague.ended()
    await scene.talk("talking", reason="hung_up")
    await scene.all_hear(scene.agent, scene.call)
    await scene.agent.hang_up()
    assert await scene.transferring == "us"
    await still_ours(scene.call, scene.line)


@story
async def whoever_was_consulted_consults_in_turn(office: AcdFixture) -> None:
    scene = Scene(office, "chain")
    await scene.begin()
    (third_phone,) = await office.staff_line("chain_top")
    second = await scene.consults()
    await scene.wants("leave")
    await scene.talk("talking", "chain_up_0")
    await scene.wants("consult", "chain_top", by="chain_up_0")
    third = await takes(third_phone)
    await scene.talk("consulting", "chain_up_0")
    await scene.hear(second, [third], deaf=[scene.call])
    await hears_music(scene.call)
    await third.hang_up()
    await scene.talk("talking", "chain_up_0", reason="hung_up")
    await scene.all_hear(second, scene.call)
    await second.hang_up()
    assert await scene.transferring == "us"
    await still_ours(scene.call, scene.line)


@story
async def the_colleague_declines(office: AcdFixture) -> None:
    scene = Scene(office, "declined")
    await scene.begin()
    await scene.wants("consult", "declined_up")
    await declines(await picks_up(scene.colleagues[0]))
    await scene.talk("talking", reason="declined")
    await scene.all_hear(scene.call, scene.agent)
    assert await scene.state("declined_up_0") == "available"
    await scene.call.hang_up()
    assert await scene.transferring == "caller"


@story
async def one_declines_and_the_next_is_asked(office: AcdFixture) -> None:
    scene = Scene(office, "next")
    await scene.begin(colleagues=2)
    await scene.wants("consult", "next_up")
    await declines(await picks_up(scene.colleagues[0]))
    colleague = await takes(scene.colleagues[1])
    await scene.talk("consulting", colleague="next_up_1")
    await scene.all_hear(scene.agent, colleague)
    await scene.call.hang_up()
    assert await scene.transferring == "caller"


@story
async def the_colleague_does_not_answer(office: AcdFixture) -> None:
    scene = Scene(office, "unanswered")
    await scene.begin()
    await scene.wants("consult", "unanswered_up")
    (await scene.colleagues[0].called()).ring()
    await scene.talk("asking")
    await hears_music(scene.call)
    await scene.shows("talk", scene.agent_id, within_s=40, state="talking", reason="no_answer")
    await scene.all_hear(scene.call, scene.agent)
    await scene.call.hang_up()
    assert await scene.transferring == "caller"


@story
async def the_colleagues_phone_is_not_there(office: AcdFixture) -> None:
    scene = Scene(office, "absent")
    await scene.begin()
    await scene.colleagues[0].register(expires=0)
    await scene.wants("consult", "absent_up")
    await scene.talk("talking", reason="unreachable")
    await scene.all_hear(scene.call, scene.agent)
    await scene.call.hang_up()
    assert await scene.transferring == "caller"


@story
async def nobody_is_on_duty(office: AcdFixture) -> None:
    scene = Scene(office, "empty")
    await scene.begin(colleagues=0)
    await scene.wants("consult", "empty_up")
    await scene.talk("talking", reason="unavailable")
    await scene.all_hear(scene.call, scene.agent)
    await scene.wants("consult", "empty")
    assert (await office.commands.send(AgentCommand(scene.agent_id, "conference"))).refused == "not_possible"
    assert len([event for event in await scene.events() if event.kind == "refused"]) == 0
    await scene.call.hang_up()
    assert await scene.transferring == "caller"


@story
async def the_agent_no_longer_wants_to(office: AcdFixture) -> None:
    scene = Scene(office, "undone")
    await scene.begin()
    await scene.wants("consult", "undone_up")
    ringing = await scene.colleagues[0].called()
    ringing.ring()
    await scene.agent.press("*1")
    await ringing.ended()
    assert (await scene.shows("not_taken", "undone_up_0")).data["reason"] == "withdrawn"
    await scene.all_hear(scene.call, scene.agent)
    assert await scene.state("undone_up_0") == "available"
    await scene.call.hang_up()
    assert await scene.transferring == "caller"


@story
async def the_agent_drops_out_while_it_rings(office: AcdFixture) -> None:
    scene = Scene(office, "dropped")
    await scene.begin()
    await scene.wants("consult", "dropped_up")
    ringing = await scene.colleagues[0].called()
    ringing.ring()
    await scene.agent.hang_up()
    assert await refusal(scene.transferring) == "unavailable"
    await ringing.ended()
    assert (await scene.state("dropped_0"), await scene.state("dropped_up_0")) == ("wrap_up", "available")
    await still_ours(scene.call, scene.line)


@story
async def the_caller_hangs_up_while_it_rings(office: AcdFixture) -> None:
    scene = Scene(office, "rings")
    await scene.begin()
    await scene.wants("consult", "rings_up")
    ringing = await scene.colleagues[0].called()
    ringing.ring()
    await scene.call.hang_up()
    assert await scene.transferring == "caller"
    await asyncio.gather(ringing.ended(), scene.agent.ended())
    assert (await scene.shows("not_taken", "rings_up_0")).data["reason"] == "withdrawn"
    assert (await scene.shows("ended", "rings_0")).data["by"] == "caller"
    assert (await scene.state("rings_0"), await scene.state("rings_up_0")) == ("wrap_up", "available")


@story
async def the_caller_hangs_up_while_they_consult(office: AcdFixture) -> None:
    scene = Scene(office, "callergone")
    await scene.begin(overhear=True)
    colleague = await scene.consults()
    await scene.call.hang_up()
    assert await scene.transferring == "caller"
    await asyncio.gather(colleague.ended(), scene.agent.ended())
    for agent in ("callergone_0", "callergone_up_0"):
        assert (await scene.shows("ended", agent)).data["by"] == "caller"
        assert await scene.state(agent) == "wrap_up"


@story
async def the_colleague_hangs_up_while_they_consult(office: AcdFixture) -> None:
    scene = Scene(office, "colleaguegone")
    await scene.begin()
    colleague = await scene.consults()
    await colleague.hang_up()
    await scene.talk("talking", reason="hung_up")
    await scene.all_hear(scene.call, scene.agent)
    assert await scene.state("colleaguegone_up_0") == "wrap_up"
    await scene.call.hang_up()
    assert await scene.transferring == "caller"


@story
async def handed_to_another_line_without_a_word(office: AcdFixture) -> None:
    scene = Scene(office, "blind")
    await scene.begin()
    await scene.wants("onward", "blind_up")
    await scene.agent.ended()
    assert (await scene.shows("ended", "blind_0")).data["by"] == "agent"
    assert await scene.state("blind_0") == "wrap_up"
    await hears_music(scene.call)
    other = await takes(scene.colleagues[0])
    await scene.all_hear(scene.call, other)
    await other.hang_up()
    assert await scene.transferring == "us"
    assert await noted(scene.line) == [("caller", "blind_0"), ("caller", "blind_up_0")]
    await still_ours(scene.call, scene.line)


@pytest.mark.parametrize("tell", [*STORIES, nothing_is_left], ids=lambda tell: tell.__name__)
async def test_consulting(told: dict[Story, BaseException | None], tell: Story) -> None:
    if end := told[tell]:
        raise end
