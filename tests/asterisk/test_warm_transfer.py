"""Warm transfer: a caller is offered to one agent after another; each hears the whisper before accepting."""

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
from tests.asterisk.office import WORDS, AcdFixture, running_acd
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import RATE, Heard, babble, tone
from tests.asterisk.test_transfer import hold_music

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(8)]

Scenario = Callable[[AcdFixture], Awaitable[None]]
SCENARIOS: list[Scenario] = []
STAGGER_S = 0.4


def scenario(run: Scenario) -> Scenario:
    """Register a scenario with a line and phones of its own. All scenarios run concurrently."""
    SCENARIOS.append(run)
    return run


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def results(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Scenario, BaseException | None]]:
    """The outcomes of all scenarios, at one adapter."""
    async with running_acd(tmp_path_factory.mktemp("acd")) as acd:
        ends = await asyncio.gather(
            *(staggered(n, run(acd)) for n, run in enumerate(SCENARIOS)), return_exceptions=True
        )
        left = await asyncio.gather(nothing_is_left(acd), return_exceptions=True)
        yield dict(zip([*SCENARIOS, nothing_is_left], [*ends, *left], strict=True))


async def staggered(number: int, scenario: Awaitable[None]) -> None:
    """Start scenarios one after the other, as concurrent starts would disturb the audio."""
    await asyncio.sleep(number * STAGGER_S)
    await scenario


async def nothing_is_left(acd: AcdFixture) -> None:
    """After all scenarios, Asterisk has no channels and bridges."""
    await acd.system.nothing_is_left()


def clear(heard: Heard, sought: np.ndarray) -> bool:
    """Whether a sound was heard; a busy machine may slip once within it."""
    return bool(np.median([heard.find(part).likeness for part in np.array_split(sought, 5)]) > 0.95)


def handing_over(acd: AcdFixture, line: AsteriskCallLeg, target: str, **options: bool) -> asyncio.Task[str]:
    return asyncio.create_task(acd.transfer(line, target, **options))


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
    """Pick up, listen to the whisper, and press 1."""
    call = await picks_up(phone, within_s)
    await call.hears_sound()
    await asyncio.sleep(len(WORDS) / RATE + 0.2)
    await call.press("1")
    return call


async def declines(agent: PhoneCall) -> None:
    """Press 2 during the whisper; the call may be over before the key is released."""
    await agent.hears_sound()
    await asyncio.gather(agent.press("2"), return_exceptions=True)
    await agent.ended()


async def talk(one: PhoneCall, other: PhoneCall, seed: int) -> None:
    """Both parties speak at once, and each hears the other."""
    await asyncio.sleep(0.3)
    spoken, answered = babble(0.8, seed=seed), babble(0.8, seed=seed + 1)
    await asyncio.gather(one.say(spoken), other.say(answered))
    await asyncio.sleep(0.2)
    assert clear(other.voice.received(), spoken)
    assert clear(one.voice.received(), answered)


async def still_ours(call: PhoneCall, line: AsteriskCallLeg) -> None:
    """Caller and service hear each other again, without music."""
    prompt = babble(0.6, seed=5)
    line.media.play(prompt.tobytes())
    await asyncio.sleep(1.0)
    heard = call.voice.received()
    assert clear(heard, prompt)
    assert not heard.since(heard.find(prompt).at + 0.65).loud(), "the music must stop"
    await call.say(tone(700, 0.3))
    line.media.mark("now")
    async with asyncio.timeout(60):
        async for event in line.media.events():
            if event == MarkReached("now"):
                break
    await line.hang_up()


async def until_now(line: AsteriskCallLeg) -> AsyncIterator[MediaEvent]:
    """The events from the far end so far."""
    line.media.mark("until now")
    async for event in line.media.events():
        if event == MarkReached("until now"):
            return
        yield event


@scenario
async def unanswered(acd: AcdFixture) -> None:
    first, second = await acd.staff_line("unanswered", agents=2)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "unanswered")
    ringing = await first.called()
    ringing.ring()
    other = await takes(second, within_s=40)
    await ringing.ended()
    await talk(call, other, seed=39)
    await call.hang_up()
    assert await transferring == "caller"


