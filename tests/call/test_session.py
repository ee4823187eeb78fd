"""Surveys by voice and keys, and unusual callers, on the real service with the real recogniser."""

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
from tests.call.caller import ANSWERS, CLIPS, KEYS, ServiceSite, running_site

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.calls(3)]

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
    """A finished call: its record, its end as the phone saw it, and its audio."""

    record: CallRecord
    ended: wire.EndedMessage
    timeline: CallTimeline

    @property
    def said_by_us(self) -> list[str]:
        return [line.text for line in self.record.transcript if line.who == "us"]


Scenario = Callable[[ServiceSite], Awaitable[CallResult]]
SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    """Register a long call. All scenarios run concurrently; the tests examine their results."""
    SCENARIOS.append(run)
    return run


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def result_of(site: ServiceSite) -> AsyncIterator[Callable[[Scenario], Awaitable[CallResult]]]:
    calls = {run: asyncio.create_task(run(site)) for run in SCENARIOS}
    yield lambda run: calls[run]
    for call in calls.values():
        call.cancel()
    await asyncio.gather(*calls.values(), return_exceptions=True)


ResultOf = Callable[[Scenario], Awaitable[CallResult]]

# --- whole surveys ------------------------------------------------------------------------------------------------


@scenario
async def by_voice(site: ServiceSite) -> CallResult:
    async with dial(site.socket, "survey", "zh-CN", {"fee_unpaid": True}) as phone:
        talk = await run_script(phone, {words: CLIPS[clip] for words, clip in REPLIES.items()})
        return CallResult(await site.record(phone.call), talk.ended, phone.timeline)


async def test_a_survey_taken_by_voice_is_complete(result_of: ResultOf) -> None:
    call = await result_of(by_voice)
    record = call.record
    assert record.values == ANSWERS | {"comments": None}
    assert {kept.answer.by for kept in record.answers} == {"voice"}
    assert (record.call.disposition, record.call.cause, record.call.ended_by) == (Disposition.COMPLETED, "normal", "us")
    assert "交纳供暖费" in call.said_by_us[-1] and "感谢您的合作" in call.said_by_us[-1]
    comments = next(kept.answer for kept in record.answers if kept.answer.question == "comments")
    assert comments.span_ms and comments.span_ms[1] - comments.span_ms[0] > 1000


async def test_the_recording_keeps_both_sides_in_time(result_of: ResultOf) -> None:
    call = await result_of(by_voice)
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
    """Position of the recorded side on the phone's timeline (ms), and the likeness of the two envelopes there."""
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


@scenario
async def by_keys(site: ServiceSite) -> CallResult:
    async with site.caller() as caller:
        await caller.takes_the_survey()
        ended = await caller.phone.ended()
        return CallResult(await site.record(caller.phone.call), ended, caller.phone.timeline)


async def test_a_survey_taken_by_keys_is_complete_and_the_caller_may_hang_up_first(result_of: ResultOf) -> None:
    call = await result_of(by_keys)
    assert call.record.values == ANSWERS | {"comments": None}
    assert {kept.answer.by for kept in call.record.answers} == {"key"}
    assert call.record.call.disposition is Disposition.COMPLETED
    assert (call.ended.by, call.ended.cause) == ("us", "normal")
    last = np.flatnonzero(np.abs(call.timeline.heard.astype(int)) > 100)[-1]
    assert (len(call.timeline.heard) - last) / 8000 > 1.9


async def test_prompts_interrupted_by_a_key_are_marked_as_cut(result_of: ResultOf) -> None:
    call = await result_of(by_keys)
    assert call.said_by_us[0] == "为了提高服务质量，本次通话将被录音。"
    assert all(text.endswith("——") for text in call.said_by_us[1:7])
    assert not call.said_by_us[7].endswith("——")


@scenario
async def by_both(site: ServiceSite) -> CallResult:
    async with site.caller() as caller:
        for number, (words, key) in enumerate(KEYS.items()):
            if number % 2:
                await caller.hears(words)
                await caller.presses(key)
            else:
                await caller.hears_out(words)
                await caller.says(REPLIES[words])
        await caller.hears("感谢")
        await caller.phone.hang_up()
        return CallResult(await site.record(caller.phone.call), await caller.phone.ended(), caller.phone.timeline)


