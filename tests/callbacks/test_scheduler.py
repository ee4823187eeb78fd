"""Bookings in virtual time, on both databases: claimed by one node, settled by any, whoever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.actions import BookCallback, OpenComplaint, SaveAnswer
from ivr.calendar import ZONE
from ivr.callbacks.attempts import ENGAGED_DELAY
from ivr.callbacks.retry_policy import BACKOFF, SOLVED_QUESTION
from ivr.callbacks.scheduler import CallbackScheduler, DueCallback
from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.case import CaseFile, ReaderRole
from ivr.complaints.rules.intake import Rules
from ivr.events import NothingHeard, Value
from ivr.lifecycle import Direction, Disposition
from ivr.records.call_records import CallRecords
from ivr.telephony.port import Call
from tests.complaints.people import CALL, TO_THE_REPLY, TUESDAY, after, complain, work

pytestmark = pytest.mark.slow

UNANSWERED = {
    "no_answer": (Disposition.NO_ANSWER, "no_answer", True),
    "busy": (Disposition.BUSY, "busy", True),
    "rings, then fails": (Disposition.FAILED, "failed", True),
    "congestion": (Disposition.FAILED, "congestion", False),
    "unwanted": (Disposition.REFUSED, "unwanted", False),
}
"""Disposition, hangup cause, whether it rang."""
DUE = after(days=1)
"""When the verifying call of a case that was resolved on Tuesday at 10:00 is due."""


@dataclass
class Town:
    """The customers' telephones: each call goes as the script says, then as its last entry says for ever."""

    records: CallRecords
    script: list[str]
    placed: list[tuple[str, datetime]] = field(default_factory=list)

    async def rings(self, due: DueCallback, now: datetime) -> None:
        """A call is placed, and over a minute later."""
        how = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.placed.append((due.number, now))
        if how == "the node dies before":
            return
        call = Call(due.call, "asterisk", "outbound", "", due.number, due.flow, due.language, due.variables)
        await self.records.open_call(call, "v1", now)
        end = partial(self.records.close_call, due.call, by="caller", at=now + timedelta(minutes=1))
        if how in UNANSWERED:
            disposition, cause, rang = UNANSWERED[how]
            await end(disposition, cause, rang=rang)
            return
        answered_at = now + timedelta(seconds=57) if how == "is cut off" else now
        await self.records.answer_call(due.call, answered_at)
        if how in ("yes", "no"):
            answer = SaveAnswer(SOLVED_QUESTION, how, how, (), 1.0, "key", 1)
            await self.records.save_turn(due.call, 1, NothingHeard("1"), [answer], [], now)
        if how == "later":
            wish = BookCallback(at=(now + timedelta(days=1)).replace(hour=8, minute=30).isoformat(), spoken="明早")
            await self.records.save_turn(due.call, 1, NothingHeard("1"), [wish], [], now)
        became = {
            "later": Disposition.CALLBACK_BOOKED,
            "refuses": Disposition.REFUSED,
            "hangs up": Disposition.BREAKOFF,
            "is cut off": Disposition.BREAKOFF,
        }
        await end(became.get(how, Disposition.COMPLETED), "normal")


async def passes(
    scheduler: Sequence[CallbackScheduler], town: Town, begin: datetime, end: datetime, step: timedelta
) -> None:
    """Time passes: at each step a node settles what is over, and makes the calls that are due."""
    now, turn = begin, 0
    while now < end:
        node = scheduler[turn % len(scheduler)]
        await node.settle(now)
        while due := await node.claim(f"out-{len(town.placed)}-{now.timestamp()}", now):
            await town.rings(due, now)
        now, turn = now + step, turn + 1
    await scheduler[0].settle(now)


async def rectified(
    records: CallRecords, rules: Rules, call: str = "call-1", at: datetime = TUESDAY, **details: str
) -> str:
    """A bad review that was put right and replied to on Tuesday."""
    number = await complain(records, "bad_review", call, at, resolved="no", **details)
    await records.close_call(call, Disposition.COMPLETED, "normal", "caller", at)
    await work(CaseService(records.database, rules), number, TO_THE_REPLY, at)
    return number


