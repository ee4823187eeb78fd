"""A caller is handed over to one of several agents, who hear who calls before they take the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest
import pytest_asyncio

from ivr.actions import Prompt
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.media import MarkReached, MediaClosed, MediaEvent, OverheardAudio
from ivr.telephony.port import TransferRefused
from tests.asterisk.office import WORDS, Office, an_office
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import RATE, Heard, babble, tone
from tests.asterisk.test_transfer import hold_music

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(8)]

Story = Callable[[Office], Awaitable[None]]
STORIES: list[Story] = []
STAGGER_S = 0.4


def story(tell: Story) -> Story:
    """A call led at the same time as all the others, with a line and phones of its own."""
    STORIES.append(tell)
    return tell


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Story, BaseException | None]]:
    """What came of all stories, at one service."""
    async with an_office(tmp_path_factory.mktemp("office")) as office:
        ends = await asyncio.gather(*(later(n, tell(office)) for n, tell in enumerate(STORIES)), return_exceptions=True)
        left = await asyncio.gather(nothing_is_left(office), return_exceptions=True)
        yield dict(zip([*STORIES, nothing_is_left], [*ends, *left], strict=True))


async def later(number: int, story: Awaitable[None]) -> None:
    """Calls that all begin at the same moment would make each other's voices stumble."""
    await asyncio.sleep(number * STAGGER_S)
    await story


async def nothing_is_left(office: Office) -> None:
    """After all stories: neither in Asterisk nor in the queues."""
    await office.system.nothing_is_left()


def clear(heard: Heard, sought: np.ndarray) -> bool:
    """Whether a sound was heard; a machine with much to do may slip once in the middle of it."""
    return bool(np.median([heard.find(part).likeness for part in np.array_split(sought, 5)]) > 0.95)


def handing_over(office: Office, line: AsteriskCallLeg, target: str, **options: bool) -> asyncio.Task[str]:
    return asyncio.create_task(office.hands_over(line, target, **options))


async def refusal(transferring: Awaitable[str], within_s: float = 60) -> str:
    with pytest.raises(TransferRefused) as caught:
        await asyncio.wait_for(transferring, within_s)
    return caught.value.reason


async def picks_up(phone: Phone, within_s: float = 30) -> PhoneCall:
    call = await phone.called(within_s)
    call.ring()
    call.answer()
    return call


async def takes(phone: Phone, within_s: float = 30) -> PhoneCall:
    """Pick up, hear why, and press 1."""
    call = await picks_up(phone, within_s)
    await call.hears_sound()
    await asyncio.sleep(len(WORDS) / RATE + 0.2)
    await call.press("1")
    return call


async def declines(agent: PhoneCall) -> None:
    """Press 2 in the whisper; the call may be over before the key is let go."""
    await agent.hears_sound()
    await asyncio.gather(agent.press("2"), return_exceptions=True)
    await agent.ended()


async def talk(one: PhoneCall, other: PhoneCall, seed: int) -> None:
    """Both speak at once, and each hears the other."""
    await asyncio.sleep(0.3)
    spoken, answered = babble(0.8, seed=seed), babble(0.8, seed=seed + 1)
    await asyncio.gather(one.say(spoken), other.say(answered))
    await asyncio.sleep(0.2)
    assert clear(other.voice.received(), spoken)
    assert clear(one.voice.received(), answered)


async def still_ours(call: PhoneCall, line: AsteriskCallLeg) -> None:
    """Caller and service hear each other as before, and there is no music."""
    prompt = babble(0.6, seed=5)
    line.media.play(prompt.tobytes())
    await asyncio.sleep(1.0)
    heard = call.voice.received()
    assert clear(heard, prompt)
    assert not heard.since(heard.find(prompt).at + 0.65).loud(), "the music goes on"
    await call.say(tone(700, 0.3))
    line.media.mark("now")
    async with asyncio.timeout(60):
        async for event in line.media.events():
            if event == MarkReached("now"):
                break
    await line.hang_up()


