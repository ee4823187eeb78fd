"""The survey over a real Asterisk, from the first ring to the record: by voice, by keys, on a bad line, interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.asterisk.caller import ANSWERS, CLIPS, VOICE, Caller
from tests.asterisk.rtp import NetworkImpairment
from tests.asterisk.sound import RATE, Heard
from tests.asterisk.system import SystemFixture, running_system

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(7)]

QUESTIONS = (
    "survey.opening",
    "survey.resolved",
    "survey.attitude",
    "survey.charged",
    "survey.score",
    "survey.comments",
)
SPOKEN = ("survey.notice", *QUESTIONS, "survey.closing")
WITHIN_S = 25
UNHAPPY = {"convenient": "1", "resolved": "2", "attitude": "3", "charged": "1", "score": "2", "comments": "2"}
UNHAPPY_ANSWERS = {"convenient": "yes", "resolved": "no", "attitude": "dissatisfied", "charged": "yes", "score": 2}


@dataclass(frozen=True)
class CallResult:
    """A call that is over, from both sides."""

    caller: Caller
    record: CallRecord
    marked: float = 0.0
    """A moment that the story is about."""
    heard: Heard = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "heard", self.caller.heard)


Story = Callable[[SystemFixture], Awaitable[CallResult]]
STORIES: list[Story] = []


def name_of(tell: Story) -> str:
    return tell.__name__


def story(tell: Story) -> Story:
    """A call led at the same time as all the others; its tests look at what came of it."""
    STORIES.append(tell)
    return tell


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[Story, CallResult]]:
    """All stories, at one service; nothing of them is left in Asterisk."""
    async with running_system(tmp_path_factory.mktemp("house")) as system, system.served():
        ends = await asyncio.gather(*(tell(system) for tell in STORIES), return_exceptions=True)
        await system.nothing_is_left()
        yield dict(zip(STORIES, ends, strict=True))


@pytest.fixture
def of(told: dict[Story, CallResult | BaseException]) -> Callable[[Story], CallResult]:
    """What came of a story."""

    def look(tell: Story) -> CallResult:
        end = told[tell]
        if isinstance(end, BaseException):
            raise end
        return end

    return look


@story
async def inbound_by_voice(system: SystemFixture) -> CallResult:
    phone = await system.phone()
    caller = await system.caller(phone)
    await caller.takes_the_survey()
    return CallResult(caller, await system.record_of(phone.account.name))


@story
async def inbound_by_keys(system: SystemFixture) -> CallResult:
    phone = await system.phone()
    caller = await system.caller(phone)
    await caller.takes_the_survey(voice={}, keys=UNHAPPY)
    return CallResult(caller, await system.record_of(phone.account.name))


async def answered(system: SystemFixture) -> tuple[Caller, str]:
    """A call that we place and that is answered; with the name of the phone."""
    phone = await system.phone()
    await system.place_call(phone.account.name, caller="6789100", variables={"fee_unpaid": True})
    call = await phone.called()
    call.ring()
    await asyncio.sleep(0.5)
    call.answer()
    return system.caller_on(call), phone.account.name


@story
async def outbound_by_voice(system: SystemFixture) -> CallResult:
    caller, name = await answered(system)
    await caller.takes_the_survey()
    return CallResult(caller, await system.record_of(name))


@story
async def outbound_by_keys(system: SystemFixture) -> CallResult:
    caller, name = await answered(system)
    await caller.takes_the_survey(voice={})
    return CallResult(caller, await system.record_of(name))


@story
async def on_a_bad_line(system: SystemFixture) -> CallResult:
    phone = await system.phone()
    phone.impairment = NetworkImpairment(loss=0.05, jitter_s=0.06)
    caller = await system.caller(phone)
    await caller.takes_the_survey()
    return CallResult(caller, await system.record_of(phone.account.name))


@story
async def interrupted_by_voice(system: SystemFixture) -> CallResult:
    phone = await system.phone()
    caller = await system.caller(phone)
    await caller.takes_the_survey(until="resolved")
    await caller.says("解决了")
    await caller.hears_onset()
    await asyncio.sleep(1.0)
    spoken = await caller.says("满意", "attitude")
    await caller.takes_the_survey(voice={})
    return CallResult(caller, await system.record_of(phone.account.name), spoken.began)


@story
async def interrupted_by_key(system: SystemFixture) -> CallResult:
    phone = await system.phone()
    caller = await system.caller(phone)
    await caller.takes_the_survey(voice={}, until="charged")
    await caller.presses("2", "charged")
    await caller.hears_onset()
    await asyncio.sleep(1.0)
    pressed = await caller.presses("1", "score")
    await caller.takes_the_survey(voice={})
    return CallResult(caller, await system.record_of(phone.account.name), pressed.began)


COMPLETE = [inbound_by_voice, inbound_by_keys, outbound_by_voice, outbound_by_keys]
CLEAR = [*COMPLETE, interrupted_by_voice, interrupted_by_key]


@pytest.mark.parametrize("tell", [inbound_by_voice, outbound_by_voice, outbound_by_keys], ids=name_of)
async def test_the_survey_is_complete_and_right_in_the_records(of, tell):
    record = of(tell).record
    assert record.call.disposition is Disposition.COMPLETED
    assert record.call.cause == "normal" and record.call.ended_by == "us"
    assert record.values.items() >= ANSWERS.items()
    assert record.cases == ()


@pytest.mark.parametrize("tell", [inbound_by_voice, outbound_by_voice], ids=name_of)
async def test_what_was_said_is_kept_as_heard(of, tell):
    heard = {each.answer.question: (each.answer.by, each.answer.heard) for each in of(tell).record.answers}
    assert {question: heard[question] for question in ANSWERS} == {
        question: ("voice", VOICE[question]) for question in ANSWERS
    }
    assert heard["comments"][0] == "voice"


async def test_a_bad_review_by_keys_is_a_case(of):
    record = of(inbound_by_keys).record
    assert record.call.disposition is Disposition.COMPLETED
    assert record.values.items() >= UNHAPPY_ANSWERS.items()
    assert {each.answer.by for each in record.answers} == {"key"}
    (case,) = record.cases
    assert case.kind == "bad_review"
    assert case.details.items() >= {"resolved": "no", "attitude": "dissatisfied", "charged": "yes", "score": 2}.items()


async def test_calls_know_who_called_whom(of):
    inbound, outbound = of(inbound_by_voice).record.call, of(outbound_by_voice).record.call
    assert (inbound.network, inbound.direction, inbound.called) == ("asterisk", "inbound", "4000")
    assert (outbound.network, outbound.direction, outbound.caller) == ("asterisk", "outbound", "6789100")


def sequence(tell: Story) -> tuple[str, ...]:
    """The prompts of a whole survey, in order."""
    outbound = tell in (outbound_by_voice, outbound_by_keys)
    return SPOKEN if not outbound else (*SPOKEN[:-1], "survey.payment", "survey.closing")


@pytest.mark.parametrize("tell", COMPLETE, ids=name_of)
async def test_every_prompt_is_really_heard_in_order_whole_and_clean(of, tell):
    end = of(tell)
    caller, after = end.caller, end.heard.start
    for name in sequence(tell):
        prompt = caller.detector.sound(name)
        found = end.heard.since(after).until(after + WITHIN_S).find(prompt)
        assert found.likeness > 0.98, name
        assert found.gap_ms <= 60, name
        assert found.gain == pytest.approx(1, abs=0.03), name
        assert not found.clipped, name
        assert found.at >= after, name
        after = found.at + len(prompt) / RATE - 0.1


@pytest.mark.parametrize("tell", [inbound_by_voice, outbound_by_voice], ids=name_of)
async def test_callers_do_not_hear_themselves(of, tell):
    end = of(tell)
    assert end.caller.replies
    for reply in end.caller.replies:
        while_speaking = end.heard.since(reply.began).until(reply.ended + 0.1)
        assert while_speaking.levels().max() < 10, reply.question
        found = end.heard.find(CLIPS[VOICE[reply.question]])
        assert found.likeness < 0.5, reply.question


async def test_calls_at_once_do_not_mix(of):
    ids = {of(tell).record.call.id for tell in STORIES}
    assert len(ids) == len(STORIES)
    assert of(inbound_by_voice).record.values["score"] == 9
    assert of(inbound_by_keys).record.values["score"] == 2
    own = of(inbound_by_voice).record
    left, _ = sides(own)
    assert likeness(left, CLIPS[VOICE["comments"]]) > 0.9
    left, _ = sides(of(inbound_by_keys).record)
    assert likeness(left, CLIPS[VOICE["comments"]]) < 0.5


def sides(record: CallRecord) -> tuple[np.ndarray, np.ndarray]:
    """The caller's side of a recording, and ours."""
    (recording,) = record.recordings
    stereo, rate = soundfile.read(recording.path, dtype="int16")
    assert rate == RATE and stereo.shape[1] == 2
    return stereo[:, 0], stereo[:, 1]