async def file_of(records: CallRecords, number: str, role: ReaderRole = "staff") -> CaseFile:
    return await CaseQueries(records.database).case(number, role)


def told(file: CaseFile) -> list[tuple[str, str]]:
    """What the service did with a case after its reply, without the calls' ids."""
    steps = file.steps[[step.what for step in file.steps].index("reply") + 1 :]
    return [(step.what, step.why.partition("call out-")[2].partition(": ")[2]) for step in steps]


async def unreached(records: CallRecords) -> list[str]:
    """The cases whose customers a person must call."""
    return [case.number for case in await CaseQueries(records.database).cases(CaseFilter(unreached=True), "staff", 9)]


async def two_days(records: CallRecords, rules: Rules, *script: str, **details: str) -> tuple[CaseFile, Town]:
    number = await rectified(records, rules, "call-1", TUESDAY, **details)
    town = Town(records, list(script))
    await passes([CallbackScheduler(records.database, rules)], town, DUE, after(days=3), timedelta(minutes=15))
    return await file_of(records, number), town


async def test_a_customer_who_says_it_is_solved_archives_the_case(records: CallRecords, rules: Rules) -> None:
    file, town = await two_days(records, rules, "yes")
    assert town.placed == [("+8613812345678", DUE)]
    assert (file.case.state, [step.what for step in file.steps[-2:]]) == ("archived", ["verify", "archive"])
    assert [step.who for step in file.steps[-2:]] == ["huifang", "huifang"]
    assert [(call.state, call.attempts) for call in file.verifying_calls] == [("done", 1)]


async def test_a_customer_who_says_it_is_not_opens_it_again_one_tier_up(records: CallRecords, rules: Rules) -> None:
    file, town = await two_days(records, rules, "no")
    assert (file.case.state, file.case.tier, file.case.responsible) == ("investigating", "assistance", "hotline")
    assert [step.what for step in file.steps[-2:]] == ["reopen", "escalate"]
    assert (len(town.placed), [call.state for call in file.verifying_calls]) == (1, ["cancelled"])


async def test_who_is_not_reached_three_times_is_left_to_a_person_and_stays_open(
    records: CallRecords, rules: Rules
) -> None:
    file, town = await two_days(records, rules, "no_answer", "busy", "hangs up", "yes")
    assert [at for _, at in town.placed] == [DUE, DUE + timedelta(minutes=75), DUE + timedelta(hours=5, minutes=30)]
    assert file.case.state == "replied"
    assert told(file) == [
        ("called", "no_answer; next attempt on 2026-11-25 11:01"),
        ("called", "busy; next attempt on 2026-11-25 15:16"),
        ("unreached", "breakoff; after 3 calls: a person must follow up"),
    ]
    assert [(call.state, call.attempts, call.next_at) for call in file.verifying_calls] == [("open", 3, None)]
    assert await unreached(records) == [file.case.number]


async def test_a_person_may_verify_what_the_service_could_not(records: CallRecords, rules: Rules) -> None:
    file, _ = await two_days(records, rules, "no_answer")
    after_all = await work(CaseService(records.database, rules), file.case.number, ["verify", "archive"], after(days=8))
    assert (after_all.case.state, after_all.verifying_calls[0].state) == ("archived", "done")
    assert await unreached(records) == []


async def test_calls_that_do_not_ring_are_no_attempts_and_made_ever_more_rarely(
    records: CallRecords, rules: Rules
) -> None:
    file, town = await two_days(records, rules, *["congestion"] * 4, "yes")
    assert (file.case.state, len(town.placed), file.verifying_calls[0].attempts) == ("archived", 5, 1)
    gaps = [later - at for (_, at), (_, later) in pairwise(town.placed)]
    assert all(gap >= delay for gap, delay in zip(gaps, BACKOFF, strict=True))