async def test_voice_and_keys_may_be_mixed(result_of: ResultOf) -> None:
    record = (await result_of(by_both)).record
    assert record.values == ANSWERS | {"comments": None}
    assert [kept.answer.by for kept in record.answers] == ["voice", "key", "voice", "key", "voice", "key"]
    assert (record.call.disposition, record.call.ended_by) == (Disposition.COMPLETED, "caller")


@scenario
async def booking(site: ServiceSite) -> CallResult:
    replies = {"方便吗": "不方便", "什么时候": "明天下午三点", "对吗": "对"}
    async with dial(site.socket, "survey", "zh-CN") as phone:
        talk = await run_script(phone, {words: CLIPS[clip] for words, clip in replies.items()})
        return CallResult(await site.record(phone.call), talk.ended, phone.timeline)


async def test_another_time_is_booked_by_voice(result_of: ResultOf) -> None:
    record = (await result_of(booking)).record
    (booked,) = record.bookings
    assert record.call.disposition is Disposition.CALLBACK_BOOKED
    at = booked.at.astimezone(record.call.started_at.tzinfo)
    assert (at - record.call.started_at).total_seconds() > 0
    assert "下午三点" in booked.spoken


@scenario
async def asking_for_an_agent(site: ServiceSite) -> CallResult:
    async with site.caller() as caller:
        await caller.hears_out("方便吗")
        await caller.says("转人工")
        await caller.hears("座席暂时无法接听")
        return CallResult(await site.record(caller.phone.call), await caller.phone.ended(), caller.phone.timeline)


async def test_a_caller_whose_transfer_fails_hears_so(result_of: ResultOf) -> None:
    call = await result_of(asking_for_an_agent)
    assert "正在为您转接人工" in call.said_by_us[2]
    assert call.record.call.disposition is Disposition.BREAKOFF


@scenario
async def in_english(site: ServiceSite) -> CallResult:
    keys = {"good time": "1", "solved": "2", "attitude": "3", "charged": "1", "rate": "2", "suggestions": "2"}
    async with site.caller("en-US") as caller:
        await caller.takes_the_survey(keys=keys)
        await caller.hears("Thank you for your help")
        await caller.phone.hang_up()
        return CallResult(await site.record(caller.phone.call), await caller.phone.ended(), caller.phone.timeline)


async def test_a_survey_in_english_is_taken_by_keys(result_of: ResultOf) -> None:
    record = (await result_of(in_english)).record
    answers = {"convenient": "yes", "resolved": "no", "attitude": "dissatisfied", "charged": "yes", "score": 2}
    assert record.values == answers | {"comments": None}
    assert record.call.disposition is Disposition.COMPLETED
    assert [case.kind for case in record.cases] == ["bad_review"]


# --- turn-taking on a real call -----------------------------------------------------------------------------------


OPENING = "您好，我们是供暖报修平台，对您家报修的处理情况进行回访。您现在方便吗？"
TWO_SECONDS = bytes(2 * 16_000)
"""Two seconds of silence."""
COUGH = CLIPS["嗯"][50 * 16 : 130 * 16]


@scenario
async def barging_in(site: ServiceSite) -> CallResult:
    async with site.caller() as caller:
        await caller.hears("方便吗")
        await caller.phone.say(TWO_SECONDS + CLIPS["方便"])
        await caller.hears("解决了吗")
        await caller.phone.hang_up()
        return CallResult(await site.record(caller.phone.call), await caller.phone.ended(), caller.phone.timeline)


async def test_an_answer_spoken_over_a_prompt_stops_it(result_of: ResultOf) -> None:
    call = await result_of(barging_in)
    assert call.record.values == {"convenient": "yes"}
    shown = call.said_by_us[1]
    assert shown.endswith("——") and OPENING.startswith(shown[:-2]) and 4 < len(shown) < len(OPENING)


@scenario
async def coughing(site: ServiceSite) -> CallResult:
    async with site.caller() as caller:
        await caller.hears("方便吗")
        await caller.phone.say(TWO_SECONDS + COUGH)
        await caller.phone.heard_quiet(1000)
        await caller.presses("1")
        await caller.hears("解决了吗")
        await caller.phone.hang_up()
        return CallResult(await site.record(caller.phone.call), await caller.phone.ended(), caller.phone.timeline)