async def until_now(line: AsteriskCallLeg) -> AsyncIterator[MediaEvent]:
    """What has come from the far end so far."""
    line.media.mark("until now")
    async for event in line.media.events():
        if event == MarkReached("until now"):
            return
        yield event


@story
async def unanswered(office: Office) -> None:
    first, second = await office.staffed("unanswered", people=2)
    call, line = await office.calls()
    transferring = handing_over(office, line, "unanswered")
    ringing = await first.called()
    ringing.ring()
    other = await takes(second, within_s=40)
    await ringing.ended()
    await talk(call, other, seed=39)
    await call.hang_up()
    assert await transferring == "caller"


@story
async def taken(office: Office) -> None:
    (phone,) = await office.staffed("taken", wrap_up_s=600)
    call, line = await office.calls()
    transferring = handing_over(office, line, "taken")
    agent = await phone.called()
    agent.ring()
    assert (await office.presence("taken")).state == "ringing"
    began = await call.hears_sound()
    await asyncio.sleep(1.3)
    music = call.heard().since(began + 0.1).until(began + 1.1)
    assert clear(hold_music(), music.samples)
    agent.answer()
    await agent.hears_sound()
    await asyncio.sleep(len(WORDS) / RATE + 0.2)
    assert clear(agent.heard(), WORDS)
    assert call.heard().find(WORDS).likeness < 0.3, "the whisper is not for the caller"
    await agent.press("1")
    await talk(call, agent, seed=31)
    assert (await office.presence("taken")).state == "busy"
    await agent.hang_up()
    assert await transferring == "us"
    assert (await office.presence("taken")).state == "wrap_up"
    await still_ours(call, line)


@story
async def whole_whisper(office: Office) -> None:
    (phone,) = await office.staffed("hotline")
    call, line = await office.calls()
    transferring = handing_over(office, line, "hotline")
    agent = await picks_up(phone)
    await agent.hears_sound()
    await agent.hears_quiet(1.5)
    for prompt in (Prompt("whisper.line.hotline"), Prompt("whisper.keys")):
        pcm = np.frombuffer(office.library.pcm(prompt, "zh-CN"), "<i2")
        assert clear(agent.heard(), pcm), prompt.name
    number = Prompt("whisper.caller", {"caller": line.call.caller})
    assert clear(agent.heard(), np.frombuffer(office.library.pcm(number, "zh-CN"), "<i2"))
    await agent.press("1")
    await talk(call, agent, seed=33)
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()
    assert (await office.presence("hotline")).state == "available"


@story
async def declined(office: Office) -> None:
    first, second = await office.staffed("declined", people=2)
    call, line = await office.calls()
    transferring = handing_over(office, line, "declined")
    agent = await picks_up(first)
    await declines(agent)
    other = await takes(second)
    assert (await office.presence("declined", 0)).state == "available"
    await talk(call, other, seed=35)
    await call.hang_up()
    assert await transferring == "caller"


@story
async def declined_by_all(office: Office) -> None:
    first, second = await office.staffed("all", people=2)
    call, line = await office.calls()
    transferring = handing_over(office, line, "all")
    (await first.called()).refuse(486)
    agent = await picks_up(second)
    await declines(agent)
    assert await refusal(transferring) == "declined"
    await still_ours(call, line)


@story
async def silent(office: Office) -> None:
    first, second = await office.staffed("silent", people=2)
    call, line = await office.calls()
    transferring = handing_over(office, line, "silent")
    agent = await picks_up(first)
    other = await takes(second, within_s=40)
    await agent.ended()
    assert clear(agent.heard(), WORDS)
    await talk(call, other, seed=37)
    await other.hang_up()
    assert await transferring == "us"
    await still_ours(call, line)


@story
async def unreachable(office: Office) -> None:
    (phone,) = await office.staffed("unreachable")
    await phone.register(expires=0)
    call, line = await office.calls()
    assert await refusal(handing_over(office, line, "unreachable")) == "unreachable"
    assert (await office.presence("unreachable")).state == "available"
    await still_ours(call, line)


