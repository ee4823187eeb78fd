"""Telephone numbers are read in every usual spelling, or refused with a sentence that says why."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.phone_number import (
    PhoneNumber,
    UnreadableNumber,
    canonical_number,
    dialable_number,
    e164,
    is_withheld,
    national_format,
    parse_number,
)
from tests.spellings import COMPANY, COMPANYS, PERSON, PERSONS, WITHHELD

SIGNS = "0123456789+-()/. ;=#x,转分机内线@<>:sipteltext号０１８（）＋－　\u200b"


@pytest.mark.parametrize("text", PERSONS)
def test_every_spelling_of_a_mobile_number_is_the_same_number(text: str) -> None:
    assert parse_number(text) == PhoneNumber(PERSON)
    assert canonical_number(text) == dialable_number(text) == PERSON
    assert not is_withheld(text)


@pytest.mark.parametrize("text", COMPANYS)
def test_every_spelling_of_an_extension_is_the_same_extension(text: str) -> None:
    assert parse_number(text) == PhoneNumber("+8641183612345", "801")
    assert canonical_number(text) == COMPANY


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0411-83612345", "+8641183612345"),
        ("(0411) 8361 2345", "+8641183612345"),
        ("+86 (0)411 8361 2345", "+8641183612345"),
        ("86-0411-83612345", "+8641183612345"),
        ("41183612345", "+8641183612345"),
        ("0411/83612345", "+8641183612345"),
        ("010-62345678", "+861062345678"),
        ("024 6200 0000", "+862462000000"),
        ("400-820-8820", "+864008208820"),
        ("400 820 8820", "+864008208820"),
        ("4008-208-820", "+864008208820"),
        ("+86 400 820 8820", "+864008208820"),
        ("800-820-8820", "+868008208820"),
        ("1010 5050", "+8610105050"),
        ("95105105", "+8695105105"),
        ("+86 9510 5105", "+8695105105"),
        ("950 1312 3456", "+8695013123456"),
        ("021-95500", "+862195500"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("001-415-555-2671", "+14155552671"),
        ("00852 2345 6789", "+85223456789"),
        ("+49 30 123456", "+4930123456"),
        ("1001", "1001"),
        ("110", "110"),
        ("95500", "95500"),
        ("+86 95500", "95500"),
        ("0086-95500", "95500"),
        ("１２３１５", "12315"),
        ("sip:1001@192.168.1.1", "1001"),
    ],
)
def test_landlines_service_numbers_internal_phones_and_numbers_abroad(text: str, number: str) -> None:
    assert canonical_number(text) == dialable_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("400-820-8820-1", "+864008208820;ext=1"),
        ("400 820 8820 # 12", "+864008208820;ext=12"),
        ("1001转2", "1001;ext=2"),
        ("+1 415-555-2671 x12", "+14155552671;ext=12"),
    ],
)
def test_extensions_of_other_numbers(text: str, number: str) -> None:
    assert canonical_number(text) == number


@pytest.mark.parametrize("text", WITHHELD)
def test_a_withheld_number_is_nobodys_and_cannot_be_called(text: str) -> None:
    assert is_withheld(text) and canonical_number(text) == ""
    with pytest.raises(UnreadableNumber, match=r"stands for a withheld number|no telephone number is given"):
        dialable_number(text)


NO_AREA_CODE = "is not a telephone number; give it with its area code, or with + and the country code"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no telephone number is given"),
        ("匿名", "“匿名” stands for a withheld number, which cannot be called"),
        ("Robert", "“Robert” is not a telephone number"),
        ("13812345678号", "“13812345678号” is not a telephone number"),
        ("1001; rm", "“1001; rm” is not a telephone number"),
        ("*06#", "“*06#” is not a telephone number"),
        ("13812345678,13912345678", "“13812345678,13912345678” is not a telephone number"),
        ("+", "“+” is not a telephone number"),
        ("12", f"“12” {NO_AREA_CODE}"),
        ("83612345", f"“83612345” {NO_AREA_CODE}"),
        ("836-12345", f"“836-12345” {NO_AREA_CODE}"),
        ("83612345转801", f"“83612345转801” {NO_AREA_CODE}"),
        ("5551234", f"“5551234” {NO_AREA_CODE}"),
        ("1381234567", "“1381234567” has too few digits for a telephone number"),
        ("0411-8361", "“0411-8361” has too few digits for a telephone number"),
        ("400-820-882", "“400-820-882” has too few digits for a telephone number"),
        ("0411-83612345/83612346", "“0411-83612345/83612346” has too many digits for a telephone number"),
        ("138123456789012", "“138123456789012” has too many digits for a telephone number"),
        ("9" * 30, f"“{'9' * 30}” has too many digits for a telephone number"),
        ("12012345678", "“12012345678” is not a valid telephone number; check its digits"),
        ("138-1234-5678-9", "“138-1234-5678-9” is not a valid telephone number; check its digits"),
        ("+999 123456", "“+999 123456” begins with a country code that does not exist"),
        ("a\r\n\u202eb", "“ab” is not a telephone number"),
    ],
)
def test_a_refusal_is_a_sentence_that_quotes_the_text(text: str, reason: str) -> None:
    with pytest.raises(UnreadableNumber) as refused:
        parse_number(text)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "kept"),
    [("8361 2345", "83612345"), ("12012345678", "12012345678"), ("+999-1", "+9991"), (" zhang ", "zhang")],
)
def test_a_text_that_is_no_number_identifies_itself(text: str, kept: str) -> None:
    assert canonical_number(text) == kept


def test_a_phone_of_the_site_is_dialled_by_its_name() -> None:
    assert dialable_number("front-desk", ("front-desk",)) == "front-desk"
    with pytest.raises(UnreadableNumber, match="“front-desk” is not a telephone number"):
        dialable_number("front-desk", ("1001",))


def test_the_region_decides_how_a_number_without_country_code_is_read() -> None:
    assert canonical_number("(415) 555-2671", "US") == "+14155552671"
    assert canonical_number("011 86 138 1234 5678", "US") == PERSON
    with pytest.raises(UnreadableNumber):
        parse_number("555-2671", "US")


@pytest.mark.parametrize(
    ("number", "region", "dialled"),
    [
        (PERSON, "CN", "138 1234 5678"),
        ("+8641183612345", "CN", "0411 8361 2345"),
        ("+864008208820", "CN", "400 820 8820"),
        (COMPANY, "CN", "0411 8361 2345 801"),
        ("+4930123456", "CN", "00 49 30 123456"),
        (PERSON, "DE", "00 86 138 1234 5678"),
        ("1001", "CN", "1001"),
        ("1001;ext=2", "CN", "1001 2"),
        ("+", "CN", "+"),
        ("zhang", "CN", "zhang"),
    ],
)
def test_a_number_is_formatted_as_dialled_in_a_region(number: str, region: str, dialled: str) -> None:
    assert national_format(number, region) == dialled


@pytest.mark.parametrize(("digits", "incomplete"), [("138", True), ("+999123", True), ("12012345678", False)])
def test_an_incomplete_number_is_told_from_a_wrong_one(digits: str, incomplete: bool) -> None:
    with pytest.raises(UnreadableNumber) as refused:
        e164(digits)
    assert refused.value.incomplete is incomplete


@given(st.text(st.sampled_from(SIGNS), max_size=30) | st.text(max_size=20))
@example("+8655512345")
@example("+8612345;ext=1")
def test_a_canonical_number_is_its_own_canonical_number(text: str) -> None:
    canonical = canonical_number(text)
    assert canonical_number(canonical) == canonical


@given(st.text(st.sampled_from(SIGNS), max_size=30) | st.text(max_size=20))
def test_any_text_is_a_number_withheld_or_refused(text: str) -> None:
    try:
        number = parse_number(text)
    except UnreadableNumber:
        return
    assert not is_withheld(text)
    assert number.number.removeprefix("+").isdigit() and (number.number.startswith("+") or len(number.number) <= 6)
    assert parse_number(str(number)) == number


@given(st.from_regex(r"1[3589][0-9]{9}", fullmatch=True), st.sampled_from(["", "+86", "0086", "86", "0"]))
def test_a_mobile_number_is_found_under_any_prefix(number: str, prefix: str) -> None:
    try:
        assert canonical_number(prefix + number) == e164(number)
    except UnreadableNumber:
        assert canonical_number(number) == number
