"""Cases from the call that opens them to the archive, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from ivr.actions import OpenComplaint
from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.case import UnknownCase, VerifyingCall
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.life import CASE_MOVES, TRANSITIONS, RefusedMove
from ivr.database.errors import UnknownCall
from ivr.records.call_records import CallRecords
from tests.complaints.people import TO_THE_REPLY, TUESDAY, after, complain, work


@pytest.fixture
def case_service(records: CallRecords, rules: Rules) -> CaseService:
    return CaseService(records.database, rules)


@pytest.fixture
def queries(records: CallRecords) -> CaseQueries:
    return CaseQueries(records.database)


async def test_a_complaint_opens_a_case_that_is_assessed_and_published_at_once(
    records: CallRecords, queries: CaseQueries
) -> None:
    number = await complain(records, line="hotline", branch="dalian", cues="曝光", phone="13812345678")
    file = await queries.case(number, "staff")
    case = file.case
    assert (case.state, case.tier, case.line, case.owner, case.article) == (
        "registered", "supervision", "supervision", "hr", "R9",
    )  # fmt: skip
    assert (case.grade, case.grade_by) == ("serious", "huifang") and "曝光" in case.grade_reason
    assert (case.responsible, case.call, case.customer) == ("hotline", "call-1", "+8613812345678")
    assert (case.contact_due, case.reply_due) == (after(hours=2), after(days=6))
    assert [(step.who, step.what, step.why) for step in file.steps] == [
        ("huifang", "registered", "to supervision (R9)"),
        ("huifang", "reported", "to supervision (R4)"),
    ]


async def test_a_repair_order_is_no_complaint(records: CallRecords, queries: CaseQueries) -> None:
    number = await complain(records, "repair", problem_span="8000-9000", cues="赔偿", confirmed="no")
    file = await queries.case(number, "staff")
    case = file.case
    assert (case.kind, case.tier, case.line, case.owner) == ("repair", "hotline", "hotline", "card")
    assert (case.grade, case.contact_due, case.reply_due) == ("general", None, None)
    assert [(step.what, step.why) for step in file.steps] == [("registered", "to hotline (R2)")]


async def test_a_case_records_every_step_of_its_life(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    await work(case_service, number, TO_THE_REPLY, after(hours=1))
    file = await work(case_service, number, ["verify", "archive"], after(days=1, hours=2), why="")
    case = file.case
    assert (case.state, case.handler, case.responsible) == ("archived", "李", "hotline")
    assert (case.contacted_at, case.replied_at) == (after(hours=1), after(hours=1))
    assert [(step.who, step.what, step.why) for step in file.steps[2:]] == [
        ("王", "acknowledge", "因为"),
        ("王", "assign", "to 李; 因为"),
        ("王", "investigate", "因为"),
        ("王", "resolve", "verifying call on 2026-11-25 11:00; 因为"),
        ("王", "reply", "因为"),
        ("王", "verify", ""),
        ("王", "archive", ""),
    ]
    assert await queries.case(number, "staff") == file


async def test_a_resolved_case_has_a_verifying_call_until_it_is_verified(
    records: CallRecords, case_service: CaseService
) -> None:
    number = await complain(records, "bad_review", resolved="no")
    file = await work(case_service, number)
    assert file.verifying_calls == (VerifyingCall(after(days=1), "open", 0, after(days=1)),)
    [booking] = (await records.call("call-1")).bookings
    assert (booking.at, booking.spoken, booking.state) == (after(days=1), "核实回访", "open")
    assert (await work(case_service, number, ["verify"])).verifying_calls == (
        VerifyingCall(after(days=1), "done", 0, None),
    )


async def test_a_dissatisfied_customer_restarts_the_reply_clock(
    records: CallRecords, case_service: CaseService
) -> None:
    number = await complain(records, branch="dalian")
    await work(case_service, number)
    case, calls = (file := await work(case_service, number, ["reopen"], after(days=2))).case, file.verifying_calls
    assert (case.state, case.replied_at, case.reply_due) == ("investigating", None, after(days=8))
    assert [call.state for call in calls] == ["cancelled"]
    again = await work(case_service, number, ["resolve", "reply", "verify"], after(days=3))
    assert [call.state for call in again.verifying_calls] == ["cancelled", "done"]


async def test_an_illegal_move_is_refused_and_changes_nothing(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    before = await queries.case(number, "staff")
    for move in set(CASE_MOVES) - TRANSITIONS["registered"].keys():
        with pytest.raises(RefusedMove, match="possible now: acknowledge, escalate, report"):
            await case_service.move(number, move, "王", "因为", after(hours=1), handler="李")
    for move in ("escalate", "report"):
        with pytest.raises(RefusedMove, match="needs a reason"):
            await case_service.move(number, move, "王", "", after(hours=1))  # type: ignore[arg-type]
    assert await queries.case(number, "staff") == before
    await work(case_service, number, ["acknowledge"])
    with pytest.raises(RefusedMove, match="needs a handler"):
        await case_service.move(number, "assign", "王", "因为", after(hours=1))


async def test_concurrent_equal_moves_are_made_once(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    tries = await asyncio.gather(
        *(case_service.move(number, "acknowledge", f"座席{n}", "", after(hours=1)) for n in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, RefusedMove) for one in tries) == 5
    assert [step.what for step in (await queries.case(number, "staff")).steps].count("acknowledge") == 1


async def test_a_repeated_change_has_no_effect(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    letter = OpenComplaint("complaint", "来信", {"business": "card"})
    number = await case_service.open(letter, "王", TUESDAY)
    once = await work(case_service, number, ["acknowledge", "escalate"], after(minutes=1))
    graded = await case_service.regrade(number, "serious", "王", "记者", after(minutes=2))
    assert await case_service.open(letter, "王", TUESDAY) == number
    assert await work(case_service, number, ["acknowledge", "escalate"], after(minutes=1)) == graded
    assert await case_service.regrade(number, "serious", "王", "记者", after(minutes=2)) == graded
    assert len(graded.steps) == len(once.steps) + 1 and len(await queries.cases(CaseFilter(), "staff", 9)) == 1


async def test_an_escalated_case_keeps_its_responsible_line(records: CallRecords, case_service: CaseService) -> None:
    number = await complain(records, branch="shenyang_north")
    queries = [await work(case_service, number, ["escalate"], after(minutes=minute)) for minute in (1, 2)]
    assert [(file.case.line, file.case.owner) for file in queries] == [("supervision", "hr"), (None, "management")]
    with pytest.raises(RefusedMove, match="there is no tier above management"):
        await work(case_service, number, ["escalate"], after(minutes=3))
    assert (await work(case_service, number, ["acknowledge"])).case.responsible == "hotline"


async def test_an_order_escalates_from_the_line_that_took_it_without_assessment(
    records: CallRecords, case_service: CaseService
) -> None:
    number = await complain(records, "repair", line="aid_anshan", problem="暖气不热，要找媒体", branch="dalian")
    case = (await work(case_service, number, ["escalate"], after(hours=1))).case
    assert (case.kind, case.line, case.owner, case.responsible) == ("repair", "supervision", "hr", "aid_anshan")
    assert (case.grade_reason, case.contact_due, case.reply_due, case.confidential) == ("", None, None, False)


async def test_an_order_on_the_hotline_does_not_escalate_to_the_branch_it_mentions(
    records: CallRecords, case_service: CaseService
) -> None:
    number = await complain(records, "repair", line="hotline", problem="维修工收回扣", branch="dalian")
    case = (await work(case_service, number, ["escalate"], after(hours=1))).case
    assert (case.line, case.owner, case.confidential) == ("aid_card", "card", False)


async def test_an_order_has_no_grade(records: CallRecords, case_service: CaseService, queries: CaseQueries) -> None:
    number = await complain(records, "repair", problem="维修工收回扣")
    before = await queries.case(number, "staff")
    with pytest.raises(RefusedMove, match="a work order has no grade"):
        await case_service.regrade(number, "serious", "王", "催了三次", after(hours=1))
    assert await queries.case(number, "staff") == before


async def test_staff_may_change_the_grade_and_a_serious_case_escalates(
    records: CallRecords, case_service: CaseService
) -> None:
    number = await complain(records, branch="dalian")
    file = await case_service.regrade(number, "serious", "王", "客户是记者", after(minutes=5))
    case = file.case
    assert (case.grade, case.grade_by, case.grade_reason, case.line) == ("serious", "王", "客户是记者", "supervision")
    assert (file.steps[-1].what, file.steps[-1].why) == ("grade", "serious: 客户是记者; to supervision (R9)")
    back = await case_service.regrade(number, "general", "李", "误会", after(minutes=9))
    assert (back.case.grade, back.case.line) == ("general", "supervision")
    with pytest.raises(RefusedMove, match="needs a reason"):
        await case_service.regrade(number, "serious", "王", "", after(minutes=9))


async def test_a_complaint_from_elsewhere_is_opened_by_hand(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await case_service.open(OpenComplaint("complaint", "来信", {"business": "card"}), "王", TUESDAY)
    case = (await queries.case(number, "staff")).case
    assert (case.call, case.line, case.responsible) == (None, "aid_card", "hotline")
    with pytest.raises(UnknownCall, match="call-9"):
        await case_service.open(OpenComplaint("complaint", "来信"), "王", TUESDAY, "call-9")


async def test_a_case_opened_without_rules_is_assessed_at_its_first_move(
    url: str, records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    plain = await CallRecords.open(url)
    number = await complain(plain, branch="dalian")
    await plain.close()
    assert (await queries.case(number, "staff")).case.tier is None
    case = (await work(case_service, number, ["acknowledge"], after(hours=1))).case
    assert (case.line, case.contact_due, case.responsible) == ("aid_dalian", after(hours=2), "hotline")


async def test_cases_are_listed_newest_first_with_pages_and_filters(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    branches = ("dalian", "shenyang", "dalian", "anshan", "dalian")
    numbers = [await complain(records, call=f"call-{n}", branch=at) for n, at in enumerate(branches, 1)]
    await work(case_service, numbers[0], ["acknowledge"])
    newest = await queries.cases(CaseFilter(), "staff", 2)
    older = await queries.cases(CaseFilter(), "staff", 9, before=newest[-1].number)
    assert [case.number for case in (*newest, *older)] == numbers[::-1]
    assert [case.number for case in await queries.cases(CaseFilter(line="aid_dalian"), "staff", 9)] == [
        numbers[4], numbers[2], numbers[0],
    ]  # fmt: skip
    assert [case.number for case in await queries.cases(CaseFilter(state="acknowledged"), "staff", 9)] == [numbers[0]]
    assert await queries.cases(CaseFilter(since=after(hours=1)), "staff", 9) == ()
    assert [case.number async for case in queries.all(CaseFilter(until=after(hours=1)), "staff")] == numbers[::-1]


@pytest.mark.parametrize("number", ["20261124-0009", "", "x' OR 1=1"])
async def test_an_unknown_case_is_named(case_service: CaseService, queries: CaseQueries, number: str) -> None:
    with pytest.raises(UnknownCase, match="there is no case"):
        await queries.case(number, "management")
    with pytest.raises(UnknownCase):
        await case_service.move(number, "acknowledge", "王", "", TUESDAY)
    with pytest.raises(UnknownCase):
        await queries.cases(CaseFilter(), "staff", 5, before=number)


async def test_the_shares_of_bad_reviews_looked_into_put_right_and_called_back(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    numbers = [await complain(records, "bad_review", f"call-{n}", resolved="no") for n in (1, 2, 3, 4)]
    await complain(records, "complaint", "call-5")
    await work(case_service, numbers[0], [*TO_THE_REPLY, "verify", "archive"])
    await work(case_service, numbers[1], TO_THE_REPLY)
    await work(case_service, numbers[2], TO_THE_REPLY[:3])
    shares = await queries.shares(TUESDAY, after(days=1))
    assert (shares.total, shares.looked_into, shares.put_right, shares.called_back) == (4, 3, 2, 1)
    assert [shares.percent(count) for count in (3, 2, 1)] == [75, 50, 25]
    with pytest.raises(RefusedMove):
        await case_service.move(numbers[1], "archive", "王", "", TUESDAY)
    for number, done in zip(numbers[1:], (5, 3, 0), strict=True):
        await work(case_service, number, [*TO_THE_REPLY, "verify", "archive"][done:])
    whole = await queries.shares(TUESDAY, after(days=1))
    assert (whole.looked_into, whole.put_right, whole.called_back) == (4, 4, 4)
    assert (await queries.shares(after(days=1), after(days=2))).percent(0) == 100


async def test_a_transfer_to_an_agent_counts_as_the_first_contact(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    await case_service.put_through("call-1", "刘洋", "aid_dalian", after(minutes=3))
    await case_service.put_through("call-1", "刘洋", "aid_dalian", after(minutes=3))
    file = await queries.case(number, "staff")
    assert (file.case.state, file.case.contacted_at) == ("acknowledged", after(minutes=3))
    assert [(step.who, step.what, step.why) for step in file.steps[2:]] == [
        ("刘洋", "put_through", "put through on aid_dalian")
    ]


async def test_a_transfer_on_a_later_case_only_adds_a_step(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    await work(case_service, number, ["acknowledge", "assign"], after(minutes=1))
    await case_service.put_through("call-1", "刘洋", "aid_dalian", after(minutes=3))
    file = await queries.case(number, "staff")
    assert (file.case.state, file.case.contacted_at) == ("assigned", after(minutes=1))
    assert file.steps[-1].what == "put_through"


async def test_a_transfer_without_a_case_changes_nothing(case_service: CaseService, queries: CaseQueries) -> None:
    await case_service.put_through("call-9", "刘洋", "aid_dalian", TUESDAY)
    assert await queries.cases(CaseFilter(), "staff", 9) == ()


@pytest.mark.parametrize(
    ("kind", "details", "handled"),
    [
        ("complaint", {"branch": "dalian"}, ("assistance", "aid_dalian")),
        ("fraud", {"branch": "dalian"}, ("management", "")),
        ("repair", {}, ("hotline", "hotline")),
    ],
)
async def test_a_call_finds_the_handler_of_its_case(
    records: CallRecords, kind: str, details: dict[str, str], handled: tuple[str, str]
) -> None:
    await complain(records, kind, **details)
    found = await records.find_case("call-1", "call", "")
    assert found is not None and (found.tier, found.roster) == handled