async def test_a_number_that_never_rings_is_left_to_a_person(records: CallRecords, rules: Rules) -> None:
    file, town = await two_days(records, rules, "congestion")
    assert len(town.placed) == 5
    assert told(file) == [("unreached", "failed; after 5 attempts without ringing: a person must follow up")]
    assert await unreached(records) == [file.case.number]


async def test_a_number_that_rings_before_it_fails_is_called_three_times(records: CallRecords, rules: Rules) -> None:
    file, town = await two_days(records, rules, "rings, then fails")
    assert (len(town.placed), file.verifying_calls[0].attempts) == (3, 3)
    assert told(file)[-1] == ("unreached", "failed; after 3 calls: a person must follow up")


async def test_who_rejects_the_call_as_unwanted_is_not_called_again_and_proposed_for_do_not_call(
    records: CallRecords, rules: Rules
) -> None:
    file, town = await two_days(records, rules, "unwanted")
    [verifying] = file.verifying_calls
    assert (len(town.placed), verifying.state, verifying.next_at, verifying.do_not_call_proposed) == (
        1, "open", None, True,
    )  # fmt: skip
    assert told(file) == [
        (
            "do_not_call_proposed",
            "refused; the customer rejects the call as unwanted: a person must confirm that the customer is not to be "
            "called",
        )
    ]
    assert await unreached(records) == [file.case.number]


async def test_who_refuses_is_not_called_again(records: CallRecords, rules: Rules) -> None:
    file, town = await two_days(records, rules, "refuses")
    assert (len(town.placed), file.case.state) == (1, "replied")
    assert told(file) == [("unreached", "refused; the customer does not want to be asked: a person must follow up")]


async def test_another_time_that_the_customer_named_is_kept_even_before_hours(
    records: CallRecords, rules: Rules
) -> None:
    file, town = await two_days(records, rules, "later", "yes")
    assert [at for _, at in town.placed] == [DUE, after(days=2).replace(hour=8, minute=30)]
    assert (file.case.state, [call.state for call in file.verifying_calls]) == ("archived", ["done", "done"])


async def test_the_customer_is_called_where_they_asked_to_be(records: CallRecords, rules: Rules) -> None:
    _, town = await two_days(records, rules, "yes", callback_phone="02488886666")
    assert [number for number, _ in town.placed] == ["+862488886666"]


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("0411-83612345转801", "+8641183612345;ext=801"),
        ("400-820-8820", "+864008208820"),
        ("1001", "1001"),
        ("anonymous", "+8613812345678"),
        ("83612345", "+8613812345678"),
    ],
)
async def test_the_first_number_that_can_be_called_is_dialled(
    records: CallRecords, rules: Rules, given: str, dialled: str
) -> None:
    _, town = await two_days(records, rules, "yes", callback_phone=given)
    assert [number for number, _ in town.placed] == [dialled]


async def test_a_phone_of_the_site_is_called_by_its_name(records: CallRecords, rules: Rules) -> None:
    await rectified(records, rules, phone="front-desk")
    due = await CallbackScheduler(records.database, rules, ["front-desk"]).claim("out-1", DUE)
    assert due is not None and due.number == "front-desk"


async def test_no_verifying_call_is_made_before_the_customer_was_told_the_result(
    records: CallRecords, rules: Rules
) -> None:
    number = await complain(records, "bad_review", resolved="no")
    case_service, scheduler, town = (
        CaseService(records.database, rules),
        CallbackScheduler(records.database, rules),
        Town(records, ["yes"]),
    )
    await records.close_call("call-1", Disposition.COMPLETED, "normal", "caller", TUESDAY)
    await work(case_service, number, TO_THE_REPLY[:4])
    await passes([scheduler], town, DUE, after(days=3), timedelta(minutes=30))
    assert town.placed == []
    await work(case_service, number, ["reply"], after(days=3))
    await passes([scheduler], town, after(days=3), after(days=4), timedelta(minutes=30))
    assert (await file_of(records, number)).case.state == "archived"


