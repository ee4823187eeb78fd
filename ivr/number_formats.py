"""Formats of telephone numbers, to recognise one number in any of them. Pure. Must not know: who stores numbers."""

from __future__ import annotations

from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat

_REGION: Final = "CN"


def e164(number: str) -> str:
    """Return a telephone number, Chinese if it names no country, in E.164; unchanged if it is not a number."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(number, _REGION), PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return number


def number_formats(number: str) -> set[str]:
    """Return a telephone number in the formats it may be stored in: as given, E.164, and as dialled within China."""
    try:
        parsed = phonenumbers.parse(number, _REGION)
    except phonenumbers.NumberParseException:
        return {number}
    dialled = phonenumbers.format_out_of_country_calling_number(parsed, _REGION)
    return {number, e164(number), "".join(filter(str.isdigit, dialled))}
