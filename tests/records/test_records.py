from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ivr.actions import BookCallback, OpenComplaint, SaveAnswer, StartRecording
from ivr.database.errors import UnknownCall
from ivr.errors import IllegalMove
from ivr.events import Heard, NothingHeard, SpeechHeard, Value
from ivr.lifecycle import Disposition
from ivr.phone_number import UnreadableNumber
from ivr.records.call_records import CallRecords
from ivr.telephony.asterisk.dialling import DialledNumber, dialled_number
from ivr.telephony.asterisk.site import Site
from ivr.telephony.port import Call
from ivr.transcript import TranscriptLine
from tests.spellings import COMPANY, COMPANYS, PERSON, PERSONS

EVENT = NothingHeard("1")

BEIJING = timezone(timedelta(hours=8))
START = datetime(2026, 11, 21, 7, 30, 0, 123456, tzinfo=BEIJING)
CALL = Call("call-1", "browser", "inbound", "13812345678", "4001", "survey", "zh-CN", {"name": "张三", "unpaid": True})


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def answer(question: str, value: Value, **others: object) -> SaveAnswer:
    said = SaveAnswer(question, value, "解决了", (Heard("解决了", 0.9), Heard("没解决", 0.1)), 0.9, "voice", 1)
    return replace(said, **others)  # type: ignore[arg-type]


async def open_call(records: CallRecords, call: Call = CALL) -> str:
    await records.open_call(call, "v1", START)
    await records.answer_call(call.id, after(1))
    return call.id


async def close(records: CallRecords, call_id: str) -> None:
    await records.close_call(call_id, Disposition.COMPLETED, "normal", "caller", after(61.5))


async def external_ids(records: CallRecords) -> list[str]:
    return [(await records.call(call)).call.external_id for call in ("inbound", "outbound")]


async def test_the_external_id_of_a_call_is_stored_once_it_is_known(records: CallRecords) -> None:
    await records.open_call(replace(CALL, id="inbound", external_id="channel-1"), "v1", START)
    await records.open_call(replace(CALL, id="outbound"), "v1", START)
    assert await external_ids(records) == ["channel-1", ""]
    await records.answer_call("inbound", after(1))
    await records.answer_call("outbound", after(1), "channel-2")
    assert await external_ids(records) == ["channel-1", "channel-2"]


async def test_a_whole_call_is_read_back_as_written(records: CallRecords) -> None:
    call_id = await open_call(records)
    solved = answer("solved", "yes")
    tip = answer("suggestions", None, heard="", alternatives=(), span_ms=(6100, 8900))
    said = SpeechHeard("1", (Heard("解决了", 0.9), Heard("没解决", 0.1)), 640)
    lines = [TranscriptLine("us", "问题解决了吗？", 1200), TranscriptLine("caller", "解决了", 4200, 0.9)]
    await records.save_turn(call_id, 1, EVENT, [StartRecording()], [TranscriptLine("us", "您好", 0)], after(2))
    await records.save_turn(call_id, 2, said, [solved], lines, after(6))
    booking = BookCallback("2026-11-22T15:00:00+08:00", "明天下午三点")
    complaint = OpenComplaint("bad_review", "charged", {"charged": True, "score": 3})
    await records.save_turn(call_id, 3, EVENT, [tip, booking, complaint], [], after(9))
    await close(records, call_id)
    await records.add_recording(call_id, "2026/call-1.wav", "wav", 59.5, 2000, "ab" * 32)

    record = await records.call(call_id)

    assert [(turn.turn, turn.event, turn.at) for turn in record.turns] == [
        (1, EVENT, after(2)),
        (2, said, after(6)),
        (3, EVENT, after(9)),
    ]
    assert record.call.caller == "+8613812345678"
    assert record.call.variables == {"name": "张三", "unpaid": True}
    assert (record.call.turn, record.call.node, record.call.flow_version) == (3, "node-1", "v1")
    assert (record.call.started_at, record.call.answered_at) == (START, after(1))
    assert (record.call.ended_at, record.call.duration_ms) == (after(61.5), 60_500)
    assert (record.call.disposition, record.call.aapor) == (Disposition.COMPLETED, "1.1")
    assert (record.call.cause, record.call.ended_by) == ("normal", "caller")
    assert [(a.answer, a.turn, a.at) for a in record.answers] == [(solved, 2, after(6)), (tip, 3, after(9))]
    assert record.values == {"solved": "yes", "suggestions": None}
    assert record.transcript == (TranscriptLine("us", "您好", 0), *lines)
    assert [(b.at, b.spoken, b.state) for b in record.bookings] == [
        (datetime(2026, 11, 22, 7, tzinfo=UTC), "明天下午三点", "open")
    ]
    (case,) = record.cases
    assert (case.number, case.kind, case.details) == ("20261121-0001", "bad_review", {"charged": True, "score": 3})
    (recording,) = record.recordings
    assert (recording.seconds, recording.offset_ms, recording.consent_at) == (59.5, 2000, after(2))
    (disposition,) = record.dispositions
    assert (disposition.disposition, disposition.by, disposition.why) == (Disposition.COMPLETED, "node-1", "normal")


