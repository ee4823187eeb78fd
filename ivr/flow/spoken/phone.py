"""Parser for spoken telephone numbers; results are in E.164. Must not know: whose number it is, or its purpose.

Numbering plans come from `phonenumbers` (Google's libphonenumber; the lite package omits geography). It cannot tell
whether a partly dictated number is complete: it accepts 5551234 as a valid Chinese number. Hence the lengths below
(电信网编号计划: mobile 11 digits; landline 0, area code, subscriber, 11 or 12; 400 and 800 numbers 10).
"""

from __future__ import annotations

import unicodedata

import phonenumbers

from ivr.flow.spoken.digits import parse_digits
from ivr.flow.spoken.result import Parsed, ParsedIncomplete, ParsedNothing, ParsedOutOfRange, ParsedValue
from ivr.flow.spoken.text import tokens

_CHINA = "CN"
_SHORTEST_CHINESE = 11
_SERVICE_PREFIXES = ("400", "800")
_UNFINISHED = {
    phonenumbers.ValidationResult.TOO_SHORT,
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    phonenumbers.ValidationResult.INVALID_LENGTH,
}


def parse_phone(text: str, language: str, region: str = _CHINA) -> Parsed[str]:
    """Return the telephone number said: ParsedValue("+86…") in E.164, ParsedIncomplete while digits are missing,
    ParsedOutOfRange for digits that fit no numbering plan, ParsedNothing without digits.

    `region` (ISO 3166) is where a number without country code is dialled from. A Chinese landline needs its area code;
    a bare subscriber number is ParsedIncomplete.
    """
    digits = parse_digits(text, language)
    if not digits:
        return ParsedNothing()
    abroad = _says_plus(text, language)
    try:
        number = phonenumbers.parse(f"+{digits}" if abroad else digits, region)
    except phonenumbers.NumberParseException as error:
        too_long = error.error_type == phonenumbers.NumberParseException.TOO_LONG
        return ParsedOutOfRange(digits) if too_long else ParsedIncomplete(digits)
    national = str(number.national_number)
    if region == _CHINA and not abroad and national == digits.removeprefix("0") and _unfinished(digits):
        return ParsedIncomplete(digits)
    if phonenumbers.is_valid_number(number):
        return ParsedValue(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    unfinished = phonenumbers.is_possible_number_with_reason(number) in _UNFINISHED
    return ParsedIncomplete(digits) if unfinished else ParsedOutOfRange(digits)


def _unfinished(dialled: str) -> bool:
    return len(dialled) < _SHORTEST_CHINESE - dialled.startswith(_SERVICE_PREFIXES)


def _says_plus(text: str, language: str) -> bool:
    return "+" in unicodedata.normalize("NFKC", text) or tokens(text, language)[:1] in {("加",), ("plus",)}
