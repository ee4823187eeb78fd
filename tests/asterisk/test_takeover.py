"""Live calls outlive their node: three nodes on one Asterisk, of which one is killed at each question."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ivr.events import CallResumed
from ivr.lifecycle import Disposition
from ivr.records.record import CallRecord
from tests.asterisk.caller import ANSWERS, KEYS, Caller
from tests.asterisk.cluster import Cluster, running_cluster
from tests.asterisk.system import running_system

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
WITHIN_S = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with (
        running_system(tmp_path_factory.mktemp("house")) as system,
        running_cluster(system) as cluster,
    ):
        yield cluster


async def one_call(cluster: Cluster, question: str) -> tuple[Caller, CallRecord]:
    phone = await cluster.system.phone()
    caller = await cluster.system.caller(phone)
    await caller.takes_the_survey(until=question)
    killed = await cluster.kills_leader(phone.account.name)
    prompt = caller.detector.sound(PROMPTS[question])
    heard = await caller.hears_out(PROMPTS[question], within_s=WITHIN_S)
    assert heard, "the call ended"
    notice = caller.heard.since(killed).find(caller.detector.sound(NOTICE))
    again = caller.heard.since(killed).find(prompt)
    print(question, "notice", notice.at - killed, notice.likeness, "question", again.at - killed, again.likeness)
    await caller.presses(KEYS[question], question)
    await caller.takes_the_survey()
    return caller, await cluster.system.record_of(phone.account.name)


async def test_each_question(cluster: Cluster) -> None:
    for question in PROMPTS:
        _, record = await one_call(cluster, question)
        assert record.call.disposition is Disposition.COMPLETED
        assert record.values.items() >= ANSWERS.items()
        assert sum(isinstance(turn.event, CallResumed) for turn in record.turns) == 1
        await cluster.restarted()
    await cluster.system.nothing_is_left()
