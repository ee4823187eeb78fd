"""Parser for spoken telephone numbers; results are in E.164. Must not know: whose number it is, or its purpose.

Whoever dictates a number pauses: 021 95500 may be the beginning of a longer number, so a number as dialled within
China counts as complete only from the lengths of ivr/phone_number.py.
"""

from __future__ import annotations

import unicodedata

from ivr.flow.spoken.digits import parse_digits
from ivr.flow.spoken.result import Parsed, ParsedIncomplete, ParsedNothing, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.text import tokens
from ivr.phone_number import REGION, UnreadableNumber, e164, is_unfinished

_OTHER_PREFIXES = ("86", "00")
"""The beginnings of Chinese numbers that are not as dialled within China."""


def parse_phone(text: str, language: str, region: str = REGION) -> Parsed[str]:
    """Return the telephone number said: ParsedValue("+86…") in E.164, ParsedIncomplete while digits are missing,
    ParsedOutOfRange for digits that fit no numbering plan, ParsedNothing without digits.

    `region` (ISO 3166) is where a number without country code is dialled from. A Chinese landline needs its area code;
    a bare subscriber number is ParsedIncomplete.
    """
    digits = parse_digits(text, language)
    if not digits:
        return ParsedNothing()
    abroad = _says_plus(text, language)
    if region == REGION and not abroad and not digits.startswith(_OTHER_PREFIXES) and is_unfinished(digits):
        return ParsedIncomplete(digits)
    try:
        return ParsedValue(e164(f"+{digits}" if abroad else digits, region))
    except UnreadableNumber as refused:
        return ParsedIncomplete(digits) if refused.incomplete else ParsedOutOfRange(digits)


def _says_plus(text: str, language: str) -> bool:
    return "+" in unicodedata.normalize("NFKC", text) or tokens(text, language)[:1] in {("加",), ("plus",)}
