"""The numbers that a network shows and those that are dialled over the trunk, by the site's settings."""

import pytest

from ivr.phone_number import UnreadableNumber, canonical_number
from ivr.telephony.asterisk.dialling import (
    DialledNumber,
    calling_number,
    dialled_number,
    local_digits,
    read_caller,
    trunk_digits,
)
from ivr.telephony.asterisk.site import Site, TrunkNumbers
from tests.spellings import COMPANYS, PERSON, PERSONS, WITHHELD

NATIONAL = TrunkNumbers()
PLUS = TrunkNumbers(dialled="international", dialled_prefix="+")
ZEROS = TrunkNumbers(dialled="international", dialled_prefix="00")
OUTSIDE = TrunkNumbers(dialled_prefix="9", shown_prefix="9", area_code="0411")
GERMAN = TrunkNumbers(region="DE")


def at(numbers: TrunkNumbers = NATIONAL) -> Site:
    return Site.model_validate(
        {"phones": ["1001", "front-desk"], "trunk": {"host": "a", "numbers": numbers.model_dump()}}
    )


@pytest.mark.parametrize(
    ("number", "numbers", "digits"),
    [
        ("+8613812345678", NATIONAL, "13812345678"),
        ("+862462000000", NATIONAL, "02462000000"),
        ("+864001234567", NATIONAL, "4001234567"),
        ("+4930123456", NATIONAL, "004930123456"),
        ("1001", NATIONAL, "1001"),
        ("95500", NATIONAL, "95500"),
        ("+8613812345678", PLUS, "+8613812345678"),
        ("+4930123456", PLUS, "+4930123456"),
        ("95500", PLUS, "95500"),
        ("+8613812345678", ZEROS, "008613812345678"),
        ("+8613812345678", OUTSIDE, "913812345678"),
        ("+8641183612345", OUTSIDE, "9041183612345"),
        ("110", OUTSIDE, "110"),
        ("+8613812345678", GERMAN, "008613812345678"),
        ("+4930123456", GERMAN, "030123456"),
    ],
)
def test_a_number_is_dialled_as_the_trunk_expects(number: str, numbers: TrunkNumbers, digits: str) -> None:
    assert trunk_digits(number, numbers) == digits
    assert dialled_number(number, Site.model_validate({"trunk": {"host": "a", "numbers": numbers.model_dump()}})) == (
        DialledNumber(f"PJSIP/{digits}@trunk")
    )


@pytest.mark.parametrize("text", PERSONS)
def test_every_spelling_is_one_caller_and_one_number_dialled(text: str) -> None:
    assert read_caller(text, at()) == PERSON
    assert dialled_number(canonical_number(text), at()) == DialledNumber("PJSIP/13812345678@trunk")


@pytest.mark.parametrize("text", COMPANYS)
def test_an_extension_is_dialled_after_the_answer(text: str) -> None:
    assert dialled_number(canonical_number(text), at()) == DialledNumber("PJSIP/041183612345@trunk", "801")


@pytest.mark.parametrize("name", ["1001", "front-desk"])
def test_a_phone_of_the_site_is_dialled_by_its_name(name: str) -> None:
    assert dialled_number(name, at()) == DialledNumber(f"PJSIP/{name}")
    assert read_caller(name, at()) == name


@pytest.mark.parametrize("text", [*WITHHELD, "83612345", "back-door", "12012345678"])
def test_no_network_is_asked_to_connect_what_is_no_number(text: str) -> None:
    with pytest.raises(UnreadableNumber):
        dialled_number(text, at())


@pytest.mark.parametrize("numbers", [NATIONAL, PLUS, OUTSIDE])
@pytest.mark.parametrize("text", WITHHELD)
def test_a_withheld_number_is_empty(text: str, numbers: TrunkNumbers) -> None:
    assert read_caller(text, at(numbers)) == ""


@pytest.mark.parametrize(
    ("shown", "numbers", "caller"),
    [
        ("13812345678", OUTSIDE, "+8613812345678"),
        ("913812345678", OUTSIDE, "+8613812345678"),
        ("9013812345678", OUTSIDE, "+8613812345678"),
        ("9041183612345", OUTSIDE, "+8641183612345"),
        ("983612345", OUTSIDE, "+8641183612345"),
        ("83612345", OUTSIDE, "+8641183612345"),
        ("95500", NATIONAL, "95500"),
        ("+8695500", NATIONAL, "95500"),
        ("83612345", NATIONAL, "83612345"),
        ("12012345678", NATIONAL, "12012345678"),
        ("12012345678", OUTSIDE, "12012345678"),
        ("zhang", NATIONAL, ""),
        ("asterisk", NATIONAL, ""),
        ("主叫保密", OUTSIDE, ""),
        ("N/A", OUTSIDE, ""),
        ("95105105", NATIONAL, "+8695105105"),
        ("030123456", GERMAN, "+4930123456"),
        ("008613812345678", GERMAN, "+8613812345678"),
    ],
)
def test_a_callers_number_is_read_as_the_network_shows_it(shown: str, numbers: TrunkNumbers, caller: str) -> None:
    assert read_caller(shown, at(numbers)) == caller


@pytest.mark.parametrize(
    ("number", "numbers", "to_the_network", "to_phones"),
    [
        ("+862462000000", NATIONAL, "02462000000", "02462000000"),
        ("+862462000000", PLUS, "+862462000000", "02462000000"),
        ("+862462000000", OUTSIDE, "02462000000", "02462000000"),
        ("4000", NATIONAL, "4000", "4000"),
        ("", NATIONAL, "", ""),
    ],
)
def test_the_calling_number_has_no_prefix(
    number: str, numbers: TrunkNumbers, to_the_network: str, to_phones: str
) -> None:
    assert calling_number(number, numbers) == to_the_network
    assert local_digits(number, numbers) == to_phones
