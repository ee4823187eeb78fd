"""Reports of fraud and misconduct (R18): management sees them, and for everybody else they are not there."""

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
from tests.complaints.test_sla_worker import Listener


@pytest.fixture
def case_service(records: CallRecords, rules: Rules) -> CaseService:
    return CaseService(records.database, rules)


@pytest.fixture
def queries(records: CallRecords) -> CaseQueries:
    return CaseQueries(records.database)


async def seen(queries: CaseQueries) -> list[str]:
    """What everybody sees."""
    listed = await queries.cases(CaseFilter(), "staff", 100)
    assert [case.number async for case in queries.all(CaseFilter(), "staff")] == [case.number for case in listed]
    return [case.number for case in listed]


async def nobody_else_sees(number: str, records: CallRecords, case_service: CaseService, queries: CaseQueries) -> bool:
    with pytest.raises(UnknownCase):
        await queries.case(number, "staff")
    with pytest.raises(UnknownCase):
        await queries.cases(CaseFilter(), "staff", 5, before=number)
    with pytest.raises(UnknownCase):
        await case_service.move(number, "acknowledge", "王", "", after(hours=1))
    with pytest.raises(UnknownCase):
        await case_service.regrade(number, "serious", "王", "因为", after(hours=1))
    return number not in await seen(queries) and not (await records.call("call-1")).cases


@pytest.mark.parametrize("details", [{"kind": "fraud"}, {"kind": "complaint", "what": "经理收回扣"}])
async def test_a_report_is_seen_by_management_alone(
    records: CallRecords, case_service: CaseService, queries: CaseQueries, details: dict[str, str]
) -> None:
    number = await complain(records, **details, branch="dalian")  # type: ignore[arg-type]
    other = await complain(records, call="call-2", branch="dalian")
    assert await nobody_else_sees(number, records, case_service, queries)
    assert await seen(queries) == [other]
    assert [case.number for case in await queries.cases(CaseFilter(), "management", 9)] == [other, number]
    file = await queries.case(number, "management")
    assert (file.case.owner, file.case.line, file.case.article, file.case.kind) == ("management", None, "R18", "fraud")
    assert [step.what for step in file.steps] == ["registered"]


async def test_it_is_told_to_management_alone_and_not_watched_by_the_clocks(
    records: CallRecords, rules: Rules, case_service: CaseService
) -> None:
    number = await complain(records, "fraud", branch="dalian")
    worker, feed, management = SlaWorker(records.database, rules), Listener(), Listener()
    assert await worker.sweep(after(days=30)) == ()
    assert (await worker.deliver_outbox(feed, management, after), feed.heard) == (1, [])
    [event] = management.heard
    assert (event["case"], event["kind"], event["what"], event["owner"]) == (
        number,
        "fraud",
        "registered",
        "management",
    )


async def test_management_is_told_when_a_case_turns_out_to_be_misconduct_and_nobody_else(
    records: CallRecords, rules: Rules, case_service: CaseService
) -> None:
    number = await complain(records, branch="dalian")
    worker, feed, management = SlaWorker(records.database, rules), Listener(), Listener()
    await case_service.move(number, "report", "王", "柜员挪用", after(hours=1))
    await worker.deliver_outbox(feed, management, after)
    assert [event["what"] for event in feed.heard] == ["registered", "reported"]
    assert [event["what"] for event in management.heard] == ["registered", "reported", "report"]