async def test_a_cough_mutes_a_prompt_only_briefly(result_of: ResultOf) -> None:
    call = await result_of(coughing)
    assert call.said_by_us[1] == OPENING
    coughed = int(np.flatnonzero(np.abs(call.timeline.said.astype(int)) > 100)[0])
    quiet_after = stop_ms(call.timeline, coughed, quiet_ms=300)
    assert quiet_after is not None and quiet_after < 1000
    went_on = call.timeline.heard[coughed + int(quiet_after * 8) + 2400 :]
    assert np.count_nonzero(np.abs(went_on.astype(int)) > 100) > 8000


@scenario
async def typing_ahead(site: ServiceSite) -> CallResult:
    async with site.caller() as caller:
        await caller.hears("方便吗")
        await caller.presses("111292")
        await caller.hears("感谢您的合作")
        await caller.phone.hang_up()
        return CallResult(await site.record(caller.phone.call), await caller.phone.ended(), caller.phone.timeline)


async def test_keys_typed_ahead_answer_one_question_each(result_of: ResultOf) -> None:
    record = (await result_of(typing_ahead)).record
    assert record.values == ANSWERS | {"comments": None}


# --- callers who do not answer ------------------------------------------------------------------------------------


@scenario
async def talking_without_end(site: ServiceSite) -> CallResult:
    """The caller talks of other things without a pause."""
    voice = CLIPS["师傅来得很快"] * 30
    async with site.caller() as caller:
        caller.phone.say(voice)
        ended = await caller.phone.ended()
        return CallResult(await site.record(caller.phone.call), ended, caller.phone.timeline)


async def test_a_caller_who_never_stops_talking_is_dismissed_politely(result_of: ResultOf) -> None:
    call = await result_of(talking_without_end)
    assert (call.ended.by, call.ended.cause) == ("us", "normal")
    assert len(call.timeline.said) / 8000 > 20
    assert "我们改天再给您打电话" in call.said_by_us[-1]
    assert (call.record.call.cause, call.record.call.disposition) == ("normal", Disposition.BREAKOFF)


async def phone_without_microphone(site: ServiceSite, speed: float) -> CallResult:
    """A phone that plays audio at `speed` times real time and presses meaningless keys, but sends no frames."""
    loop, plays_until = asyncio.get_running_loop(), 0.0
    answers: set[asyncio.Task[None]] = set()

    async def reach(mark: wire.MarkMessage, at: float) -> None:
        await asyncio.sleep(at - loop.time())
        await socket.send_str(mark.encode())

    async def press_meaningless_keys() -> None:
        while True:
            await socket.send_str(wire.KeyPressMessage(digit="#").encode())
            await asyncio.sleep(4)

    async with ClientSession() as session, session.ws_connect(site.socket) as socket:
        await socket.send_str(wire.CallMessage(version=1, flow="survey", language="zh-CN", rate=8000).encode())
        answered = wire.decode_server((await socket.receive()).data)
        assert isinstance(answered, wire.AnsweredMessage)
        answers.add(asyncio.create_task(press_meaningless_keys()))
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


@scenario
async def without_audio(site: ServiceSite) -> CallResult:
    return await phone_without_microphone(site, speed=1)


@scenario
async def playing_too_fast(site: ServiceSite) -> CallResult:
    return await phone_without_microphone(site, speed=1000)


async def test_a_phone_that_sends_no_audio_counts_as_no_input_until_the_goodbye(result_of: ResultOf) -> None:
    call = await result_of(without_audio)
    assert (call.ended.by, call.ended.cause) == ("us", "normal")
    assert call.record.call.disposition is Disposition.BREAKOFF
    assert call.record.values == {}
    assert "我们改天再给您打电话" in call.said_by_us[-1]


async def test_a_phone_that_plays_too_fast_does_not_shorten_the_notice(result_of: ResultOf) -> None:
    record = (await result_of(playing_too_fast)).record
    assert record.call.consent_at and record.call.answered_at
    assert (record.call.consent_at - record.call.answered_at).total_seconds() > 3