async def test_times_come_back_in_utc(records: CallRecords) -> None:
    call_id = await open_call(records)
    started = (await records.call(call_id)).call.started_at
    assert started.tzinfo is UTC and started.isoformat() == "2026-11-20T23:30:00.123456+00:00"


async def test_a_time_without_a_zone_is_refused_and_nothing_is_kept(records: CallRecords) -> None:
    call_id = await open_call(records)
    with pytest.raises(Exception, match="has no time zone"):
        await records.save_turn(
            call_id, 1, EVENT, [answer("a", 1), BookCallback("2026-11-22T15:00", "明天")], [], after(2)
        )
    record = await records.call(call_id)
    assert (record.answers, record.call.turn) == ((), 0)
    await records.save_turn(call_id, 1, EVENT, [answer("a", 1)], [], after(2))
    assert (await records.call(call_id)).values == {"a": 1}


@pytest.mark.parametrize("value", ["yes", "", 0, 1, 10, True, False, None])
async def test_the_type_of_a_value_survives(records: CallRecords, value: Value) -> None:
    call_id = await open_call(records)
    await records.save_turn(call_id, 1, EVENT, [answer("q", value)], [], after(2))
    kept = (await records.call(call_id)).values["q"]
    assert kept == value and type(kept) is type(value)


async def test_a_repeated_turn_changes_nothing(records: CallRecords) -> None:
    call_id = await open_call(records)
    facts = [answer("q", "yes"), OpenComplaint("complaint", "why"), BookCallback("2026-11-22T15:00:00+08:00", "明天")]
    await records.save_turn(call_id, 1, EVENT, facts, [TranscriptLine("us", "好", 5)], after(2))
    once = await records.call(call_id)
    await records.save_turn(call_id, 1, EVENT, facts, [TranscriptLine("us", "好", 5)], after(3))
    await records.save_turn(call_id, 1, EVENT, [answer("q", "no")], [], after(4))
    assert await records.call(call_id) == once


async def test_the_same_turn_saved_by_many_at_once_is_kept_once(records: CallRecords) -> None:
    call_id = await open_call(records)
    saving = (
        records.save_turn(call_id, 1, EVENT, [answer("q", n), OpenComplaint("complaint", "why")], [], after(2))
        for n in range(8)
    )
    await asyncio.gather(*saving)
    record = await records.call(call_id)
    assert len(record.answers) == len(record.cases) == 1 and record.replaced_answers == ()


async def test_a_later_answer_replaces_the_earlier_one_and_keeps_it_in_the_history(records: CallRecords) -> None:
    call_id = await open_call(records)
    await records.save_turn(call_id, 1, EVENT, [answer("q", "yes")], [], after(2))
    await records.save_turn(call_id, 2, EVENT, [answer("q", "no", attempts=2)], [], after(5))
    record = await records.call(call_id)
    assert record.values == {"q": "no"}
    assert [(a.answer.value, a.turn, a.replaced_at) for a in record.replaced_answers] == [("yes", 1, after(5))]


async def test_a_call_taken_over_by_another_node_continues_and_names_its_last_node(
    records: CallRecords, url: str
) -> None:
    call_id = await open_call(records)
    await records.save_turn(call_id, 1, EVENT, [answer("a", 1)], [TranscriptLine("us", "一", 0)], after(2))
    other = await CallRecords.open(url, node="node-2")
    await other.save_turn(call_id, 3, EVENT, [answer("c", 3)], [TranscriptLine("us", "三", 9)], after(9))
    await other.save_turn(call_id, 2, EVENT, [answer("b", 2)], [TranscriptLine("us", "二", 5)], after(5))
    await other.close()
    record = await records.call(call_id)
    assert (record.call.turn, record.call.node) == (3, "node-2")
    assert [line.text for line in record.transcript] == ["一", "二", "三"]
    assert record.values == {"a": 1, "b": 2, "c": 3}