@scenario
async def accepted(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("taken", wrap_up_s=600)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "taken")
    agent = await phone.called()
    agent.ring()
    assert (await acd.presence("taken")).state == "ringing"
    began = await call.hears_sound()
    await asyncio.sleep(1.3)
    music = call.heard().since(began + 0.1).until(began + 1.1)
    assert clear(hold_music(), music.samples)
    agent.answer()
    await agent.hears_sound()
    await asyncio.sleep(len(WORDS) / RATE + 0.2)
    assert clear(agent.heard(), WORDS)
    assert call.heard().find(WORDS).likeness < 0.3, "the caller must not hear the whisper"
    await agent.press("1")
    await talk(call, agent, seed=31)
    assert (await acd.presence("taken")).state == "busy"
    await agent.hang_up()
    assert await transferring == "us"
    assert (await acd.presence("taken")).state == "wrap_up"
    await still_ours(call, line)


@scenario
async def whole_whisper(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("hotline")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "hotline")
    agent = await picks_up(phone)
    await agent.hears_sound()
    await agent.hears_quiet(1.5)
    for prompt in (Prompt("whisper.line.hotline"), Prompt("whisper.keys")):
        pcm = np.frombuffer(acd.library.pcm(prompt, "zh-CN"), "<i2")
        assert clear(agent.heard(), pcm), prompt.name
    number = Prompt("whisper.caller", {"caller": line.call.caller})
    assert clear(agent.heard(), np.frombuffer(acd.library.pcm(number, "zh-CN"), "<i2"))
    await agent.press("1")
    await talk(call, agent, seed=33)
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()
    assert (await acd.presence("hotline")).state == "available"


@scenario
async def declined(acd: AcdFixture) -> None:
    first, second = await acd.staff_line("declined", agents=2)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "declined")
    agent = await picks_up(first)
    await declines(agent)
    other = await takes(second)
    assert (await acd.presence("declined", 0)).state == "available"
    await talk(call, other, seed=35)
    await call.hang_up()
    assert await transferring == "caller"


@scenario
async def declined_by_all(acd: AcdFixture) -> None:
    first, second = await acd.staff_line("all", agents=2)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "all")
    (await first.called()).refuse(486)
    agent = await picks_up(second)
    await declines(agent)
    assert await refusal(transferring) == "declined"
    await still_ours(call, line)


@scenario
async def ignored(acd: AcdFixture) -> None:
    first, second = await acd.staff_line("silent", agents=2)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "silent")
    agent = await picks_up(first)
    other = await takes(second, within_s=40)
    await agent.ended()
    assert clear(agent.heard(), WORDS)
    await talk(call, other, seed=37)
    await other.hang_up()
    assert await transferring == "us"
    await still_ours(call, line)


@scenario
async def unreachable(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("unreachable")
    await phone.register(expires=0)
    call, line = await acd.connect_caller()
    assert await refusal(handing_over(acd, line, "unreachable")) == "unreachable"
    assert (await acd.presence("unreachable")).state == "available"
    await still_ours(call, line)


@scenario
async def phone_offline(acd: AcdFixture) -> None:
    first, second = await acd.staff_line("offline", agents=2)
    first.offline = True
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "offline")
    agent = await takes(second, within_s=60)
    await talk(call, agent, seed=67)
    await agent.hang_up()
    assert await transferring == "us"
    assert (await acd.presence("offline", 0)).state == "available"
    await still_ours(call, line)


@scenario
async def nobody_on_duty(acd: AcdFixture) -> None:
    await acd.staff_line("empty", agents=0)
    call, line = await acd.connect_caller()
    assert await refusal(handing_over(acd, line, "empty"), within_s=30) == "unavailable"
    await still_ours(call, line)


@scenario
async def agent_leaves_in_the_whisper(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("leaves")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "leaves")
    agent = await picks_up(phone)
    await agent.hears_sound()
    await agent.hang_up()
    assert await refusal(transferring) == "declined"
    assert (await acd.presence("leaves")).state == "available"
    await still_ours(call, line)


@scenario
async def caller_leaves_while_it_rings(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("rings")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "rings")
    agent = await phone.called()
    agent.ring()
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()
    assert (await acd.presence("rings")).state == "available"


