"""Live calls outlive their node: three nodes on one Asterisk; one is killed at each question and during transfers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from ivr.events import CallResumed, TransferCompleted
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.asterisk.caller import ANSWERS, Caller
from tests.asterisk.cluster import Cluster, running_cluster
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import RATE, Heard, babble
from tests.asterisk.system import FALLBACK, running_system

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(7)]

NOTICE = "common.resumed"
PROMPTS = {
    "convenient": "survey.opening",
    "resolved": "survey.resolved",
    "attitude": "survey.attitude",
    "charged": "survey.charged",
    "score": "survey.score",
    "comments": "survey.comments",
}
"""Question → the prompt that asks it."""
LINES = {"4000": {"flow": "survey"}, "4001": {"flow": "hotline"}}
TARGETS = {"hotline": f"PJSIP/{FALLBACK}"}
WORD = babble(0.6, seed=41)
STAGGER_S = 1.0
BEGINNING = round(1.5 * RATE)
"""Samples of the first question that are recorded even if the node is killed at its end: two seconds may be lost."""
ALIKE = 0.75
"""Likeness of a prompt, even if a busy machine makes it stumble."""
STORED_S = 180.0
"""Time for the restarted nodes to find the recordings in their spools."""


@dataclass(frozen=True)
class Interrupted:
    """A call whose node was killed at the moment `killed`, when `question` was open."""

    caller: Caller[PhoneCall]
    record: CallRecord
    question: str
    killed: float

    def at(self, prompt: str) -> float:
        """How long after the node's end a prompt was first heard (s)."""
        heard, sound = self.caller.heard.since(self.killed), self.caller.detector.sound(prompt)
        for within_s in (6, 12, 24, 48):
            found = heard.until(self.killed + within_s + len(sound) / RATE).find(sound)
            if found.likeness > ALIKE:
                return found.at - self.killed
        raise AssertionError(f"{prompt} was not heard again at {self.question}: {found}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with (
        running_system(tmp_path_factory.mktemp("house"), lines=LINES, targets=TARGETS) as system,
        running_cluster(system) as cluster,
    ):
        yield cluster


async def recorded(cluster: Cluster, phone: Phone) -> CallRecord:
    """The record of a call, once each part of its recording is in it."""

    def complete(record: CallRecord) -> bool:
        consent_at = record.call.consent_at
        later = [turn for turn in record.turns if isinstance(turn.event, CallResumed)]
        parts = 1 + sum(turn.at > consent_at for turn in later) if consent_at else 0
        return record.call.ended_at is not None and len(record.recordings) >= parts

    return await cluster.system.record_when(phone.account.name, complete, STORED_S)


async def called(cluster: Cluster, phone: Phone) -> Caller[PhoneCall]:
    await cluster.place_call(phone.account.name)
    call = await phone.called()
    call.answer()
    return cluster.system.caller_on(call)


async def interrupted(cluster: Cluster, question: str, *, outbound: bool = False) -> Interrupted:
    """A survey by voice whose node is killed when `question` has been asked."""
    phone = await cluster.system.phone()
    caller = await (called(cluster, phone) if outbound else cluster.system.caller(phone))
    await caller.takes_the_survey(until=question)
    killed = await cluster.kills_leader(phone.account.name)
    await caller.takes_the_survey()
    return Interrupted(caller, await recorded(cluster, phone), question, killed)


async def at_once(*stories: Awaitable[Interrupted]) -> list[Interrupted]:
    async def begin(number: int, story: Awaitable[Interrupted]) -> Interrupted:
        await asyncio.sleep(number * STAGGER_S)
        return await story

    return await asyncio.gather(*(begin(number, story) for number, story in enumerate(stories)))


def sides(path: str) -> tuple[Heard, Heard]:
    """The caller's side of a recording, and ours."""
    stereo, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    return Heard(0.0, np.ascontiguousarray(stereo[:, 0])), Heard(0.0, np.ascontiguousarray(stereo[:, 1]))


def is_right(call: Interrupted) -> None:
    """The record has all answers, both halves of the conversation, and a recording of each."""
    record = call.record
    assert record.call.disposition is Disposition.COMPLETED
    assert (record.call.cause, record.call.ended_by) == ("normal", "us")
    assert record.values.items() >= ANSWERS.items()
    moments = [line.at_ms for line in record.transcript]
    assert moments == sorted(moments)
    parts = sorted(record.recordings, key=lambda part: part.offset_ms)
    ends = [part.offset_ms + part.seconds * 1000 for part in parts]
    assert all(part.offset_ms >= end - 200 for end, part in zip(ends, parts[1:], strict=False)), parts
    sound = call.caller.detector.sound
    ours = [sides(part.path)[1] for part in parts]
    assert any(side.find(sound(PROMPTS[call.question])).likeness > 0.95 for side in ours[1:]), call.question
    assert any(side.find(sound(PROMPTS["convenient"])[:BEGINNING]).likeness > 0.9 for side in ours)