async def test_a_case_that_became_a_report_is_not_called(records: CallRecords, rules: Rules) -> None:
    number = await rectified(records, rules)
    await CaseService(records.database, rules).move(number, "report", "王", "柜员挪用", after(hours=1))
    town = Town(records, ["yes"])
    await passes([CallbackScheduler(records.database, rules)], town, DUE, after(days=2), timedelta(minutes=30))
    assert town.placed == []


async def test_an_answer_is_not_lost_when_a_person_was_faster(records: CallRecords, rules: Rules) -> None:
    number, town = await rectified(records, rules), Town(records, ["no"])
    scheduler = CallbackScheduler(records.database, rules)
    due = await scheduler.claim("out-1", DUE)
    assert due is not None
    await town.rings(due, DUE)
    await work(CaseService(records.database, rules), number, ["verify", "archive"], DUE)
    await scheduler.settle(after(days=2))
    file = await file_of(records, number)
    assert (file.case.state, told(file)[-1]) == (
        "archived", ("called", "completed; the customer says that the problem is not solved"),
    )  # fmt: skip


async def test_a_case_without_a_number_is_left_to_a_person(records: CallRecords, rules: Rules) -> None:
    case_service = CaseService(records.database, rules)
    number = await case_service.open(OpenComplaint("complaint", "来信", {"phone": "不知道"}), "王", TUESDAY)
    await work(case_service, number, TO_THE_REPLY)
    town = Town(records, ["yes"])
    await passes([CallbackScheduler(records.database, rules)], town, DUE, after(days=2), timedelta(minutes=30))
    file = await work(case_service, number, ["verify"], after(days=3))
    assert town.placed == []
    assert [step.why for step in file.steps if step.what == "unreached"] == [
        "“不知道” is not a telephone number: a person must follow up"
    ]


async def test_nobody_calls_back_who_withheld_the_number(records: CallRecords, rules: Rules) -> None:
    await records.open_call(replace(CALL, caller="anonymous"), "v1", TUESDAY)
    wish = BookCallback(at=after(hours=5).isoformat(), spoken="下午三点")
    await records.save_turn(CALL.id, 1, NothingHeard("1"), [wish, OpenComplaint("complaint", "客户投诉")], [], TUESDAY)
    await work(CaseService(records.database, rules), "20261124-0001", TO_THE_REPLY)
    town = Town(records, ["yes"])
    await passes([CallbackScheduler(records.database, rules)], town, DUE, after(days=2), timedelta(minutes=30))
    assert town.placed == []
    [unreached] = [step.why for step in (await file_of(records, "20261124-0001")).steps if step.what == "unreached"]
    assert unreached == "no number is known: a person must follow up"


async def test_the_call_that_a_customer_of_the_survey_asked_for_is_made(records: CallRecords, rules: Rules) -> None:
    await wished(records, {"fee_unpaid": True})
    scheduler = CallbackScheduler(records.database, rules)
    assert await scheduler.claim("out-1", after(hours=4)) is None
    due = await scheduler.claim("out-1", after(hours=5))
    assert due == DueCallback("out-1", "+8613812345678", "survey", "en-US", {"fee_unpaid": True})
    await Town(records, ["hangs up"]).rings(due, after(hours=5))
    await scheduler.settle(after(hours=6))
    assert await states(records) == ["done"]
    assert await scheduler.claim("out-2", after(days=1)) is None


async def wished(records: CallRecords, variables: dict[str, Value] | None = None, call: str = "call-1") -> None:
    """A customer of the survey asked on Tuesday at ten to be called at three."""
    survey = Call(call, "asterisk", "outbound", "95500", "13812345678", "survey", "en-US", variables or {})
    await records.open_call(survey, "v1", TUESDAY)
    wish = BookCallback(at=after(hours=5).isoformat(), spoken="下午三点")
    await records.save_turn(call, 1, NothingHeard("1"), [wish], [], TUESDAY)
    await records.close_call(call, Disposition.CALLBACK_BOOKED, "normal", "caller", TUESDAY)


async def states(records: CallRecords, call: str = "call-1") -> list[str]:
    return [booking.state for booking in (await records.call(call)).bookings]


