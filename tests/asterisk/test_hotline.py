"""The hotline from the first ring to the case: complaints by voice, put through to the agents of the right line."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from ivr.actions import Prompt
from ivr.agents.announcements import Announcements
from ivr.complaints.case_queries import CaseQueries
from ivr.complaints.rules.case import CaseFile, UnknownCase
from ivr.lifecycle import Disposition
from ivr.prompts.announce import Announcer
from ivr.prompts.library import PromptLibrary
from ivr.records.record import CallRecord
from ivr.resource_files import ROOT
from tests.asterisk.caller import CLIPS, Caller
from tests.asterisk.phone import Phone, PhoneCall
from tests.asterisk.sound import Heard, babble
from tests.asterisk.system import SystemFixture, running_system
from tests.asterisk.test_agents import becomes, says
from tests.asterisk.test_survey import likeness, sides
from tests.asterisk.test_warm_transfer import clear

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(6)]

AGENTS = {
    "hotline": "1050",
    "aid_shenyang": "1051",
    "aid_dalian": "1052",
    "aid_card": "1053",
    "supervision": "1054",
    "aid_ebank": "1055",
}
"""Line → the phone of the only agent on duty for it, who has the same name."""
LINE = '{{wrap_up_s: 300, shifts: {{always: {{starts: "00:00", ends: "00:00", agents: [{name}]}}}}}}'
ROSTERS = "\n".join(
    [
        "version: 1",
        "agents:",
        *(f'  {name}: {{name: {name}, phone: "{phone}"}}' for name, phone in AGENTS.items()),
        "lines:",
        *(f"  {name}: {LINE.format(name=name)}" for name in AGENTS),
    ]
)
HOTLINE = "95500"
PLACE = b"the caller's own words"
NUMBER = "+8613605060708"
DIALLED = "13605060708"
TO_CALLER, TO_AGENT = babble(1.0, seed=71), babble(1.0, seed=72)
STAGGER_S = 2.0
HEARS_WITHIN_S = 60
RINGS_WITHIN_S = 240

VOICE = {
    "menu": "投诉",
    "what": "没人理我",
    "misconduct": "都没有",
    "business": "银行卡",
    "branch": "大连",
    "callback": "不需要",
    "person_now": "需要",
}
"""Question → the clip that answers it."""
KEYS = {
    "menu": "2",
    "misconduct": "3",
    "business": "1",
    "branch": "2",
    "callback": "2",
    "person_now": "1",
    "offer": "1",
    "phone": f"{DIALLED}#",
}
"""Question → the keys that answer it, where the clip was not understood twice or there is none."""
MISSES = 2
ASKS = {
    "hotline.menu": "menu",
    "callback.offer": "offer",
    "repair.phone": "phone",
    **{f"complaint.{name}": name for name in VOICE},
    **{f"{name}.{again}{time}": name for name in (*VOICE, "phone") for again in ("retry", "silent") for time in (1, 2)},
}
"""Prompt → what it asks for."""


@dataclass
class Switchboard:
    """The house with its agents at their phones."""

    system: SystemFixture
    agents: Mapping[str, Phone]
    announcements: Announcements

    async def calls(self, phone: str) -> Caller:
        call = await (await self.system.phone(phone)).call(HOTLINE)
        return self.system.caller_on(await call.answered())

    async def put_through(self, person: Complainer, line: str) -> PhoneCall:
        """The caller answers until the line's phone rings; its agent picks up, and hears the whisper out."""
        answering = asyncio.create_task(person.goes_on())
        ringing = asyncio.create_task(self.agents[line].called(RINGS_WITHIN_S))
        await asyncio.wait((answering, ringing), return_when=asyncio.FIRST_COMPLETED)
        if not ringing.done():
            ringing.cancel()
            await answering
        agent = await ringing
        answering.cancel()
        agent.ring()
        await asyncio.sleep(0.5)
        agent.answer()
        await agent.hears_sound()
        await agent.hears_quiet(1.5, within_s=40)
        return agent

    async def case(self, record: CallRecord) -> CaseFile:
        """The first case of a call."""
        return await CaseQueries(self.system.records.database).case(record.cases[0].number, "staff")

    def whisper(self, line: str, caller: str, words: str) -> list[np.ndarray]:
        """What the agent hears beside the caller's own words, before them and after them."""
        whole = self.announcements.whisper(line, caller, words, "zh-CN", PLACE)
        return [np.frombuffer(part, "<i2") for part in whole.split(PLACE)]


