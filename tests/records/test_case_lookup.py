"""Lookup of cases for callers, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ivr.actions import OpenComplaint
from ivr.complaints.rules.case import CaseStatus
from ivr.events import NothingHeard
from ivr.records.call_records import CallRecords
from ivr.telephony.port import Call
from tests.spellings import COMPANYS, PERSONS

AT = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)


async def opened(records: CallRecords, call_id: str, *kinds: str, caller: str = "13812345678", phone: str = "") -> None:
    await records.open_call(Call(call_id, "asterisk", "inbound", caller, "4001", "hotline", "zh-CN"), "v1", AT)
    facts = [OpenComplaint(kind, "why", {"phone": phone} if phone else {}) for kind in kinds]
    await records.save_turn(call_id, 1, NothingHeard("1"), facts, [], AT)


async def test_a_call_finds_the_case_that_it_opened_last(records: CallRecords) -> None:
    await opened(records, "one", "complaint", "repair")
    await opened(records, "other", "complaint")
    assert await records.find_case("one", "call", "") == CaseStatus("20261121-0002", "repair", True, AT)


async def test_a_repeated_turn_has_the_same_case_number(records: CallRecords) -> None:
    await opened(records, "one", "repair")
    first = await records.find_case("one", "call", "")
    later = AT + timedelta(seconds=9)
    await records.save_turn("one", 1, NothingHeard("1"), [OpenComplaint("repair", "why")], [], later)
    assert await records.find_case("one", "call", "") == first


async def test_a_call_without_a_case_finds_none(records: CallRecords) -> None:
    await opened(records, "one")
    assert await records.find_case("one", "call", "") is None


@pytest.mark.parametrize(("digits", "kind"), [("202611210001", "repair"), ("202611210002", "complaint")])
async def test_a_case_is_found_by_its_number(records: CallRecords, digits: str, kind: str) -> None:
    await opened(records, "one", "repair", "complaint")
    found = await records.find_case("another", "number", digits)
    assert found is not None and (found.number.replace("-", ""), found.kind) == (digits, kind)


@pytest.mark.parametrize("digits", ["202611210009", "2026", "", "1"])
async def test_an_unknown_number_finds_no_case(records: CallRecords, digits: str) -> None:
    await opened(records, "one", "repair")
    assert await records.find_case("another", "number", digits) is None


@pytest.mark.parametrize("number", ["13812345678", "+8613812345678"])
async def test_a_case_is_found_by_the_calling_number(records: CallRecords, number: str) -> None:
    await opened(records, "one", "repair")
    found = await records.find_case("another", "phone", number)
    assert found is not None and found.kind == "repair"


async def test_a_case_is_found_by_a_number_in_its_details(records: CallRecords) -> None:
    await opened(records, "one", "repair", caller="", phone="+8613912345678")
    assert await records.find_case("another", "phone", "13912345678") is not None
    assert await records.find_case("another", "phone", "13812345678") is None


async def test_a_case_is_found_under_every_spelling_of_its_number(records: CallRecords) -> None:
    await opened(records, "one", "repair", caller="", phone="138 1234 5678")
    await opened(records, "two", "complaint", caller="", phone="0411-83612345转801")
    for number in PERSONS:
        found = await records.find_case("another", "phone", number)
        assert found is not None and found.kind == "repair", number
    for number in COMPANYS:
        found = await records.find_case("another", "phone", number)
        assert found is not None and found.kind == "complaint", number
    assert await records.find_case("another", "phone", "0411-83612345") is None


async def test_a_complaint_is_found_by_its_callback_number(records: CallRecords) -> None:
    await records.open_call(Call("one", "asterisk", "inbound", "", "4001", "hotline", "zh-CN"), "v1", AT)
    complaint = OpenComplaint("complaint", "why", {"callback_phone": "+8613912345678"})
    await records.save_turn("one", 1, NothingHeard("1"), [complaint], [], AT)
    found = await records.find_case("another", "phone", "13912345678")
    assert found is not None and found.kind == "complaint"
    assert await records.find_case("another", "phone", "13812345678") is None


@pytest.mark.parametrize("number", ["", "anonymous", "匿名"])
@pytest.mark.parametrize("caller", ["", "anonymous"])
async def test_a_hidden_number_finds_no_case(records: CallRecords, number: str, caller: str) -> None:
    await opened(records, "one", "repair", caller=caller, phone="anonymous")
    assert await records.find_case("another", "phone", number) is None


@pytest.mark.parametrize("kind", ["fraud", "discipline", "bad_review"])
async def test_confidential_kinds_are_not_found(records: CallRecords, kind: str) -> None:
    await opened(records, "one", kind)
    assert await records.find_case("another", "number", "202611210001") is None
    assert await records.find_case("another", "phone", "13812345678") is None