async def test_a_promised_call_that_is_cut_off_at_once_is_made_again(records: CallRecords, rules: Rules) -> None:
    await wished(records)
    town, scheduler = Town(records, ["is cut off", "hangs up"]), CallbackScheduler(records.database, rules)
    await passes([scheduler], town, after(hours=5), after(hours=6), timedelta(minutes=15))
    assert (len(town.placed), await states(records)) == (1, ["open"])
    await passes([scheduler], town, after(hours=6), after(days=2), timedelta(minutes=15))
    assert (len(town.placed), await states(records)) == (2, ["done"])


async def test_a_promised_call_that_is_always_cut_off_is_made_three_times(records: CallRecords, rules: Rules) -> None:
    await wished(records)
    town = Town(records, ["is cut off"])
    await passes(
        [CallbackScheduler(records.database, rules)], town, after(hours=5), after(days=3), timedelta(minutes=15)
    )
    assert (len(town.placed), await states(records)) == (3, ["open"])


async def test_a_promised_call_rejected_as_unwanted_says_so_in_the_record(records: CallRecords, rules: Rules) -> None:
    await wished(records)
    town = Town(records, ["unwanted"])
    await passes(
        [CallbackScheduler(records.database, rules)], town, after(hours=5), after(days=3), timedelta(minutes=15)
    )
    [booking] = (await records.call("call-1")).bookings
    assert (len(town.placed), booking.state, booking.do_not_call_proposed) == (1, "open", True)


async def test_of_many_nodes_one_makes_a_call(url: str, records: CallRecords, rules: Rules) -> None:
    for n in range(1, 4):
        await rectified(records, rules, f"call-{n}", phone=f"1381234567{n}")
    found = await claimed_by_many(url, rules, DUE)
    assert sorted(due.number for due in found) == ["+8613812345671", "+8613812345672", "+8613812345673"]


async def test_of_many_nodes_one_calls_a_number_however_many_calls_were_promised_to_it(
    url: str, records: CallRecords, rules: Rules
) -> None:
    """The number is written in three ways."""
    for n, phone in enumerate(("02488886666", "+862488886666", "862488886666"), 1):
        await rectified(records, rules, f"call-{n}", phone=phone)
    assert len(await claimed_by_many(url, rules, DUE)) == 1


async def claimed_by_many(url: str, rules: Rules, now: datetime) -> list[DueCallback]:
    """What several nodes claim at the same time."""
    others = [await CallRecords.open(url, retry_timeout_s=30, rules=rules) for _ in range(4)]
    claims = [CallbackScheduler(other.database, rules).claim(f"out-{n}", now) for n, other in enumerate(others * 3)]
    found = await asyncio.gather(*claims)
    for other in others:
        await other.close()
    return [due for due in found if due is not None]


async def test_two_calls_promised_to_one_number_are_made_one_after_the_other(
    records: CallRecords, rules: Rules
) -> None:
    for n in (1, 2):
        await rectified(records, rules, f"call-{n}")
    scheduler, town = CallbackScheduler(records.database, rules), Town(records, ["yes"])
    first = await scheduler.claim("out-1", DUE)
    assert first is not None
    assert await scheduler.claim("out-2", DUE + timedelta(seconds=10)) is None
    await town.rings(first, DUE)
    over = DUE + timedelta(minutes=2)
    assert await scheduler.claim("out-2", over) is None, "the first call is over, but nobody knows yet how it went"
    await scheduler.settle(over)
    assert await scheduler.claim("out-2", over + ENGAGED_DELAY) is not None


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
async def test_nobody_is_called_who_is_on_another_call(
    records: CallRecords, rules: Rules, direction: Direction
) -> None:
    await rectified(records, rules)
    numbers = ("+8613812345678", "95500") if direction == "inbound" else ("95500", "+8613812345678")
    await records.open_call(Call("other", "asterisk", direction, *numbers, "hotline", "zh-CN"), "v1", DUE)
    scheduler = CallbackScheduler(records.database, rules)
    assert await scheduler.claim("out-1", DUE) is None
    assert await scheduler.claim("out-2", DUE + ENGAGED_DELAY) is None
    await records.close_call("other", Disposition.COMPLETED, "normal", "caller", DUE + ENGAGED_DELAY)
    assert await scheduler.claim("out-3", DUE + ENGAGED_DELAY) is None
    assert await scheduler.claim("out-4", DUE + 2 * ENGAGED_DELAY) is not None


