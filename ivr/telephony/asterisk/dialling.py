"""How a number is dialled on a trunk. Must not know: what it is dialled for."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers

_REGION: Final = "CN"


def trunk_number(number: str) -> str:
    """A number in E.164 as a telephone in China dials it; any other as it is.

    Records keep what callers say in E.164, but the trunks of Chinese operators take the digits that people dial there:
    `+8613812345678` → `13812345678`, `+862462000000` → `02462000000`, `+4930123456` → `004930123456`.
    """
    if not number.startswith("+"):
        return number
    try:
        known = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return re.sub(r"\D", "", phonenumbers.format_out_of_country_calling_number(known, _REGION))