async def test_it_is_hidden_before_it_is_routed(
    url: str, records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    plain = await CallRecords.open(url)
    number = await complain(plain, "fraud")
    await plain.close()
    assert await nobody_else_sees(number, records, case_service, queries)


async def test_words_of_misconduct_hide_a_case_as_soon_as_somebody_touches_it(
    url: str, records: CallRecords, rules: Rules, case_service: CaseService, queries: CaseQueries
) -> None:
    plain = await CallRecords.open(url)
    number = await complain(plain, what="经理收回扣")
    await plain.close()
    with pytest.raises(UnknownCase):
        await case_service.move(number, "acknowledge", "王", "", after(hours=1))
    assert await SlaWorker(records.database, rules).route_unrouted() == 1
    assert await nobody_else_sees(number, records, case_service, queries)


async def test_a_case_that_turns_out_to_be_misconduct_vanishes_for_who_reports_it(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    await work(case_service, number, TO_THE_REPLY[:4])
    assert await case_service.move(number, "report", "王", "柜员挪用", after(hours=1)) is None
    assert await nobody_else_sees(number, records, case_service, queries)
    file = await queries.case(number, "management")
    assert (file.case.kind, file.case.owner, file.case.contact_due, file.case.reply_due) == (
        "fraud", "management", None, None,
    )  # fmt: skip
    assert (file.steps[-1].what, file.steps[-1].why) == ("report", "柜员挪用")
    assert [call.state for call in file.verifying_calls] == ["cancelled"]


async def test_management_leads_it_through_its_life(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, "fraud")
    for move in (*TO_THE_REPLY, "verify", "archive"):
        await case_service.move(number, move, "行长", "", after(hours=1), handler="行长", role="management")
    file = await queries.case(number, "management")
    assert (file.case.state, file.verifying_calls) == ("archived", ())
    with pytest.raises(RefusedMove):
        await case_service.move(number, "reopen", "行长", "因为", after(hours=2), role="management")
    assert await seen(queries) == []


# --- what was said on the call ----------------------------------------------------------------------------------


async def says(records: CallRecords, turn: int, *cases: OpenComplaint, **answers: Value) -> None:
    """On a call that is recorded the caller answers, and the flow opens cases."""
    if turn == 1:
        await records.open_call(replace(CALL, variables={"name": "张三"}), "v1", TUESDAY)
        await records.answer_call(CALL.id, TUESDAY)
    saved = [SaveAnswer(name, value, f"我说{value}", (), 0.9, "voice", 1) for name, value in answers.items()]
    spoken = [TranscriptLine("caller", f"我说{value}", 1000) for value in answers.values()]
    facts = [StartRecording(), *saved, *cases]
    await records.save_turn(CALL.id, turn, NothingHeard(str(turn)), facts, spoken, TUESDAY)


async def hidden(records: CallRecords) -> bool:
    """Whether everybody but management sees that there was a call, and nothing of what was said."""
    seen, whole = await records.call(CALL.id), await records.call(CALL.id, "management")
    assert whole.transcript and whole.answers and whole.turns and not whole.call.withheld
    assert (whole.call.caller, whole.call.variables) == ("13812345678", {"name": "张三"})
    if not seen.call.withheld:
        assert seen == whole
        return False
    call = replace(whole.call, caller="138****5678", variables={}, withheld=True)
    assert seen == CallRecord(call, (), (), (), (), (), whole.dispositions, (), ())
    return True


async def test_what_was_said_on_the_call_of_a_report_is_withheld_from_all_but_management(records: CallRecords) -> None:
    await says(records, 1, what="暖气不热")
    assert not await hidden(records)
    await says(records, 2, OpenComplaint("fraud", "举报欺诈"), OpenComplaint("repair", "报修"), branch="dalian")
    await records.add_recording(CALL.id, "call-1.wav", "wav", 9.0, 0, "ab" * 32)
    await records.close_call(CALL.id, Disposition.COMPLETED, "normal", "caller", after(minutes=2))
    assert await hidden(records)
    [listed] = await records.calls(9)
    customer = await records.customer("13812345678")
    assert customer is not None and customer.calls == (listed,)
    assert listed == (await records.call(CALL.id)).call
    assert (listed.disposition, listed.duration_ms, listed.flow) == (Disposition.COMPLETED, 120_000, "hotline")


async def test_other_calls_are_told_as_ever(records: CallRecords) -> None:
    await says(records, 1, OpenComplaint("complaint", "客户投诉", {"what": "太慢"}), what="太慢")
    await complain(records, "fraud", call="call-2")
    assert not await hidden(records)
    assert [(call.id, call.withheld) for call in await records.calls(9)] == [("call-2", True), ("call-1", False)]


@pytest.mark.parametrize("answers", [{"what": "经理拿钱", "misconduct": "fraud"}, {"what": "经理收回扣"}])
async def test_a_report_is_withheld_before_its_case_is_opened(records: CallRecords, answers: dict[str, str]) -> None:
    await says(records, 1, **answers)
    assert await hidden(records)


async def test_who_takes_back_the_report_has_made_none(records: CallRecords) -> None:
    await says(records, 1, misconduct="fraud")
    await says(records, 2, misconduct="neither")
    assert not await hidden(records)


async def test_what_was_said_is_withheld_once_the_case_is_reported(
    records: CallRecords, case_service: CaseService
) -> None:
    await says(records, 1, OpenComplaint("complaint", "客户投诉"), what="柜员态度差")
    assert not await hidden(records)
    await case_service.move("20261124-0001", "report", "王", "柜员挪用", after(hours=1))
    assert await hidden(records)


async def test_the_number_is_masked_on_a_call_that_we_made(records: CallRecords, case_service: CaseService) -> None:
    survey = replace(CALL, direction="outbound", caller="95500", called="13812345678")
    await records.open_call(survey, "v1", TUESDAY)
    await case_service.open(OpenComplaint("fraud", "举报"), "王", after(hours=1), survey.id)
    [listed] = await records.open_calls()
    assert (listed.caller, listed.called, listed.withheld) == ("95500", "138****5678", True)


async def test_who_takes_a_call_leaves_no_trace_on_a_report(
    records: CallRecords, case_service: CaseService, queries: CaseQueries
) -> None:
    number = await complain(records, "fraud", branch="dalian")
    await case_service.put_through("call-1", "刘洋", "hotline", after(minutes=3))
    file = await queries.case(number, "management")
    assert (file.case.state, [step.what for step in file.steps]) == ("registered", ["registered"])
