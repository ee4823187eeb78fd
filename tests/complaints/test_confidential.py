"""Reports of fraud and misconduct (R18): visible to management, and absent for staff."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.actions import OpenComplaint, SaveAnswer, StartRecording
from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.case import UnknownCase
from ivr.complaints.rules.intake import Rules
from ivr.complaints.rules.life import RefusedMove
from ivr.complaints.sla_worker import SlaWorker
from ivr.events import NothingHeard, Value
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.records.record import CallRecord
from ivr.transcript import TranscriptLine
from tests.complaints.people import CALL, TO_THE_REPLY, TUESDAY, after, complain, work
from tests.complaints.test_sla_worker import RecordingFeed


@pytest.fixture
def case_service(records: CallRecords, rules: Rules) -> CaseService:
    return CaseService(records.database, rules)


@pytest.fixture
def queries(records: CallRecords) -> CaseQueries:
    return CaseQueries(records.database)


async def visible_to_staff(queries: CaseQueries) -> list[str]:
    """The numbers of the cases that staff can see."""
    listed = await queries.cases(CaseFilter(), "staff", 100)
    assert [case.number async for case in queries.all(CaseFilter(), "staff")] == [case.number for case in listed]
    return [case.number for case in listed]


async def hidden_from_staff(number: str, records: CallRecords, case_service: CaseService, queries: CaseQueries) -> bool:
    with pytest.raises(UnknownCase):
        await queries.case(number, "staff")
    with pytest.raises(UnknownCase):
        await queries.cases(CaseFilter(), "staff", 5, before=number)
    with pytest.raises(UnknownCase):
        await case_service.move(number, "acknowledge", "王", "", after(hours=1))
    with pytest.raises(UnknownCase):
        await case_service.regrade(number, "serious", "王", "因为", after(hours=1))
    return number not in await visible_to_staff(queries) and not (await records.call("call-1")).cases


@pytest.mark.parametrize("details", [{"kind": "fraud"}, {"kind": "complaint", "what": "经理收回扣"}])
async def test_only_management_sees_a_report(
    records: CallRecords, case_service: CaseService, queries: CaseQueries, details: dict[str, str]
) -> None:
    number = await complain(records, **details, branch="dalian")  # type: ignore[arg-type]
    other = await complain(records, call="call-2", branch="dalian")
    assert await hidden_from_staff(number, records, case_service, queries)
    assert await visible_to_staff(queries) == [other]
    assert [case.number for case in await queries.cases(CaseFilter(), "management", 9)] == [other, number]
    file = await queries.case(number, "management")
    assert (file.case.owner, file.case.line, file.case.article, file.case.kind) == ("management", None, "R18", "fraud")
    assert [step.what for step in file.steps] == ["registered"]


async def test_only_management_is_notified_of_a_report_and_no_clock_runs(
    records: CallRecords, rules: Rules, case_service: CaseService
) -> None:
    number = await complain(records, "fraud", branch="dalian")
    worker, feed, management = SlaWorker(records.database, rules), RecordingFeed(), RecordingFeed()
    assert await worker.sweep(after(days=30)) == ()
    assert (await worker.deliver_outbox(feed, management, after), feed.published) == (1, [])
    [event] = management.published
    assert (event.case, event.data["kind"], event.data["what"], event.data["owner"]) == (
        number,
        "fraud",
        "registered",
        "management",
    )


async def test_only_management_is_notified_when_a_case_becomes_a_report(
    records: CallRecords, rules: Rules, case_service: CaseService
) -> None:
    number = await complain(records, branch="dalian")
    worker, feed, management = SlaWorker(records.database, rules), RecordingFeed(), RecordingFeed()
    await case_service.move(number, "report", "王", "柜员挪用", after(hours=1))
    await worker.deliver_outbox(feed, management, after)
    assert [event.data["what"] for event in feed.published] == ["registered", "reported"]
    assert [event.data["what"] for event in management.published] == ["registered", "reported", "report"]


async def test_a_report_is_hidden_before_it_is_routed(
    url: str, records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    plain = await CallRecords.open(url)
    number = await complain(plain, "fraud")
    await plain.close()
    assert await hidden_from_staff(number, records, case_service, queries)


async def test_words_of_misconduct_hide_an_unrouted_case_at_the_first_move(
    url: str, records: CallRecords, rules: Rules, case_service: CaseService, queries: CaseQueries
) -> None:
    plain = await CallRecords.open(url)
    number = await complain(plain, what="经理收回扣")
    await plain.close()
    with pytest.raises(UnknownCase):
        await case_service.move(number, "acknowledge", "王", "", after(hours=1))
    assert await SlaWorker(records.database, rules).route_unrouted() == 1
    assert await hidden_from_staff(number, records, case_service, queries)


async def test_a_case_disappears_for_the_employee_who_reports_it(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    await work(case_service, number, TO_THE_REPLY[:4])
    assert await case_service.move(number, "report", "王", "柜员挪用", after(hours=1)) is None
    assert await hidden_from_staff(number, records, case_service, queries)
    file = await queries.case(number, "management")
    assert (file.case.kind, file.case.owner, file.case.contact_due, file.case.reply_due) == (
        "fraud", "management", None, None,
    )  # fmt: skip
    assert (file.steps[-1].what, file.steps[-1].why) == ("report", "柜员挪用")
    assert [call.state for call in file.verifying_calls] == ["cancelled"]


async def test_management_takes_a_report_through_its_life(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, "fraud")
    for move in (*TO_THE_REPLY, "verify", "archive"):
        await case_service.move(number, move, "行长", "", after(hours=1), handler="行长", role="management")
    file = await queries.case(number, "management")
    assert (file.case.state, file.verifying_calls) == ("archived", ())
    with pytest.raises(RefusedMove):
        await case_service.move(number, "reopen", "行长", "因为", after(hours=2), role="management")
    assert await visible_to_staff(queries) == []


# --- the call of a report -----------------------------------------------------------------------------------------


async def caller_says(records: CallRecords, turn: int, *cases: OpenComplaint, **answers: Value) -> None:
    """The caller of a recorded call answers, and the flow opens cases."""
    if turn == 1:
        await records.open_call(replace(CALL, variables={"name": "张三"}), "v1", TUESDAY)
        await records.answer_call(CALL.id, TUESDAY)
    saved = [SaveAnswer(name, value, f"我说{value}", (), 0.9, "voice", 1) for name, value in answers.items()]
    spoken = [TranscriptLine("caller", f"我说{value}", 1000) for value in answers.values()]
    facts = [StartRecording(), *saved, *cases]
    await records.save_turn(CALL.id, turn, NothingHeard(str(turn)), facts, spoken, TUESDAY)


async def withheld_from_staff(records: CallRecords) -> bool:
    """Whether staff see only that there was a call; management always sees all of it."""
    visible_to_staff, whole = await records.call(CALL.id), await records.call(CALL.id, "management")
    assert whole.transcript and whole.answers and whole.turns and not whole.call.withheld
    assert (whole.call.caller, whole.call.variables) == ("+8613812345678", {"name": "张三"})
    if not visible_to_staff.call.withheld:
        assert visible_to_staff == whole
        return False
    call = replace(whole.call, caller="+86138****5678", variables={}, withheld=True)
    assert visible_to_staff == CallRecord(call, (), (), (), (), (), whole.dispositions, (), ())
    return True


async def test_the_call_of_a_report_is_withheld_from_staff(records: CallRecords) -> None:
    await caller_says(records, 1, what="暖气不热")
    assert not await withheld_from_staff(records)
    await caller_says(records, 2, OpenComplaint("fraud", "举报欺诈"), OpenComplaint("repair", "报修"), branch="dalian")
    await records.add_recording(CALL.id, "call-1.wav", "wav", 9.0, 0, "ab" * 32)
    await records.close_call(CALL.id, Disposition.COMPLETED, "normal", "caller", after(minutes=2))
    assert await withheld_from_staff(records)
    [listed] = await records.calls(9)
    customer = await records.customer("13812345678")
    assert customer is not None and customer.calls == (listed,)
    assert listed == (await records.call(CALL.id)).call
    assert (listed.disposition, listed.duration_ms, listed.flow) == (Disposition.COMPLETED, 120_000, "hotline")


async def test_other_calls_are_not_withheld(records: CallRecords) -> None:
    await caller_says(records, 1, OpenComplaint("complaint", "客户投诉", {"what": "太慢"}), what="太慢")
    await complain(records, "fraud", call="call-2")
    assert not await withheld_from_staff(records)
    assert [(call.id, call.withheld) for call in await records.calls(9)] == [("call-2", True), ("call-1", False)]


@pytest.mark.parametrize("answers", [{"what": "经理拿钱", "misconduct": "fraud"}, {"what": "经理收回扣"}])
async def test_a_report_is_withheld_before_its_case_is_opened(records: CallRecords, answers: dict[str, str]) -> None:
    await caller_says(records, 1, **answers)
    assert await withheld_from_staff(records)


async def test_a_report_taken_back_is_none(records: CallRecords) -> None:
    await caller_says(records, 1, misconduct="fraud")
    await caller_says(records, 2, misconduct="neither")
    assert not await withheld_from_staff(records)


async def test_a_call_is_withheld_once_its_case_is_reported(records: CallRecords, case_service: CaseService) -> None:
    await caller_says(records, 1, OpenComplaint("complaint", "客户投诉"), what="柜员态度差")
    assert not await withheld_from_staff(records)
    await case_service.move("20261124-0001", "report", "王", "柜员挪用", after(hours=1))
    assert await withheld_from_staff(records)


async def test_the_number_of_an_outbound_call_is_masked(records: CallRecords, case_service: CaseService) -> None:
    survey = replace(CALL, direction="outbound", caller="95500", called="13812345678")
    await records.open_call(survey, "v1", TUESDAY)
    await case_service.open(OpenComplaint("fraud", "举报"), "王", after(hours=1), survey.id)
    [listed] = await records.calls(9)
    assert (listed.caller, listed.called, listed.withheld) == ("95500", "+86138****5678", True)


async def test_a_transfer_leaves_no_trace_on_a_report(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, "fraud", branch="dalian")
    await case_service.put_through("call-1", "刘洋", "hotline", after(minutes=3))
    file = await queries.case(number, "management")
    assert (file.case.state, [step.what for step in file.steps]) == ("registered", ["registered"])
