"""One number in many spellings."""

from __future__ import annotations

import pytest

from ivr.number_formats import e164, number_formats


@pytest.mark.parametrize(
    ("number", "formats"),
    [
        ("13812345678", {"13812345678", "+8613812345678"}),
        ("+8613812345678", {"13812345678", "+8613812345678"}),
        ("8613812345678", {"13812345678", "+8613812345678", "8613812345678"}),
        ("02488886666", {"02488886666", "+862488886666"}),
        ("+4930123456", {"+4930123456", "004930123456"}),
        ("1001", {"1001", "+861001"}),
        ("phone_1", {"phone_1"}),
    ],
)
def test_a_number_is_known_in_each_format(number: str, formats: set[str]) -> None:
    assert number_formats(number) == formats
    assert {e164(each) for each in formats} == {e164(number)}