@scenario
async def caller_leaves_in_the_whisper(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("whisper")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "whisper")
    agent = await picks_up(phone)
    await agent.hears_sound()
    await call.hang_up()
    assert await transferring == "caller"
    await agent.ended()
    assert (await acd.presence("whisper")).state == "available"


@scenario
async def two_callers_for_one_agent(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("two", wrap_up_s=1)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "two")
    agent = await takes(phone)
    second_call, second_line = await acd.connect_caller()
    waiting = handing_over(acd, second_line, "two")
    position_prompt = np.frombuffer(acd.library.pcm(Prompt("queue.next"), "zh-CN"), "<i2")
    await talk(call, agent, seed=41)
    await asyncio.sleep(len(position_prompt) / RATE)
    assert clear(second_call.heard(), position_prompt)
    heard = second_call.heard().since(second_call.heard().find(position_prompt).at + len(position_prompt) / RATE + 0.3)
    assert clear(hold_music(), heard.samples[:RATE]), "the music must continue"
    assert phone.calls.empty()
    await agent.hang_up()
    assert await transferring == "us"
    again = await takes(phone)
    await talk(second_call, again, seed=43)
    assert second_call.heard().find(babble(0.8, seed=41)).likeness < 0.3
    await again.hang_up()
    assert await waiting == "us"
    await asyncio.gather(still_ours(call, line), still_ours(second_call, second_line))


@scenario
async def caller_leaves_the_queue(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("queue")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "queue")
    agent = await takes(phone)
    leaver, leavers_line = await acd.connect_caller()
    leaving = handing_over(acd, leavers_line, "queue")
    await leaver.hears_sound()
    third, third_line = await acd.connect_caller()
    waiting = handing_over(acd, third_line, "queue")
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


@scenario
async def caller_gives_up_waiting(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("patience")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "patience")
    agent = await takes(phone)
    second_call, second_line = await acd.connect_caller()
    waiting = handing_over(acd, second_line, "patience")
    await second_call.hears_sound()
    await second_call.press("#")
    assert await refusal(waiting) == "gave_up"
    await still_ours(second_call, second_line)
    await talk(call, agent, seed=45)
    await call.hang_up()
    assert await transferring == "caller"


@scenario
async def wait_limit_of_the_line(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("short", wait_s=1)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "short")
    agent = await takes(phone)
    second_call, second_line = await acd.connect_caller()
    assert await refusal(handing_over(acd, second_line, "short"), within_s=30) == "busy"
    await still_ours(second_call, second_line)
    await agent.hang_up()
    assert await transferring == "us"
    await call.hang_up()


@scenario
async def passed_to_another_line(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("ordinary", wrap_up_s=600)
    (supervisor,) = await acd.staff_line("superior")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "ordinary", overhear=True)
    agent = await takes(phone)
    await talk(call, agent, seed=49)
    await acd.command("ordinary_0", "onward", "superior")
    await agent.ended()
    await asyncio.sleep(1.5)
    assert (await acd.presence("ordinary")).state == "wrap_up"
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


@scenario
async def passed_to_an_empty_line(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("lonely")
    await acd.staff_line("deserted", agents=0)
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "lonely")
    agent = await takes(phone)
    await asyncio.sleep(0.3)
    await acd.command("lonely_0", "onward", "deserted")
    assert await refusal(transferring) == "unavailable"
    await agent.ended()
    await still_ours(call, line)


@scenario
async def overheard(acd: AcdFixture) -> None:
    (phone,) = await acd.staff_line("overheard")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "overheard", overhear=True)
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


@scenario
async def cancelled_twice(acd: AcdFixture) -> None:
    """Cancel twice, as a session does when an overheard caller hangs up during the cancellation."""
    (phone,) = await acd.staff_line("cancelled")
    call, line = await acd.connect_caller()
    transferring = handing_over(acd, line, "cancelled", overhear=True)
    agent = await takes(phone)
    await talk(call, agent, seed=69)
    transferring.cancel()
    await agent.ended()
    transferring.cancel()
    await asyncio.gather(transferring, return_exceptions=True)
    await call.hang_up()


@pytest.mark.parametrize("run", [*SCENARIOS, nothing_is_left], ids=lambda run: run.__name__)
async def test_warm_transfer(results: dict[Scenario, BaseException | None], run: Scenario) -> None:
    if end := results[run]:
        raise end
