"""The survey on an English line of a real Asterisk, with the shipped model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from ivr.lifecycle import Disposition
from ivr.prompts.audio import prepare
from ivr.prompts.render import EspeakNg, Voice
from ivr.records.record import CallRecord
from tests.asterisk.caller import ANSWERS, Caller, PromptDetector
from tests.asterisk.g711 import Samples
from tests.asterisk.system import running_system

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]

SPEAKER = Voice("espeak-ng", "en-us", speed=140)
REPLIES = {
    "convenient": "yes",
    "resolved": "it is fixed",
    "attitude": "very satisfied",
    "charged": "no",
    "score": "nine",
    "comments": "the repair worker came quickly and was very friendly",
    "confirm": "yes",
}
PROMPTS = ("survey.opening", "survey.resolved", "survey.attitude", "survey.charged", "survey.score", "survey.comments")


def clips() -> dict[str, Samples]:
    """Each answer, with a pause after it."""
    spoken = {words: np.pad(prepare(EspeakNg().speak(words, SPEAKER)), (0, 2400)) for words in REPLIES.values()}
    return {words: (32767 * samples).astype(np.int16) for words, samples in spoken.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def survey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Caller, CallRecord]]:
    """A finished call: the caller and the record."""
    lines = {"4000": {"flow": "survey", "language": "en-US"}}
    async with running_system(tmp_path_factory.mktemp("system"), lines=lines) as system, system.served() as service:
        phone = await system.phone()
        call = await phone.call("4000")
        caller = Caller(await call.answered(), PromptDetector(service.node.prompts, "en-US"), clips())
        await caller.takes_the_survey(voice=REPLIES)
        record = await system.record_of(phone.account.name)
        await system.nothing_is_left()
        yield caller, record


async def test_the_survey_is_complete_and_right(survey: tuple[Caller, CallRecord]) -> None:
    _, record = survey
    assert record.call.language == "en-US"
    assert record.call.disposition is Disposition.COMPLETED
    assert record.values.items() >= ANSWERS.items()
    assert record.cases == ()


async def test_every_answer_was_taken_by_voice(survey: tuple[Caller, CallRecord]) -> None:
    _, record = survey
    assert {each.answer.question: each.answer.by for each in record.answers} == dict.fromkeys(
        [*ANSWERS, "comments"], "voice"
    )


async def test_the_questions_are_heard_in_english(survey: tuple[Caller, CallRecord]) -> None:
    caller, _ = survey
    assert [one.name for one in caller.heard_prompts if one.name in PROMPTS] == list(PROMPTS)
