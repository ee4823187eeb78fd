"""Number format for dialling on a trunk. Must not know: why a number is dialled."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers

_REGION: Final = "CN"


def trunk_number(number: str) -> str:
    """Convert an E.164 number to the digits dialled in China; return any other number unchanged.

    Records store numbers in E.164, but the trunks of Chinese operators expect the digits that subscribers dial:
    `+8613812345678` → `13812345678`, `+862462000000` → `02462000000`, `+4930123456` → `004930123456`.
    """
    if not number.startswith("+"):
        return number
    try:
        known = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return re.sub(r"\D", "", phonenumbers.format_out_of_country_calling_number(known, _REGION))
