import pytest

from ivr.telephony.asterisk.dialling import trunk_number


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("+8613812345678", "13812345678"),
        ("+862462000000", "02462000000"),
        ("+864001234567", "4001234567"),
        ("+4930123456", "004930123456"),
        ("13812345678", "13812345678"),
        ("1001", "1001"),
        ("+", "+"),
    ],
)
def test_numbers_are_dialled_in_the_chinese_format(number: str, digits: str) -> None:
    assert trunk_number(number) == digits