async def test_opening_answering_and_closing_may_be_repeated(records: CallRecords) -> None:
    call_id = await open_call(records)
    await records.save_turn(call_id, 1, EVENT, [], [], after(2))
    await records.open_call(CALL, "v2", after(30))
    await records.answer_call(call_id, after(31))
    await close(records, call_id)
    once = await records.call(call_id)
    await close(records, call_id)
    await records.answer_call(call_id, after(90))
    assert await records.call(call_id) == once
    assert (once.call.flow_version, once.call.answered_at) == ("v1", after(1))


async def test_a_closed_call_stays_closed(records: CallRecords) -> None:
    call_id = await open_call(records)
    await records.save_turn(call_id, 1, EVENT, [answer("q", 1)], [], after(2))
    await close(records, call_id)
    closed = await records.call(call_id)
    with pytest.raises(IllegalMove, match="ended at"):
        await records.close_call(call_id, Disposition.PARTIAL, "normal", "caller", after(62))
    with pytest.raises(IllegalMove, match="ended at"):
        await records.save_turn(call_id, 2, EVENT, [answer("q", 2)], [], after(63))
    await records.save_turn(call_id, 1, EVENT, [answer("q", 3)], [], after(64))
    assert await records.call(call_id) == closed


async def test_an_unanswered_call_cannot_be_answered_after_its_end(records: CallRecords) -> None:
    await records.open_call(CALL, "v1", START)
    await records.close_call(CALL.id, Disposition.NO_ANSWER, "no_answer", "network", after(25))
    with pytest.raises(IllegalMove):
        await records.answer_call(CALL.id, after(26))
    call = (await records.call(CALL.id)).call
    assert (call.answered_at, call.duration_ms, call.aapor) == (None, 0, "3.13")


async def test_an_unknown_cause_is_refused(records: CallRecords) -> None:
    call_id = await open_call(records)
    with pytest.raises(ValueError, match="no-answer"):
        await records.close_call(call_id, Disposition.NO_ANSWER, "no-answer", "network", after(5))


async def test_a_disposition_is_corrected_with_who_and_why(records: CallRecords) -> None:
    call_id = await open_call(records)
    with pytest.raises(IllegalMove, match="has not ended yet"):
        await records.change_disposition(call_id, Disposition.REFUSED, "王", "said so", after(5))
    await close(records, call_id)
    await records.change_disposition(call_id, Disposition.REFUSED, "王", "listened to it", after(100))
    await records.change_disposition(call_id, Disposition.REFUSED, "王", "listened to it", after(101))
    record = await records.call(call_id)
    assert (record.call.disposition, record.call.aapor) == (Disposition.REFUSED, "2.11")
    assert [(d.disposition, d.by, d.why, d.at) for d in record.dispositions] == [
        (Disposition.COMPLETED, "node-1", "normal", after(61.5)),
        (Disposition.REFUSED, "王", "listened to it", after(100)),
    ]


async def test_a_recording_needs_consent_and_is_kept_once(records: CallRecords) -> None:
    call_id = await open_call(records)
    with pytest.raises(IllegalMove, match="without consent"):
        await records.add_recording(call_id, "a.wav", "wav", 1.0, 0, "00" * 32)
    await records.save_turn(call_id, 1, EVENT, [StartRecording()], [], after(3))
    await records.save_turn(call_id, 2, EVENT, [StartRecording()], [], after(9))
    for _ in range(2):
        await records.add_recording(call_id, "a.wav", "wav", 1.0, 0, "00" * 32)
    record = await records.call(call_id)
    assert [r.consent_at for r in record.recordings] == [record.call.consent_at] == [after(3)]


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.call("none"),
        lambda r: r.calls(5, before="none"),
        lambda r: r.answer_call("none", START),
        lambda r: r.save_turn("none", 1, EVENT, [], [], START),
        lambda r: close(r, "none"),
        lambda r: r.change_disposition("none", Disposition.REFUSED, "王", "", START),
        lambda r: r.add_recording("none", "a", "wav", 1.0, 0, ""),
    ],
)
async def test_an_unknown_call_is_named(records: CallRecords, ask: Callable[[CallRecords], object]) -> None:
    with pytest.raises(UnknownCall, match="none"):
        await ask(records)  # type: ignore[misc]


async def test_cases_are_numbered_by_day_without_gaps_or_duplicates(records: CallRecords) -> None:
    calls = [replace(CALL, id=f"call-{n}") for n in range(12)]
    await asyncio.gather(*(records.open_call(call, "v1", START) for call in calls))
    opening = [OpenComplaint("complaint", "why")]
    await asyncio.gather(*(records.save_turn(call.id, 1, EVENT, opening, [], START) for call in calls))
    await records.save_turn(calls[0].id, 2, EVENT, opening, [], START + timedelta(days=1))
    numbers = [case.number for call in calls for case in (await records.call(call.id)).cases]
    assert sorted(numbers) == [*(f"20261121-{n:04}" for n in range(1, 13)), "20261122-0001"]