async def test_a_socket_that_sends_nothing_is_closed_as_lost(site: ServiceSite) -> None:
    async with ClientSession() as session, session.ws_connect(site.socket) as socket:
        await socket.send_str(wire.CallMessage(version=1, flow="survey", language="zh-CN", rate=8000).encode())
        answered = wire.decode_server((await socket.receive()).data)
        assert isinstance(answered, wire.AnsweredMessage)
        record = await site.record(answered.call)
    assert (record.call.ended_by, record.call.cause) == ("network", "media_lost")


# --- callers who hang up ------------------------------------------------------------------------------------------


async def test_a_bad_review_becomes_a_case_even_when_the_caller_hangs_up(site: ServiceSite) -> None:
    async with site.caller() as caller:
        await caller.takes_the_survey(until="态度", keys=KEYS | {"解决了吗": "2"})
        await caller.phone.hang_up()
        record = await site.record(caller.phone.call)
    (case,) = record.cases
    assert (case.kind, case.details["resolved"]) == ("bad_review", "no")
    assert record.call.disposition is Disposition.BREAKOFF


async def test_hanging_up_at_any_question_keeps_the_earlier_answers(site: ServiceSite) -> None:
    async def leave_at(words: str) -> tuple[CallRecord, list[str]]:
        async with site.caller() as caller:
            await caller.takes_the_survey(until=words)
            await caller.phone.hang_up()
            return await site.record(caller.phone.call), list(KEYS)[: list(KEYS).index(words)]

    for record, answered in await asyncio.gather(*map(leave_at, KEYS)):
        assert len(record.answers) == len(answered)
        assert (record.call.ended_by, record.call.cause) == ("caller", "normal")
        essential = sum(question in record.values for question in ("resolved", "attitude", "charged", "score"))
        expected = {4: Disposition.COMPLETED, 3: Disposition.PARTIAL, 2: Disposition.PARTIAL}
        assert record.call.disposition is expected.get(essential, Disposition.BREAKOFF)


async def test_a_caller_who_hangs_up_during_the_notice_is_not_recorded(site: ServiceSite) -> None:
    async with site.caller() as caller:
        await caller.hears("录音")
        await caller.phone.say(bytes(16_000))
        await caller.phone.hang_up()
        record = await site.record(caller.phone.call)
    assert record.call.consent_at is None and record.recordings == ()
    assert not list(site.settings.data.rglob(f"{caller.phone.call}.wav"))
    assert record.transcript[0].text.endswith("——")


@pytest.mark.parametrize("moment", ["at once", "in a prompt", "while speaking", "after a key", "at the goodbye"])
async def test_a_socket_cut_at_any_moment_ends_the_call_and_its_record(site: ServiceSite, moment: str) -> None:
    async with site.caller() as caller:
        with suppress(CallOver):
            if moment != "at once":
                await caller.hears("方便吗")
            match moment:
                case "in a prompt":
                    await caller.phone.say(TWO_SECONDS)
                case "while speaking":
                    await caller.phone.say(TWO_SECONDS + CLIPS["方便"][:4000])
                case "after a key":
                    await caller.presses("1")
                case "at the goodbye":
                    await caller.presses("111292")
                    await caller.hears("感谢")
        await caller.phone.cut()
        record = await site.record(caller.phone.call)
    assert (record.call.ended_by, record.call.cause) == ("network", "media_lost")
    assert record.call.disposition is (Disposition.COMPLETED if moment == "at the goodbye" else Disposition.BREAKOFF)


async def test_a_survey_is_stored_in_postgresql_as_well(postgres: str, tmp_path: Path) -> None:
    async with running_site(tmp_path, database=postgres) as site, site.caller() as caller:
        await caller.takes_the_survey(keys=KEYS | {"解决了吗": "2"})
        await caller.hears("感谢")
        await caller.phone.hang_up()
        record = await site.record(caller.phone.call)
    assert record.values == ANSWERS | {"resolved": "no", "comments": None}
    assert (len(record.cases), len(record.recordings), record.call.disposition) == (1, 1, Disposition.COMPLETED)