class Complainer:
    """Answers what is asked by voice, the third time by key; what is read back is agreed to when it is right."""

    def __init__(self, caller: Caller, voice: Mapping[str, str] = VOICE, keys: Mapping[str, str] = KEYS) -> None:
        self.caller, self._voice, self._keys = caller, voice, keys
        self._asked: Counter[str] = Counter()
        self._question = ""
        ear = caller.detector
        self._right = np.frombuffer(ear.library.pcm(Prompt("confirm.phone", {"value": NUMBER}), "zh-CN"), "<i2")
        self._since = asyncio.get_running_loop().time()

    async def goes_on(self, until: str = "") -> None:
        """Answer up to the end of the prompt `until`, which is left to the test."""
        while name := await self.caller.hears_out(within_s=HEARS_WITHIN_S):
            if name == until:
                return
            if name.startswith("confirm."):
                await self._agree(name == "confirm.keys")
            elif question := ASKS.get(name):
                await self._answer(question)
        raise AssertionError(f"{until} was not heard, but {[heeded.name for heeded in self.caller.heard_prompts]}")

    async def _answer(self, question: str) -> None:
        self._question, self._since = question, asyncio.get_running_loop().time()
        self._asked[question] += 1
        clip = self._voice.get(question)
        if question == "phone":
            clip = "错的号码" if self._asked[question] == 1 else "对的号码"
        if clip and (self._asked[question] <= MISSES or question not in self._keys):
            await self.caller.says(clip, question)
        else:
            await self.caller.presses(self._keys[question], question)

    async def _agree(self, by_key: bool) -> None:
        heard = self.caller.heard.since(self._since)
        right = self._question != "phone" or heard.find(self._right).likeness > 0.95
        if by_key:
            await self.caller.presses("1" if right else "2")
        else:
            await self.caller.says("对" if right else "不对")


@dataclass(frozen=True)
class CallResult:
    """A call that is over: as the caller heard it, as it was recorded, its case, and the agent's side."""

    caller: Caller
    record: CallRecord
    case: CaseFile | None = None
    agent: PhoneCall | None = None
    whisper: Sequence[np.ndarray] = ()
    said: str = ""
    """The clip of what happened."""


Story = Callable[[Switchboard], Awaitable[CallResult]]
STORIES: list[Story] = []


def story(tell: Story) -> Story:
    """A call that is led at the same time as the others; each rings a line of its own, if any."""
    STORIES.append(tell)
    return tell


async def talk(caller: PhoneCall, agent: PhoneCall) -> None:
    await asyncio.sleep(0.5)
    await asyncio.gather(caller.say(TO_AGENT), agent.say(TO_CALLER))
    await asyncio.sleep(0.5)


@story
async def about_a_branch(board: Switchboard) -> CallResult:
    caller = await board.calls("1060")
    agent = await board.put_through(Complainer(caller, {**VOICE, "callback": "需要"}), "aid_dalian")
    await agent.press("1")
    await talk(caller.call, agent)
    await agent.hang_up()
    await caller.hears_out("rating.resolved")
    await caller.presses("1")
    await caller.hears_out("rating.attitude")
    await caller.presses("1")
    await caller.call.ended(20)
    record = await board.system.record_of("1060")
    whisper = board.whisper("aid_dalian", "1060", "客户投诉，大连，银行卡")
    return CallResult(caller, record, await board.case(record), agent, whisper, "没人理我")


@story
async def with_serious_words(board: Switchboard) -> CallResult:
    caller = await board.calls("1061")
    person = Complainer(caller, {**VOICE, "what": "要求赔偿", "branch": "沈阳"})
    agent = await board.put_through(person, "supervision")
    await agent.press("1")
    await talk(caller.call, agent)
    await caller.call.hang_up()
    await agent.ended()
    record = await board.system.record_of("1061")
    whisper = board.whisper("supervision", "1061", "客户投诉，沈阳，银行卡，提到赔偿")
    return CallResult(caller, record, await board.case(record), agent, whisper, "要求赔偿")