@pytest.mark.parametrize("outbound", [False, True], ids=["inbound", "outbound"])
async def test_callers_hear_the_open_question_again(
    cluster: Cluster, outbound: bool, record_property: pytest.RecordProperty
) -> None:
    calls = await at_once(*(interrupted(cluster, question, outbound=outbound) for question in PROMPTS))
    times = [(call.question, call.at(NOTICE), call.at(PROMPTS[call.question])) for call in calls]
    record_property("seconds from the node's end to the notice, and to the question", times)
    print(times)
    for call in calls:
        assert sum(isinstance(turn.event, CallResumed) for turn in call.record.turns) >= 1
        is_right(call)
    await cluster.complete()
    await cluster.system.nothing_is_left()


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1])
async def test_a_caller_whose_node_dies_while_it_answers_is_served_by_another(cluster: Cluster, after_s: float) -> None:
    """Whatever has been saved by then: nothing, the opening of the call, or its first turn."""
    await cluster.complete()
    phone = await cluster.system.phone()
    calling = asyncio.create_task(phone.call("4000"))
    await cluster.kills_answering(after_s)
    caller = cluster.system.caller_on(await (await calling).answered())
    await caller.takes_the_survey()
    record = await recorded(cluster, phone)
    assert record.call.disposition is Disposition.COMPLETED and record.values.items() >= ANSWERS.items()
    await cluster.complete()
    await cluster.system.nothing_is_left()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def person_phone(cluster: Cluster) -> Phone:
    """The phone to which callers are transferred."""
    return await cluster.system.phone(FALLBACK)


async def asks_for_a_person(cluster: Cluster) -> tuple[Phone, Caller[PhoneCall]]:
    phone = await cluster.system.phone()
    caller = cluster.system.caller_on(await (await phone.call("4001")).answered())
    await caller.hears_out("hotline.menu")
    await caller.presses("0")
    return phone, caller


async def talks(caller: Caller[PhoneCall], person: PhoneCall) -> None:
    """The caller speaks until the person hears it."""
    async with asyncio.timeout(30):
        heard = False
        while not heard:
            began = asyncio.get_running_loop().time()
            await caller.call.say(WORD)
            await asyncio.sleep(0.5)
            heard = person.heard().since(began).find(WORD).likeness > ALIKE


async def rates(cluster: Cluster, phone: Phone, caller: Caller[PhoneCall]) -> CallRecord:
    """The caller rates the talk, as the flow asks after it."""
    await caller.hears_out("rating.resolved")
    await caller.presses("1")
    await caller.hears_out("rating.attitude")
    await caller.presses("1")
    await caller.call.ended()
    record = await cluster.system.record_of(phone.account.name)
    assert record.values.items() >= {"agent_resolved": "yes", "agent_attitude": "satisfied"}.items()
    assert any(isinstance(turn.event, CallResumed) for turn in record.turns)
    return record


async def test_people_go_on_talking_and_the_flow_goes_on_after_them(cluster: Cluster, person_phone: Phone) -> None:
    phone, caller = await asks_for_a_person(cluster)
    person = await person_phone.called()
    person.answer()
    await talks(caller, person)
    await cluster.kills_leader(phone.account.name)
    await talks(caller, person)
    await cluster.complete()
    await asyncio.sleep(20)  # leases run out meanwhile
    await talks(caller, person)
    await person.hang_up()
    record = await rates(cluster, phone, caller)
    assert CallResumed(transferred=True) in [turn.event for turn in record.turns]
    await cluster.system.nothing_is_left()


async def test_a_transfer_that_rings_is_led_again(cluster: Cluster, person_phone: Phone) -> None:
    phone, caller = await asks_for_a_person(cluster)
    ringing = await person_phone.called()
    ringing.ring()
    killed = await cluster.kills_leader(phone.account.name)
    person = await person_phone.called()
    await ringing.ended()
    person.answer()
    await talks(caller, person)
    assert caller.heard.since(killed).find(caller.detector.sound("common.transfer")).likeness > ALIKE
    await person.hang_up()
    record = await rates(cluster, phone, caller)
    assert any(isinstance(turn.event, TransferCompleted) for turn in record.turns)
    await cluster.complete()
    await cluster.system.nothing_is_left()


async def test_a_rolling_restart_loses_no_call(cluster: Cluster) -> None:
    async def survey(delay_s: float) -> CallRecord:
        await asyncio.sleep(delay_s)
        phone = await cluster.system.phone()
        caller = await cluster.system.caller(phone)
        await caller.takes_the_survey()
        return await recorded(cluster, phone)

    calls = [asyncio.create_task(survey(number * STAGGER_S)) for number in range(6)]
    await asyncio.sleep(12)
    for node in cluster.nodes:
        await node.hands_over()
        await node.start()
    records = await asyncio.gather(*calls)
    assert [node.ended[-1] for node in cluster.nodes] == [0, 0, 0]
    for record in records:
        assert record.call.disposition is Disposition.COMPLETED
        assert record.values.items() >= ANSWERS.items()
        assert record.call.cause == "normal"
    assert sum(isinstance(turn.event, CallResumed) for record in records for turn in record.turns) >= 6
    await cluster.system.nothing_is_left()