def likeness(side: np.ndarray, sought: np.ndarray) -> float:
    return Heard(0.0, side).find(sought).likeness


@pytest.mark.parametrize("tell", [inbound_by_voice, outbound_by_voice], ids=name_of)
async def test_the_recording_holds_both_sides_apart(of, tell):
    caller, record = of(tell).caller, of(tell).record
    left, right = sides(record)
    for name in sequence(tell)[1:]:
        assert likeness(right, caller.detector.sound(name)) > 0.98, name
        assert likeness(left, caller.detector.sound(name)) < 0.5, name
    for clip in set(VOICE.values()) - {VOICE["confirm"]}:
        assert likeness(left, CLIPS[clip]) > 0.9, clip
        assert likeness(right, CLIPS[clip]) < 0.5, clip


async def test_the_survey_completes_on_a_line_with_5_percent_loss_and_60_ms_jitter(of, record_property):
    record = of(on_a_bad_line).record
    again = [each.answer.question for each in record.answers if each.answer.attempts > 1]
    record_property("answers that took more than one attempt", again)
    assert record.call.disposition is Disposition.COMPLETED
    assert record.values.items() >= ANSWERS.items()
    by_voice = [each for each in record.answers if each.answer.by == "voice"]
    assert len(by_voice) >= len(ANSWERS) // 2, "a person would hardly call this a survey by voice"


@pytest.mark.parametrize(
    ("tell", "prompt"),
    [(interrupted_by_voice, "survey.attitude"), (interrupted_by_key, "survey.score")],
    ids=["voice", "key"],
)
async def test_who_interrupts_a_prompt_hears_it_stop(of, tell, prompt):
    end = of(tell)
    sound = end.caller.detector.sound(prompt)
    begun = end.heard.find(sound[: RATE // 2])
    assert begun.likeness > 0.98
    would_end = begun.at + len(sound) / RATE
    assert begun.at < end.marked < would_end - 1.0
    rest = sound[round((end.marked + 0.6 - begun.at) * RATE) :]
    assert end.heard.find(rest).likeness < 0.6, "the prompt went on"


@pytest.mark.parametrize("tell", [interrupted_by_voice, interrupted_by_key], ids=["voice", "key"])
async def test_an_answer_given_into_a_prompt_counts(of, tell):
    record = of(tell).record
    assert record.call.disposition is Disposition.COMPLETED
    assert record.values["attitude"] == "satisfied"
    assert record.values["score"] == (1 if tell is interrupted_by_key else 9)