@story
async def phone_without_a_network(office: Office) -> None:
    first, second = await office.staffed("deaf", people=2)
    first.deaf = True
    call, line = await office.calls()
    transferring = handing_over(office, line, "deaf")
    agent = await takes(second, within_s=60)
    await talk(call, agent, seed=67)
    await agent.hang_up()
    assert await transferring == "us"
    assert (await office.presence("deaf", 0)).state == "available"
    await still_ours(call, line)


@story
async def nobody_there(office: Office) -> None:
    await office.staffed("empty", people=0)
    call, line = await office.calls()
    assert await refusal(handing_over(office, line, "empty"), within_s=30) == "unavailable"
    await still_ours(call, line)


@story
async def agent_leaves_in_the_whisper(office: Office) -> None:
    (phone,) = await office.staffed("leaves")
    call, line = await office.calls()
    transferring = handing_over(office, line, "leaves")
    agent = await picks_up(phone)
    await agent.hears_sound()
    await agent.hang_up()
    assert await refusal(transferring) == "declined"
    assert (await office.presence("leaves")).state == "available"
    await still_ours(call, line)


@story
async def caller_leaves_while_it_rings(office: Office) -> None:
    (phone,) = await office.staffed("rings")
    call, line = await office.calls()
    transferring = handing_over(office, line, "rings")
    agent = await phone.called()
    agent.ring()
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()
    assert (await office.presence("rings")).state == "available"


@story
async def caller_leaves_in_the_whisper(office: Office) -> None:
    (phone,) = await office.staffed("whisper")
    call, line = await office.calls()
    transferring = handing_over(office, line, "whisper")
    agent = await picks_up(phone)
    await agent.hears_sound()
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()
    assert (await office.presence("whisper")).state == "available"


@story
async def two_for_one(office: Office) -> None:
    (phone,) = await office.staffed("two", wrap_up_s=1)
    call, line = await office.calls()
    transferring = handing_over(office, line, "two")
    agent = await takes(phone)
    second_call, second_line = await office.calls()
    waiting = handing_over(office, second_line, "two")
    told = np.frombuffer(office.library.pcm(Prompt("queue.next"), "zh-CN"), "<i2")
    await talk(call, agent, seed=41)
    await asyncio.sleep(len(told) / RATE)
    assert clear(second_call.heard(), told)
    heard = second_call.heard().since(second_call.heard().find(told).at + len(told) / RATE + 0.3)
    assert clear(hold_music(), heard.samples[:RATE]), "the music goes on"
    assert phone.calls.empty()
    await agent.hang_up()
    assert await transferring == "us"
    again = await takes(phone)
    await talk(second_call, again, seed=43)
    assert second_call.heard().find(babble(0.8, seed=41)).likeness < 0.3
    await again.hang_up()
    assert await waiting == "us"
    await asyncio.gather(still_ours(call, line), still_ours(second_call, second_line))


@story
async def caller_leaves_the_queue(office: Office) -> None:
    (phone,) = await office.staffed("queue")
    call, line = await office.calls()
    transferring = handing_over(office, line, "queue")
    agent = await takes(phone)
    leaver, leavers_line = await office.calls()
    leaving = handing_over(office, leavers_line, "queue")
    await leaver.hears_sound()
    third, third_line = await office.calls()
    waiting = handing_over(office, third_line, "queue")
    await third.hears_sound()
    await leaver.hang_up()
    assert await leaving == "caller"
    await agent.hang_up()
    assert await transferring == "us"
    other = await takes(phone)
    assert phone.calls.empty()
    await talk(third, other, seed=65)
    await third.hang_up()
    assert await waiting == "caller"
    await call.hang_up()


@story
async def gives_up_waiting(office: Office) -> None:
    (phone,) = await office.staffed("patience")
    call, line = await office.calls()
    transferring = handing_over(office, line, "patience")
    agent = await takes(phone)
    second_call, second_line = await office.calls()
    waiting = handing_over(office, second_line, "patience")
    await second_call.hears_sound()
    await second_call.press("#")
    assert await refusal(waiting) == "gave_up"
    await still_ours(second_call, second_line)
    await talk(call, agent, seed=45)
    await call.hang_up()
    assert await transferring == "caller"


