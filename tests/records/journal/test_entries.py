"""Every entry survives being stored, and can be written twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ivr.actions import BookCallback, OpenComplaint, SaveAnswer, StartRecording
from ivr.events import CallAnswered, CallEnded, DigitsPressed, Heard, NothingHeard, SpeechHeard, SpeechRecorded
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.records.journal import entries
from ivr.telephony.port import Call
from ivr.transcript import TranscriptLine

NOW = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
CALL = Call("call-1", "browser", "inbound", "13812345678", "4001", "survey", "zh-CN", {"name": "张三", "unpaid": True})
ANSWER = SaveAnswer("q", True, "解决了\n", (Heard("解决了", 0.123456789),), 0.9, "voice", 1, span_ms=(1, 2))
FACTS = (
    StartRecording(),
    ANSWER,
    BookCallback("2026-11-21T18:00:00+08:00", "六点"),
    OpenComplaint("complaint", "why", {"n": 1, "text": "1", "none": None}),
)
LINES = (TranscriptLine("us", "您好", 0), TranscriptLine("caller", "解决了", 900, 0.9))
EVENTS = (
    CallAnswered({"fee": 3, "flag": False}),
    SpeechHeard("7", (Heard("解决了", 0.9),), 500),
    SpeechRecorded("7", 10, 20, "text", ("cue",)),
    DigitsPressed("7", "1"),
    NothingHeard("7"),
    CallEnded("us", "failed"),
)
ALL = (
    entries.FlowSourceEntry("v1", "flows:\n  a: b\n"),
    entries.OpeningEntry(CALL, "v1", NOW),
    entries.PickUpEntry("call-1", NOW),
    *(entries.TurnEntry("call-1", n, event, FACTS, LINES, NOW) for n, event in enumerate(EVENTS, 1)),
    entries.RecordingEntry("call-1", "/a.wav", "wav", 1.5, 20, "ab"),
    entries.ContactEntry("call-1", "zhang", "hotline", NOW),
    entries.ClosingEntry("call-1", Disposition.PARTIAL, "normal", "caller", NOW),
)


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: type(entry).__name__)
def test_an_entry_is_read_back_as_it_was(entry: entries.JournalEntry) -> None:
    line = entries.dump(entry)
    assert "\n" not in line and entries.load(line) == entry


def test_several_are_read_back_in_order() -> None:
    assert entries.load_all(entries.dump_all(ALL)) == list(ALL)
    assert entries.load_all(b"") == []


@pytest.mark.parametrize("line", ["", "{}", "[]", '["TurnEntry", {}]', '["Other", {}]', "\x00", '["TurnEntry"'])
def test_anything_else_is_no_entry(line: str) -> None:
    with pytest.raises(ValueError):
        entries.load(line)


def test_the_description_of_an_entry_tells_nothing_of_the_caller() -> None:
    described = " ".join(map(entries.describe_entry, ALL))
    assert "call-1" in described
    assert not any(secret in described for secret in ("1381", "张三", "解决了"))


async def test_entries_that_are_written_twice_are_kept_once(records: CallRecords) -> None:
    complaint = entries.TurnEntry("call-1", 1, EVENTS[0], FACTS, LINES, NOW)
    written = (*ALL[:3], complaint, ALL[-3], ALL[-1])
    for entry in written:
        await entry.write(records)
    once = await records.call("call-1", "management")
    for entry in written:
        await entry.write(records)
    assert await records.call("call-1", "management") == once
    assert once.values == {"q": True} and len(once.bookings) == len(once.cases) == len(once.recordings) == 1


async def test_what_a_node_writes_after_a_sweep_has_closed_its_call_is_kept(records: CallRecords) -> None:
    """The sweep has closed the call as failed, with the number of the turn that the node could not write."""
    for entry in ALL[:3]:
        await entry.write(records)
    lost = CallEnded("us", "failed")
    await records.save_turn("call-1", 1, lost, [], [], NOW + timedelta(seconds=60))
    await records.close_call("call-1", Disposition.FAILED, "failed", "us", NOW + timedelta(seconds=60))
    late = (
        entries.TurnEntry("call-1", 1, EVENTS[3], (StartRecording(), ANSWER), LINES, NOW),
        entries.TurnEntry("call-1", 2, EVENTS[4], (), (), NOW + timedelta(seconds=5)),
        entries.ClosingEntry("call-1", Disposition.PARTIAL, "normal", "caller", NOW + timedelta(seconds=9)),
    )
    for entry in (*late, *late):
        await entry.write(records)
    record = await records.call("call-1")
    assert record.values == {"q": True} and record.replaced_answers == ()
    assert [(turn.turn, turn.event) for turn in record.turns] == [(1, lost), (2, EVENTS[3]), (3, EVENTS[4])]
    assert [line.text for line in record.transcript] == ["您好", "解决了"]
    assert [change.disposition for change in record.dispositions] == [Disposition.FAILED, Disposition.PARTIAL]
    assert record.call.ended_at == (NOW + timedelta(seconds=60)).astimezone(UTC)


async def test_a_disposition_that_a_person_corrected_is_not_undone_by_a_replay(records: CallRecords) -> None:
    closing = (*ALL[:3], ALL[-1])
    for entry in closing:
        await entry.write(records)
    await records.change_disposition("call-1", Disposition.REFUSED, "王", "listened to it", NOW)
    for entry in closing:
        await entry.write(records)
    assert (await records.call("call-1")).call.disposition is Disposition.REFUSED
