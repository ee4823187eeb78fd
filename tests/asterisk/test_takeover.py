"""Live calls outlive their node: it is killed at each question of a survey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from ivr.events import CallResumed
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.asterisk.caller import ANSWERS, Caller
from tests.asterisk.cluster import Cluster
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import RATE, Heard
from tests.asterisk.takeover import ALIKE, NOTICE, PROMPTS, one_by_one, recorded, three_nodes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(7)]

BEGINNING = round(1.5 * RATE)
"""Samples of the first question that are recorded even if the node is killed at its end: two seconds may be lost."""


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
    async with three_nodes(tmp_path_factory.mktemp("house")) as cluster:
        yield cluster


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
    calls = await one_by_one(interrupted(cluster, question, outbound=outbound) for question in PROMPTS)
    times = [(call.question, call.at(NOTICE), call.at(PROMPTS[call.question])) for call in calls]
    record_property("seconds from the node's end to the notice, and to the question", times)
    print(times)
    for call in calls:
        assert sum(isinstance(turn.event, CallResumed) for turn in call.record.turns) >= 1
        is_right(call)
    await cluster.complete()
    await cluster.system.nothing_is_left()