async def test_whoever_is_on_another_call_keeps_nobody_else_waiting(records: CallRecords, rules: Rules) -> None:
    await rectified(records, rules)
    await rectified(records, rules, "call-2", phone="13912345678")
    caller = Call("other", "asterisk", "inbound", "13812345678", "95500", "hotline", "zh-CN")
    await records.open_call(caller, "v1", DUE)
    due = await CallbackScheduler(records.database, rules).claim("out-1", DUE)
    assert due is not None and due.number == "+8613912345678"


async def test_a_claim_whose_answer_was_lost_on_the_way_is_the_same_claim(records: CallRecords, rules: Rules) -> None:
    await rectified(records, rules)
    scheduler = CallbackScheduler(records.database, rules)
    due = await scheduler.claim("out-1", DUE)
    assert due is not None and await scheduler.claim("out-1", DUE) == due
    assert await unreached(records) == []
    assert await scheduler.claim("out-2", DUE) is None


async def test_a_call_that_cannot_be_placed_here_is_put_off(records: CallRecords, rules: Rules) -> None:
    await rectified(records, rules)
    scheduler = CallbackScheduler(records.database, rules)
    assert await scheduler.claim("out-1", DUE)
    await scheduler.postpone("out-1", DUE)
    assert await scheduler.claim("out-2", DUE) is None
    assert await scheduler.claim("out-3", DUE + timedelta(minutes=10))


LIVES = st.lists(
    st.sampled_from([*UNANSWERED, "hangs up", "is cut off", "the node dies before", "later", "yes", "no"]),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12)
@given(script=LIVES, resolved_h=st.integers(0, 23), step_min=st.integers(20, 400), seed=st.integers())
def test_whatever_happens_no_verifying_call_is_forgotten_doubled_or_made_at_night(
    rules: Rules, script: list[str], resolved_h: int, step_min: int, seed: int
) -> None:
    asyncio.run(lives(rules, script, timedelta(hours=resolved_h), timedelta(minutes=step_min), Random(seed)))


async def lives(rules: Rules, script: list[str], resolved: timedelta, step: timedelta, random: Random) -> None:
    with TemporaryDirectory() as folder:
        records = await CallRecords.open(f"sqlite:///{Path(folder) / 'records.sqlite'}", rules=rules)
        at = TUESDAY.replace(hour=0) + resolved
        number = await rectified(records, rules, at=at)
        town = Town(records, script)
        nodes = [CallbackScheduler(records.database, rules) for _ in range(random.randint(1, 3))]
        await passes(nodes, town, at, at + timedelta(days=6), step)
        file = await file_of(records, number)
        await records.close()
    wishes = [call.at for call in file.verifying_calls]
    for _, placed in town.placed:
        here = placed.astimezone(ZONE)
        assert time(9) <= here.time() < time(20) or any(
            timedelta() <= placed - wish < timedelta(minutes=10) for wish in wishes
        )
    gaps = [later - earlier for (_, earlier), (_, later) in pairwise(town.placed)]
    assert all(gap > timedelta(minutes=2) for gap in gaps)
    assert all(call.attempts <= 3 for call in file.verifying_calls)
    open_calls = [call for call in file.verifying_calls if call.state == "open"]
    match file.case.state:
        case "archived":
            assert not open_calls and file.steps[-2].what == "verify"
        case "investigating":
            assert not open_calls and file.steps[-1].what == "escalate"
        case state:
            assert state == "replied" and len(open_calls) == 1
            stopped = file.steps[-1].what in ("unreached", "do_not_call_proposed")
            assert (open_calls[0].next_at is None) is stopped
            assert open_calls[0].do_not_call_proposed is (file.steps[-1].what == "do_not_call_proposed")
