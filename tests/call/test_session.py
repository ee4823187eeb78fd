"""Whole surveys by voice and keys, and people who behave otherwise, on a real service with the real recogniser."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import ClientSession, WSMsgType

from ivr.devtools.scripted_caller import run_script
from ivr.devtools.softphone import CallOver, dial
from ivr.devtools.timeline import CallTimeline, stop_ms
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from ivr.telephony.browser import wire
from tests.call.caller import ANSWERS, CLIPS, KEYS, Site, a_site

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.calls(6)]

REPLIES = {
    "对吗": "对",
    "方便吗": "方便",
    "解决了吗": "解决了",
    "态度": "满意",
    "收费了吗": "没有",
    "打分": "九分",
    "建议": "师傅来得很快",
}


@dataclass(frozen=True)
class CallResult:
    """A call that is over: its record, how it ended at the phone, what was said and heard there."""

    record: CallRecord
    ended: wire.EndedMessage
    timeline: CallTimeline

    @property
    def said_by_us(self) -> list[str]:
        return [line.text for line in self.record.transcript if line.who == "us"]


Story = Callable[[Site], Awaitable[CallResult]]
STORIES: list[Story] = []


def story(tell: Story) -> Story:
    """A long call, led at the same time as all others; its test looks at what came of it."""
    STORIES.append(tell)
    return tell


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(site: Site) -> AsyncIterator[Callable[[Story], Awaitable[CallResult]]]:
    calls = {tell: asyncio.create_task(tell(site)) for tell in STORIES}
    yield lambda tell: calls[tell]
    for call in calls.values():
        call.cancel()
    await asyncio.gather(*calls.values(), return_exceptions=True)


Telling = Callable[[Story], Awaitable[CallResult]]

# --- whole surveys ------------------------------------------------------------------------------------------------


@story
async def by_voice(site: Site) -> CallResult:
    async with dial(site.socket, "survey", "zh-CN", {"fee_unpaid": True}) as phone:
        talk = await run_script(phone, {words: CLIPS[clip] for words, clip in REPLIES.items()})
        return CallResult(await site.record(phone.call), talk.ended, phone.timeline)


async def test_a_survey_taken_by_voice_is_complete(told: Telling) -> None:
    call = await told(by_voice)
    record = call.record
    assert record.values == ANSWERS | {"comments": None}
    assert {kept.answer.by for kept in record.answers} == {"voice"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.COMPLETED, "normal", "us")
    assert "交纳供暖费" in call.said_by_us[-1] and "感谢您的合作" in call.said_by_us[-1]
    comments = next(kept.answer for kept in record.answers if kept.answer.question == "comments")
    assert comments.span_ms and comments.span_ms[1] - comments.span_ms[0] > 1000


async def test_its_recording_has_both_sides_where_they_were_on_the_call(told: Telling) -> None:
    call = await told(by_voice)
    (recording,) = call.record.recordings
    with wave.open(recording.path) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert len(both) / 8000 == pytest.approx(recording.seconds)
    shifts = [
        place(side, heard) for side, heard in ((both[:, 0], call.timeline.said), (both[:, 1], call.timeline.heard))
    ]
    assert all(likeness > 0.8 for _, likeness in shifts)
    assert abs(shifts[0][0] - shifts[1][0]) <= 150


def place(recorded: np.ndarray, heard: np.ndarray) -> tuple[float, float]:
    """Where a side's envelope in the recording lies on the phone's timeline (ms), and how alike they are there."""
    rows = [
        np.abs(side[: len(side) // 80 * 80].astype(float)).reshape(-1, 80).mean(axis=1) for side in (recorded, heard)
    ]
    short, long = (row - row.mean() for row in rows)
    size = 1 << (len(short) + len(long)).bit_length()
    product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    at = int(np.argmax(product))
    there = long[at : at + len(short)]
    alike = (there * short[: len(there)]).sum() / np.sqrt((there**2).sum() * (short[: len(there)] ** 2).sum())
    return at * 10.0, float(alike)


@story
async def by_keys(site: Site) -> CallResult:
    async with site.person() as person:
        await person.takes_the_survey()
        ended = await person.phone.ended()
        return CallResult(await site.record(person.phone.call), ended, person.phone.timeline)


async def test_a_survey_taken_by_keys_alone_is_complete_and_we_let_the_caller_hang_up_first(told: Telling) -> None:
    call = await told(by_keys)
    assert call.record.values == ANSWERS | {"comments": None}
    assert {kept.answer.by for kept in call.record.answers} == {"key"}
    assert call.record.call.disposition is Disposition.COMPLETED
    assert (call.ended.by, call.ended.cause) == ("us", "normal")
    last = np.flatnonzero(np.abs(call.timeline.heard.astype(int)) > 100)[-1]
    assert (len(call.timeline.heard) - last) / 8000 > 1.9


async def test_prompts_that_a_key_broke_off_are_shown_cut(told: Telling) -> None:
    call = await told(by_keys)
    assert call.said_by_us[0] == "为了提高服务质量，本次通话将被录音。"
    assert all(text.endswith("——") for text in call.said_by_us[1:7])
    assert not call.said_by_us[7].endswith("——")


@story
async def by_both(site: Site) -> CallResult:
    async with site.person() as person:
        for number, (words, key) in enumerate(KEYS.items()):
            if number % 2:
                await person.hears(words)
                await person.presses(key)
            else:
                await person.hears_out(words)
                await person.says(REPLIES[words])
        await person.hears("感谢")
        await person.phone.hang_up()
        return CallResult(await site.record(person.phone.call), await person.phone.ended(), person.phone.timeline)


async def test_voice_and_keys_may_be_mixed(told: Telling) -> None:
    record = (await told(by_both)).record
    assert record.values == ANSWERS | {"comments": None}
    assert [kept.answer.by for kept in record.answers] == ["voice", "key", "voice", "key", "voice", "key"]
    assert (record.call.disposition, record.call.ended_by) == (Disposition.COMPLETED, "caller")


@story
async def booking(site: Site) -> CallResult:
    replies = {"方便吗": "不方便", "什么时候": "明天下午三点", "对吗": "对"}
    async with dial(site.socket, "survey", "zh-CN") as phone:
        talk = await run_script(phone, {words: CLIPS[clip] for words, clip in replies.items()})
        return CallResult(await site.record(phone.call), talk.ended, phone.timeline)


async def test_another_time_is_booked_by_voice(told: Telling) -> None:
    record = (await told(booking)).record
    (booked,) = record.bookings
    assert record.call.disposition is Disposition.CALLBACK_BOOKED
    at = booked.at.astimezone(record.call.started_at.tzinfo)
    assert (at - record.call.started_at).total_seconds() > 0
    assert "下午三点" in booked.spoken


@story
async def wanting_a_person(site: Site) -> CallResult:
    async with site.person() as person:
        await person.hears_out("方便吗")
        await person.says("转人工")
        await person.hears("座席暂时无法接听")
        return CallResult(await site.record(person.phone.call), await person.phone.ended(), person.phone.timeline)


async def test_who_cannot_be_put_through_is_told_so(told: Telling) -> None:
    call = await told(wanting_a_person)
    assert "正在为您转接人工" in call.said_by_us[2]
    assert call.record.call.disposition is Disposition.BREAKOFF


@story
async def in_english(site: Site) -> CallResult:
    keys = {"good time": "1", "solved": "2", "attitude": "3", "charged": "1", "rate": "2", "suggestions": "2"}
    async with site.person("en-US") as person:
        await person.takes_the_survey(keys=keys)
        await person.hears("Thank you for your help")
        await person.phone.hang_up()
        return CallResult(await site.record(person.phone.call), await person.phone.ended(), person.phone.timeline)


async def test_a_survey_in_english_is_taken_by_keys(told: Telling) -> None:
    record = (await told(in_english)).record
    answers = {"convenient": "yes", "resolved": "no", "attitude": "dissatisfied", "charged": "yes", "score": 2}
    assert record.values == answers | {"comments": None}
    assert record.call.disposition is Disposition.COMPLETED
    assert [case.kind for case in record.cases] == ["bad_review"]


# --- turn-taking on a real line -----------------------------------------------------------------------------------


OPENING = "您好，我们是供暖报修平台，对您家报修的处理情况进行回访。您现在方便吗？"
INTO_THE_PROMPT = bytes(2 * 16_000)
"""Two seconds of silence."""
COUGH = CLIPS["嗯"][50 * 16 : 130 * 16]


@story
async def barging_in(site: Site) -> CallResult:
    async with site.person() as person:
        await person.hears("方便吗")
        await person.phone.say(INTO_THE_PROMPT + CLIPS["方便"])
        await person.hears("解决了吗")
        await person.phone.hang_up()
        return CallResult(await site.record(person.phone.call), await person.phone.ended(), person.phone.timeline)


async def test_an_answer_spoken_into_a_prompt_stops_it(told: Telling) -> None:
    call = await told(barging_in)
    assert call.record.values == {"convenient": "yes"}
    shown = call.said_by_us[1]
    assert shown.endswith("——") and OPENING.startswith(shown[:-2]) and 4 < len(shown) < len(OPENING)


@story
async def coughing(site: Site) -> CallResult:
    async with site.person() as person:
        await person.hears("方便吗")
        await person.phone.say(INTO_THE_PROMPT + COUGH)
        await person.phone.heard_quiet(1000)
        await person.presses("1")
        await person.hears("解决了吗")
        await person.phone.hang_up()
        return CallResult(await site.record(person.phone.call), await person.phone.ended(), person.phone.timeline)


async def test_a_cough_silences_a_prompt_for_a_moment_and_then_it_goes_on(told: Telling) -> None:
    call = await told(coughing)
    assert call.said_by_us[1] == OPENING
    coughed = int(np.flatnonzero(np.abs(call.timeline.said.astype(int)) > 100)[0])
    quiet_after = stop_ms(call.timeline, coughed, quiet_ms=300)
    assert quiet_after is not None and quiet_after < 1000
    went_on = call.timeline.heard[coughed + int(quiet_after * 8) + 2400 :]
    assert np.count_nonzero(np.abs(went_on.astype(int)) > 100) > 8000


@story
async def typing_ahead(site: Site) -> CallResult:
    async with site.person() as person:
        await person.hears("方便吗")
        await person.presses("111292")
        await person.hears("感谢您的合作")
        await person.phone.hang_up()
        return CallResult(await site.record(person.phone.call), await person.phone.ended(), person.phone.timeline)


async def test_keys_typed_ahead_answer_one_question_each(told: Telling) -> None:
    record = (await told(typing_ahead)).record
    assert record.values == ANSWERS | {"comments": None}


# --- people who do not answer -------------------------------------------------------------------------------------


@story
async def never_silent(site: Site) -> CallResult:
    """Somebody talks all the time, of other things."""
    voice = CLIPS["师傅来得很快"] * 30
    async with site.person() as person:
        person.phone.say(voice)
        ended = await person.phone.ended()
        return CallResult(await site.record(person.phone.call), ended, person.phone.timeline)


async def test_who_never_stops_talking_is_asked_less_and_less_and_then_left_politely(told: Telling) -> None:
    call = await told(never_silent)
    assert (call.ended.by, call.ended.cause) == ("us", "normal")
    assert len(call.timeline.said) / 8000 > 20
    assert "我们改天再给您打电话" in call.said_by_us[-1]
    assert (call.record.call.cause, call.record.call.disposition) == ("normal", Disposition.BREAKOFF)


async def a_phone_without_microphone(site: Site, speed: float) -> CallResult:
    """It plays what it is sent, so many times as fast as it sounds, and sends keys that mean nothing, but no frame."""
    loop, plays_until = asyncio.get_running_loop(), 0.0
    answers: set[asyncio.Task[None]] = set()

    async def reach(mark: wire.MarkMessage, at: float) -> None:
        await asyncio.sleep(at - loop.time())
        await socket.send_str(mark.encode())

    async def fidget() -> None:
        while True:
            await socket.send_str(wire.KeyPressMessage(digit="#").encode())
            await asyncio.sleep(4)

    async with ClientSession() as session, session.ws_connect(site.socket) as socket:
        await socket.send_str(wire.CallMessage(version=1, flow="survey", language="zh-CN", rate=8000).encode())
        answered = wire.decode_server((await socket.receive()).data)
        assert isinstance(answered, wire.AnsweredMessage)
        answers.add(asyncio.create_task(fidget()))
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                plays_until = max(plays_until, loop.time()) + len(message.data) / 16_000 / speed
                continue
            heard = wire.decode_server(message.data)
            if isinstance(heard, wire.MarkMessage):
                answers.add(asyncio.create_task(reach(heard, plays_until)))
            elif isinstance(heard, wire.EndedMessage):
                for answer in answers:
                    answer.cancel()
                nothing = np.zeros(0, np.int16)
                return CallResult(await site.record(answered.call), heard, CallTimeline(nothing, nothing))
    raise AssertionError("the socket closed without a word")


@story
async def without_audio(site: Site) -> CallResult:
    return await a_phone_without_microphone(site, speed=1)


@story
async def claiming_too_much(site: Site) -> CallResult:
    return await a_phone_without_microphone(site, speed=1000)


async def test_a_phone_that_sends_no_audio_meets_silences_and_a_goodbye(told: Telling) -> None:
    call = await told(without_audio)
    assert (call.ended.by, call.ended.cause) == ("us", "normal")
    assert call.record.call.disposition is Disposition.BREAKOFF
    assert call.record.values == {}
    assert "我们改天再给您打电话" in call.said_by_us[-1]


async def test_a_phone_that_claims_to_have_heard_the_notice_at_once_is_not_believed(told: Telling) -> None:
    record = (await told(claiming_too_much)).record
    assert record.call.consent_at and record.call.answered_at
    assert (record.call.consent_at - record.call.answered_at).total_seconds() > 3


async def test_a_socket_that_says_nothing_at_all_is_given_up_as_lost(site: Site) -> None:
    async with ClientSession() as session, session.ws_connect(site.socket) as socket:
        await socket.send_str(wire.CallMessage(version=1, flow="survey", language="zh-CN", rate=8000).encode())
        answered = wire.decode_server((await socket.receive()).data)
        assert isinstance(answered, wire.AnsweredMessage)
        record = await site.record(answered.call)
    assert (record.call.ended_by, record.call.cause) == ("network", "media_lost")


# --- people who leave ---------------------------------------------------------------------------------------------


async def test_a_bad_review_becomes_a_case_even_when_the_caller_hangs_up(site: Site) -> None:
    async with site.person() as person:
        await person.takes_the_survey(until="态度", keys=KEYS | {"解决了吗": "2"})
        await person.phone.hang_up()
        record = await site.record(person.phone.call)
    (case,) = record.cases
    assert (case.kind, case.details["resolved"]) == ("bad_review", "no")
    assert record.call.disposition is Disposition.BREAKOFF


async def test_hanging_up_at_any_question_keeps_what_was_answered_before(site: Site) -> None:
    async def leave_at(words: str) -> tuple[CallRecord, list[str]]:
        async with site.person() as person:
            await person.takes_the_survey(until=words)
            await person.phone.hang_up()
            return await site.record(person.phone.call), list(KEYS)[: list(KEYS).index(words)]

    for record, answered in await asyncio.gather(*map(leave_at, KEYS)):
        assert len(record.answers) == len(answered)
        assert (record.call.ended_by, record.call.cause) == ("caller", "normal")
        essential = sum(question in record.values for question in ("resolved", "attitude", "charged", "score"))
        expected = {4: Disposition.COMPLETED, 3: Disposition.PARTIAL, 2: Disposition.PARTIAL}
        assert record.call.disposition is expected.get(essential, Disposition.BREAKOFF)


async def test_who_hangs_up_during_the_notice_is_not_recorded(site: Site) -> None:
    async with site.person() as person:
        await person.hears("录音")
        await person.phone.say(bytes(16_000))
        await person.phone.hang_up()
        record = await site.record(person.phone.call)
    assert record.call.consent_at is None and record.recordings == ()
    assert not list(site.settings.data.rglob(f"{person.phone.call}.wav"))
    assert record.transcript[0].text.endswith("——")


@pytest.mark.parametrize("moment", ["at once", "in a prompt", "while speaking", "after a key", "at the goodbye"])
async def test_a_socket_cut_at_any_moment_ends_the_call_and_its_record(site: Site, moment: str) -> None:
    async with site.person() as person:
        with suppress(CallOver):
            if moment != "at once":
                await person.hears("方便吗")
            match moment:
                case "in a prompt":
                    await person.phone.say(INTO_THE_PROMPT)
                case "while speaking":
                    await person.phone.say(INTO_THE_PROMPT + CLIPS["方便"][:4000])
                case "after a key":
                    await person.presses("1")
                case "at the goodbye":
                    await person.presses("111292")
                    await person.hears("感谢")
        await person.phone.cut()
        record = await site.record(person.phone.call)
    assert (record.call.ended_by, record.call.cause) == ("network", "media_lost")
    assert record.call.disposition is (Disposition.COMPLETED if moment == "at the goodbye" else Disposition.BREAKOFF)


async def test_a_survey_is_kept_in_postgresql_as_well(postgres: str, tmp_path: Path) -> None:
    async with a_site(tmp_path, database=postgres) as site, site.person() as person:
        await person.takes_the_survey(keys=KEYS | {"解决了吗": "2"})
        await person.hears("感谢")
        await person.phone.hang_up()
        record = await site.record(person.phone.call)
    assert record.values == ANSWERS | {"resolved": "no", "comments": None}
    assert (len(record.cases), len(record.recordings), record.call.disposition) == (1, 1, Disposition.COMPLETED)
