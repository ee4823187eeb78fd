"""Numbers on the way to and from Asterisk: dial strings, calling numbers. Must not know: why a number is dialled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ivr.phone_number import UnreadableNumber, canonical_number, is_withheld, national_format, parse_number
from ivr.telephony.asterisk.site import Site, TrunkNumbers

TRUNK: Final = "trunk"
"""The endpoint of the trunk in pjsip.conf."""


@dataclass(frozen=True, slots=True)
class DialledNumber:
    """A dial string of Asterisk; `keys` are the extension to send as DTMF after the answer, empty if none."""

    endpoint: str
    keys: str = ""


def dialled_number(number: str, site: Site) -> DialledNumber:
    """Return how to dial a number: a phone of the site by its name, any other number over the trunk.

    Raises:
        UnreadableNumber: it is neither, so no network could connect it.
    """
    if number in site.phones:
        return DialledNumber(f"PJSIP/{number}")
    called = parse_number(number)
    return DialledNumber(f"PJSIP/{trunk_digits(called.number, site.trunk_numbers)}@{TRUNK}", called.extension)


def trunk_digits(number: str, numbers: TrunkNumbers) -> str:
    """Return the digits that the trunk expects for a canonical number; short numbers are dialled as they are."""
    if not number.startswith("+"):
        return number
    digits = number[1:] if numbers.dialled == "international" else local_digits(number, numbers)
    return numbers.dialled_prefix + digits


def local_digits(number: str, numbers: TrunkNumbers) -> str:
    """Return the digits of a canonical number as dialled in the trunk's region, for the display of a phone."""
    return national_format(number, numbers.region).replace(" ", "")


def calling_number(number: str, numbers: TrunkNumbers) -> str:
    """Return a canonical number as shown to the people called over the trunk."""
    return number if numbers.dialled == "international" else local_digits(number, numbers)


def read_caller(shown: str, site: Site) -> str:
    """Return the canonical form of a caller's number as the network shows it; withheld, or no number at all: empty.

    The name of one of the site's phones stays as it is, and so does a number that fits no numbering plan. A word that
    is no such name (主叫保密, asterisk) identifies nobody: many callers have it.
    """
    if shown in site.phones:
        return shown
    numbers = site.trunk_numbers
    number = shown.removeprefix(numbers.shown_prefix)
    if is_withheld(number) or not any(map(str.isdecimal, number)):
        return ""
    try:
        return str(parse_number(number, numbers.region))
    except UnreadableNumber:
        with_area_code = canonical_number(numbers.area_code + number, numbers.region)
        return with_area_code if with_area_code.startswith("+") else canonical_number(number, numbers.region)