@story
async def waits_no_longer_than_the_line_says(office: Office) -> None:
    (phone,) = await office.staffed("short", wait_s=1)
    call, line = await office.calls()
    transferring = handing_over(office, line, "short")
    agent = await takes(phone)
    second_call, second_line = await office.calls()
    assert await refusal(handing_over(office, second_line, "short"), within_s=30) == "busy"
    await still_ours(second_call, second_line)
    await agent.hang_up()
    assert await transferring == "us"
    await call.hang_up()


@story
async def passed_on(office: Office) -> None:
    (phone,) = await office.staffed("ordinary", wrap_up_s=600)
    (supervisor,) = await office.staffed("superior")
    call, line = await office.calls()
    transferring = handing_over(office, line, "ordinary", overhear=True)
    agent = await takes(phone)
    await talk(call, agent, seed=49)
    await office.acd.send_command("ordinary_0", line.call.id, "onward", "superior")
    await agent.ended()
    await asyncio.sleep(1.5)
    assert (await office.presence("ordinary")).state == "wrap_up"
    now = asyncio.get_running_loop().time()
    assert clear(hold_music(), call.heard().since(now - 1.2).until(now - 0.2).samples)
    other = await takes(supervisor)
    await talk(call, other, seed=61)
    await other.hang_up()
    assert await transferring == "us"
    heard = [event async for event in until_now(line) if isinstance(event, OverheardAudio)]
    pcm = b"".join(event.pcm for event in heard if event.who == "other")
    for seed in (50, 62):
        assert clear(Heard(0, np.frombuffer(pcm, "<i2")), babble(0.8, seed=seed))
    await still_ours(call, line)


@story
async def passed_on_to_nobody(office: Office) -> None:
    (phone,) = await office.staffed("lonely")
    await office.staffed("deserted", people=0)
    call, line = await office.calls()
    transferring = handing_over(office, line, "lonely")
    agent = await takes(phone)
    await asyncio.sleep(0.3)
    await office.acd.send_command("lonely_0", line.call.id, "onward", "deserted")
    assert await refusal(transferring) == "unavailable"
    await agent.ended()
    await still_ours(call, line)


@story
async def overheard(office: Office) -> None:
    (phone,) = await office.staffed("overheard")
    call, line = await office.calls()
    transferring = handing_over(office, line, "overheard", overhear=True)
    agent = await takes(phone)
    await talk(call, agent, seed=47)
    await agent.hang_up()
    assert await transferring == "us"
    await call.say(tone(700, 0.3))
    await call.hang_up()
    async with asyncio.timeout(60):
        events = [event async for event in line.media.events()]
    assert isinstance(events[-1], MediaClosed)
    for who, own, others in (("caller", 47, 48), ("other", 48, 47)):
        pcm = b"".join(event.pcm for event in events if isinstance(event, OverheardAudio) and event.who == who)
        heard = Heard(0, np.frombuffer(pcm, "<i2"))
        assert clear(heard, babble(0.8, seed=own)), who
        assert heard.find(babble(0.8, seed=others)).likeness < 0.3, who


@story
async def cancelled_twice(office: Office) -> None:
    """As when a caller who is overheard hangs up: the session then ends what is ending already."""
    (phone,) = await office.staffed("cancelled")
    call, line = await office.calls()
    transferring = handing_over(office, line, "cancelled", overhear=True)
    agent = await takes(phone)
    await talk(call, agent, seed=69)
    transferring.cancel()
    await agent.ended()
    transferring.cancel()
    await asyncio.gather(transferring, return_exceptions=True)
    await call.hang_up()


@pytest.mark.parametrize("tell", [*STORIES, nothing_is_left], ids=lambda tell: tell.__name__)
async def test_handing_over(told: dict[Story, BaseException | None], tell: Story) -> None:
    if end := told[tell]:
        raise end