@story
async def declined(board: Switchboard) -> CallResult:
    caller = await board.calls("1062")
    person = Complainer(caller, {**VOICE, "branch": "沈阳"})
    agent = await board.put_through(person, "aid_shenyang")
    await asyncio.gather(agent.press("2"), return_exceptions=True)
    await agent.ended()
    await person.goes_on(until="callback.promised")
    await caller.call.ended(20)
    record = await board.system.record_of("1062")
    return CallResult(caller, record, await board.case(record), agent)


@story
async def phone_unreachable(board: Switchboard) -> CallResult:
    await board.agents["aid_card"].register(expires=0)
    caller = await board.calls("1063")
    voice = {name: clip for name, clip in VOICE.items() if name != "branch"}
    person = Complainer(caller, voice, {**KEYS, "branch": "4"})
    await person.goes_on(until="callback.offer")
    await caller.presses("2")
    await caller.call.ended(20)
    record = await board.system.record_of("1063")
    return CallResult(caller, record, await board.case(record))


@story
async def about_fraud(board: Switchboard) -> CallResult:
    caller = await board.calls("1064")
    voice = {name: clip for name, clip in VOICE.items() if name != "misconduct"}
    person = Complainer(caller, voice, {**KEYS, "misconduct": "1"})
    await person.goes_on(until="complaint.business")
    await caller.presses("0")
    await caller.call.ended(60)
    return CallResult(caller, await board.system.record_of("1064"))


@dataclass(frozen=True)
class End:
    """What came of all stories; `rung`: which line's phone rang, and for whom."""

    board: Switchboard
    stories: Mapping[Story, CallResult | BaseException]
    rung: Counter[tuple[str, str]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def end(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[End]:
    data: Path = tmp_path_factory.mktemp("house")
    (data / "rosters.yaml").write_text(ROSTERS, encoding="utf-8")
    async with running_system(data, lines={HOTLINE: {"flow": "hotline"}}) as system, system.served():
        agents = {line: await system.phone(phone) for line, phone in AGENTS.items()}
        rung: Counter[tuple[str, str]] = Counter()
        for line, phone in agents.items():
            phone.on_call = partial(_count, rung, line)
            await says(system, line, {"state": "available"})
            await becomes(system, line, "available")
        library = PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC))
        board = Switchboard(system, agents, Announcements(library, Announcer(library.catalog)))
        calls = (_later(number, tell(board)) for number, tell in enumerate(STORIES))
        ends = await asyncio.gather(*calls, return_exceptions=True)
        yield End(board, dict(zip(STORIES, ends, strict=True)), rung)
        await system.nothing_is_left()


async def _later(number: int, story: Awaitable[CallResult]) -> CallResult:
    """Callers who all begin at once would make each other's voices stumble."""
    await asyncio.sleep(number * STAGGER_S)
    return await story


def _count(rung: Counter[tuple[str, str]], line: str, caller: str) -> None:
    rung[line, caller] += 1


@pytest.fixture
def of(end: End) -> Callable[[Story], CallResult]:
    """What came of a story."""

    def look(tell: Story) -> CallResult:
        told = end.stories[tell]
        if isinstance(told, BaseException):
            raise told
        return told

    return look


def name_of(tell: Story) -> str:
    return tell.__name__


TAKEN = [about_a_branch, with_serious_words]
PUT_THROUGH = pytest.mark.parametrize("tell", TAKEN, ids=name_of)


async def test_only_the_right_lines_phone_rings(end, of):
    for tell in STORIES:
        of(tell)
    assert end.rung == {("aid_dalian", "1060"): 1, ("supervision", "1061"): 1, ("aid_shenyang", "1062"): 1}


@PUT_THROUGH
async def test_the_agent_hears_which_line_what_was_said_and_who_calls(of, tell):
    told = of(tell)
    before, after = told.whisper
    heard, own = told.agent.heard(), CLIPS[told.said]
    assert clear(heard, before) and clear(heard, after)
    assert heard.find(before).at < heard.find(own).at < heard.find(after).at
    assert heard.find(own).likeness > 0.9, "the caller's own words"
    assert told.caller.heard.find(before).likeness < 0.3, "the whisper is not for the caller"


@PUT_THROUGH
async def test_the_two_hear_each_other(of, tell):
    told = of(tell)
    assert clear(told.agent.heard(), TO_AGENT)
    assert clear(told.caller.heard, TO_CALLER)