async def test_calls_are_listed_newest_first_page_by_page(records: CallRecords) -> None:
    for n, second in enumerate([0, 10, 10, 10, 20]):
        await records.open_call(replace(CALL, id=f"call-{n}"), "v1", after(second))
    first = await records.calls(2)
    second_page = await records.calls(2, before=first[-1].id)
    third = await records.calls(2, before=second_page[-1].id)
    assert [[call.id for call in page] for page in (first, second_page, third)] == [
        ["call-4", "call-3"],
        ["call-2", "call-1"],
        ["call-0"],
    ]


async def test_calls_left_open_are_found(records: CallRecords) -> None:
    for name in ("b", "a", "c"):
        await records.open_call(replace(CALL, id=name), "v1", after(ord(name)))
    await close(records, "b")
    assert await records.open_calls() == ("a", "c")


async def test_flow_sources_are_kept_by_version(records: CallRecords) -> None:
    assert await records.flow_source("abc") is None
    for _ in range(2):
        await records.save_flow_source("abc", "version: 1\n# 您好\n")
    assert await records.flow_source("abc") == "version: 1\n# 您好\n"


async def test_a_customer_has_profile_changes_and_calls(records: CallRecords) -> None:
    assert await records.customer("13812345678") is None
    await records.open_call(CALL, "v1", START)
    await records.open_call(
        replace(CALL, id="out", direction="outbound", caller="4001", called="13812345678"), "v1", after(9)
    )
    await records.save_customer("13812345678", "张三", "zh-CN", "王", after(10))
    await records.save_customer("13812345678", "张三", "zh-CN", "王", after(11))
    await records.save_customer("13812345678", "张珊", "zh-CN", "李", after(12))
    customer = await records.customer("13812345678")
    assert customer is not None
    assert (customer.name, customer.language) == ("张珊", "zh-CN")
    assert [(change.name, change.by, change.at) for change in customer.changes] == [
        ("张三", "王", after(10)),
        ("张珊", "李", after(12)),
    ]
    assert [call.id for call in customer.calls] == ["out", "call-1"]


async def test_one_person_is_one_customer_under_every_spelling_and_dialled_the_same_way(records: CallRecords) -> None:
    for index, (caller, called) in enumerate(zip(PERSONS, reversed(PERSONS), strict=True)):
        await records.open_call(replace(CALL, id=f"in-{index}", caller=caller), "v1", after(index))
        out = replace(CALL, id=f"out-{index}", direction="outbound", caller="4001", called=called)
        await records.open_call(out, "v1", after(index))
    customers = {found.number for text in PERSONS if (found := await records.customer(text))}
    assert len(PERSONS) >= 40 and customers == {PERSON}
    person = await records.customer(PERSON)
    assert person is not None and len(person.calls) == 2 * len(PERSONS)
    recorded = {call.caller if call.direction == "inbound" else call.called for call in person.calls}
    assert {dialled_number(number, Site()) for number in recorded} == {DialledNumber("PJSIP/13812345678@trunk")}


async def test_a_profile_is_saved_under_any_spelling(records: CallRecords) -> None:
    for minute, (text, name) in enumerate(zip(COMPANYS, "甲乙丙", strict=False)):
        await records.save_customer(text, name, "zh-CN", "王", after(minute))
    company = await records.customer("0411 8361 2345 ext. 801")
    assert company is not None
    assert (company.number, company.name, len(company.changes)) == (COMPANY, "丙", 3)
    assert await records.customer("0411-83612345") is None


@pytest.mark.parametrize("withheld", ["anonymous", "匿名", "00000000"])
async def test_a_withheld_number_is_nobodys(records: CallRecords, withheld: str) -> None:
    await open_call(records, replace(CALL, caller=withheld))
    assert (await records.call(CALL.id)).call.caller == ""
    assert await records.customer(withheld) is None
    with pytest.raises(UnreadableNumber, match="withheld"):
        await records.save_customer(withheld, "某人", "zh-CN", "王", START)


async def test_a_line_keeps_the_number_that_the_site_gives_it(records: CallRecords) -> None:
    await open_call(records, replace(CALL, called="02462000"))
    assert (await records.call(CALL.id)).call.called == "02462000"


async def test_a_call_without_a_number_belongs_to_no_customer(records: CallRecords) -> None:
    await open_call(records, replace(CALL, caller=""))
    assert await records.customer("") is None
    assert (await records.call(CALL.id)).call.caller == ""