@PUT_THROUGH
async def test_the_recording_holds_both_sides_of_the_whole_call(of, tell):
    told = of(tell)
    left, right = sides(told.record)
    assert clear(Heard(0, left), TO_AGENT) and likeness(left, TO_CALLER) < 0.3
    assert clear(Heard(0, right), TO_CALLER) and likeness(right, TO_AGENT) < 0.3
    assert likeness(right, told.caller.detector.sound("complaint.what")) > 0.95
    assert Heard(0, right).find(told.whisper[0]).likeness < 0.3


@PUT_THROUGH
async def test_the_history_says_who_took_the_call(of, tell):
    told = of(tell)
    line = told.case.case.line
    assert [(step.what, step.who) for step in told.case.steps] == [
        ("registered", "huifang"),
        ("reported", "huifang"),
        ("put_through", line),
    ]
    assert told.case.steps[-1].why == f"put through on {line}"
    assert (told.case.case.state, told.case.case.contacted_at) == ("acknowledged", told.case.steps[-1].at)


async def test_the_case_of_a_branch_is_complete(of):
    told = of(about_a_branch)
    case, record = told.case.case, told.record
    assert (case.kind, case.tier, case.line, case.owner) == ("complaint", "assistance", "aid_dalian", "dalian")
    assert (case.grade, case.responsible, case.article) == ("general", "hotline", "R5")
    said = {"business": "card", "branch": "dalian", "callback_wanted": "yes", "phone": NUMBER, "cues": None}
    assert case.details.items() >= said.items()
    begins, ends = map(int, case.details["what_span"].split("-"))
    [recording] = record.recordings
    assert ends - begins > 2000 and recording.offset_ms < begins < ends < recording.offset_ms + recording.seconds * 1000
    assert case.call == record.call.id and case.contact_due and case.reply_due
    assert record.call.disposition is Disposition.COMPLETED
    assert record.values["agent_attitude"] == "satisfied"
    assert any(line.who == "us" and "单号是" in line.text for line in record.transcript)


async def test_a_telephone_number_is_corrected_by_voice_or_keys(of, record_property):
    answers = {each.answer.question: each.answer for each in of(about_a_branch).record.answers}
    record_property("the number was given by", answers["phone"].by)
    assert (answers["phone"].value, answers["phone"].confirmed) == (NUMBER, True)
    assert answers["phone"].attempts > 1


async def test_a_serious_complaint_goes_to_supervision(of):
    case = of(with_serious_words).case.case
    assert (case.tier, case.line, case.article) == ("supervision", "supervision", "R9")
    assert case.grade == "serious" and "赔偿" in case.grade_reason
    assert case.details.items() >= {"cues": "赔偿", "branch": "shenyang", "business": "card"}.items()


async def test_who_is_declined_is_offered_a_call_back(of):
    told = of(declined)
    assert [case.kind for case in told.record.cases] == ["complaint", "call_wanted"]
    assert told.record.cases[1].details["callback_phone"] == NUMBER
    assert (told.case.case.line, told.case.case.state) == ("aid_shenyang", "registered")
    assert [step.what for step in told.case.steps] == ["registered", "reported"]
    assert reasons(told.record) == ["declined"]


async def test_an_agent_whose_phone_is_gone_is_not_waited_for(of):
    told = of(phone_unreachable)
    assert (told.case.case.line, told.case.case.state) == ("aid_card", "registered")
    assert reasons(told.record) == ["unreachable"]
    assert told.record.values["call_me"] == "no"


def reasons(record: CallRecord) -> list[str]:
    """Why transfers failed."""
    return [turn.event.reason for turn in record.turns if hasattr(turn.event, "reason")]


async def test_fraud_is_put_through_to_nobody(end, of):
    told = of(about_fraud)
    assert told.record.call.withheld and told.record.cases == ()
    database = end.board.system.records.database
    [case] = (await end.board.system.records.call(told.record.call.id, "management")).cases
    with pytest.raises(UnknownCase):
        await CaseQueries(database).case(case.number, "staff")
    file = await CaseQueries(database).case(case.number, "management")
    assert (file.case.kind, file.case.tier, file.case.confidential) == ("fraud", "management", True)
    assert [step.what for step in file.steps] == ["registered"]
    for name in ("complaint.management", "complaint.thanks"):
        assert told.caller.heard.find(told.caller.detector.sound(name)).likeness > 0.95, name
