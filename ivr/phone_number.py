"""Telephone numbers in the spellings of people and networks. Pure. Must not know: whose number it is, who dials it.

A number has one *canonical* form: E.164 (`+8613812345678`), with an extension as in RFC 3966
(`+8641183612345;ext=801`). Internal phones and public service numbers (1001, 110, 95500) have at most SHORT digits and
keep them. Numbering plans come from `phonenumbers` (Google's libphonenumber; the lite package omits geography). It
accepts 5551234 as a valid Chinese number; hence the lengths below (电信网编号计划: mobile 11 digits; landline 0, area
code, subscriber, 11 or 12; 400 and 800 numbers 10). It does not know the national numbers 9510 xxxx.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

LineType = Literal["mobile", "landline", "other"]

REGION: Final = "CN"
"""The region (ISO 3166) in which a number without country code is dialled."""
REGIONS: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The regions that have a numbering plan."""
SHORT: Final = 6
"""Numbers of at most this many digits are internal phones or public service numbers, without area and country code."""

_CHINA: Final = phonenumbers.country_code_for_region(REGION)
_SHORTEST_CHINESE: Final = 11
_SERVICE_PREFIXES: Final = ("400", "800")
_NATIONAL_SERVICE: Final = re.compile(r"9510\d{4}")
_SHORT_NUMBER: Final = re.compile(rf"\d{{3,{SHORT}}}")
_LOCAL_NUMBER: Final = re.compile(r"[2-9]\d{6,7}|\d{1,6}")
_UNFINISHED: Final = (
    ValidationResult.TOO_SHORT,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    ValidationResult.INVALID_LENGTH,
)
_WITH_EXTENSIONS: Final = (
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.TOLL_FREE,
)
_LINE_TYPES: Final[dict[int, LineType]] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
}
_EXTENSION: Final = re.compile(
    r";?(?:[转轉](?:接|分[机機])?|分[机機]号?|内线|extension|extn|ext|x|#|,+)[\s:.=]*"
    rf"(?P<extension>\d{{1,{SHORT}}})$"
)
_DASHED_EXTENSION: Final = re.compile(rf"(?P<number>.*\d)-(?P<extension>\d{{1,{SHORT}}})$")
_NAMED_ADDRESS: Final = re.compile(r"[^<>]*<(?P<address>[^<>]+)>[^<>]*")
_SCHEME: Final = re.compile(r"(?:sips?|tel):")
_PARAMETERS: Final = re.compile(r"(?:;[a-z-]+(?:=[^\s;]+)?)+$")
_DASHES: Final = re.compile(r"\s*[\u2010-\u2015\u2212\u30fc-]\s*")
_SEPARATORS: Final = re.compile(r"[\s\-./()]")
_WITHHELD: Final = re.compile(
    r"(?:caller|number|号码)?(?:anonymous|restricted|unknown|private|unavailable|notavailable|withheld|blocked|hidden|"
    r"匿名|保密|未知|隐藏|私人|私密|不显示|未显示|无法显示)(?:caller|number|号码|来电)?|no(?:callerid|number)|无(?:主叫)?号码|0+"
)
"""What stands for a withheld number, in lower case, without spaces and punctuation."""
_NO_NUMBER: Final = "stands for a withheld number, which cannot be called"
_NO_DIGITS: Final = "is not a telephone number"
_NO_AREA_CODE: Final = "is not a telephone number; give it with its area code, or with + and the country code"
_INCOMPLETE: Final = "has too few digits for a telephone number"
_TOO_LONG: Final = "has too many digits for a telephone number"
_INVALID: Final = "is not a valid telephone number; check its digits"
_NO_COUNTRY: Final = "begins with a country code that does not exist"
_COMPLETABLE: Final = (_NO_AREA_CODE, _INCOMPLETE, _NO_COUNTRY)
_UNPARSED: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: _NO_COUNTRY,
    NumberParseException.TOO_LONG: _TOO_LONG,
}
_HIDDEN_HOST: Final = "@anonymous.invalid"
"""The host in the address of a caller who withholds the number (RFC 3323)."""


class UnreadableNumber(ValueError):
    """A text is no number that can be dialled. The message is a sentence that quotes the text and says why.

    `incomplete`: with more digits it could be one.
    """

    def __init__(self, reason: str, *, incomplete: bool = False) -> None:
        super().__init__(reason)
        self.incomplete = incomplete


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number in E.164 or of at most SHORT digits, and the extension to dial once it is answered (empty: none).

    `str()` is the canonical form.
    """

    number: str
    extension: str = ""

    def __str__(self) -> str:
        return f"{self.number};ext={self.extension}" if self.extension else self.number


def parse_number(text: str, region: str = REGION) -> PhoneNumber:
    """Return the number in a text: any usual spelling, or a tel: or sip: address. `region` is where it is dialled.

    Raises:
        UnreadableNumber: the text is empty, stands for a withheld number, or is no complete and valid number.
    """
    if not text.strip():
        raise UnreadableNumber("no telephone number is given", incomplete=True)
    if is_withheld(text):
        raise _refusal(text, _NO_NUMBER)
    plain = _plain(text)
    if match := _EXTENSION.search(plain):
        return PhoneNumber(_read(plain[: match.start()], text, region), match["extension"])
    try:
        return PhoneNumber(_read(plain, text, region))
    except UnreadableNumber:
        if found := _dashed_extension(plain, text, region):
            return found
        raise


def is_withheld(text: str) -> bool:
    """Return whether a text stands for a withheld number: empty, zeros, anonymous, restricted, 匿名, 保密, …"""
    plain = _plain(text)
    word = re.sub(r"[\W_]", "", plain)
    return not plain or bool(_WITHHELD.fullmatch(word)) or _HIDDEN_HOST in text.lower()


def canonical_number(text: str, region: str = REGION) -> str:
    """Return the form of a number that identifies its holder, the same for all its spellings; withheld: empty.

    A text that is no complete and valid number stays as it is, digits without their separators.
    """
    if is_withheld(text):
        return ""
    try:
        return str(parse_number(text, region))
    except UnreadableNumber:
        digits = _SEPARATORS.sub("", _plain(text))
        return digits if re.fullmatch(r"\+?\d+", digits) else text.strip()


def dialable_number(text: str, phones: Collection[str] = ()) -> str:
    """Return the canonical form of a number to dial. The name of one of the site's `phones` stays as it is.

    Raises:
        UnreadableNumber: see parse_number.
    """
    return text if text in phones else str(parse_number(text))


def e164(digits: str, region: str = REGION) -> str:
    """Return the digits dialled in `region`, `+` allowed in front, in E.164.

    Raises:
        UnreadableNumber: the number is incomplete or not valid.
    """
    return _e164(digits, digits, region)


def line_type(number: str) -> LineType:
    """Return what kind of line a canonical number leads to."""
    if not number.startswith("+"):
        return "other"
    return _LINE_TYPES.get(phonenumbers.number_type(phonenumbers.parse(number)), "other")


def is_domestic(number: str, region: str = REGION) -> bool:
    """Return whether a canonical number belongs to the country of `region`; short numbers do."""
    return not number.startswith("+") or number.startswith(f"+{phonenumbers.country_code_for_region(region)}")


def is_unfinished(digits: str) -> bool:
    """Return whether the digits, dialled within China, are fewer than those of any number with its area code."""
    return len(digits) < _SHORTEST_CHINESE - digits.startswith(_SERVICE_PREFIXES)


def national_format(number: str, region: str = REGION) -> str:
    """Return a canonical number as dialled within `region`, its usual groups of digits separated by spaces.

    `+8613812345678` → `138 1234 5678`, `+862462000000` → `024 6200 0000`, `+4930123456` → `00 49 30 123456`; an
    extension is the last group. A number that is not in E.164 stays as it is.
    """
    if not number.startswith("+"):
        return number.replace(";ext=", " ")
    try:
        known = phonenumbers.parse(number)
    except NumberParseException:
        return number
    return re.sub(r"\D+", " ", phonenumbers.format_out_of_country_calling_number(known, region))


def _plain(text: str) -> str:
    """Return the text in lower-case half-width characters; of an address, only the number and its extension."""
    text = "".join(str(unicodedata.decimal(mark, mark)) for mark in text if unicodedata.category(mark) != "Cf")
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", text)).strip().lower()
    if named := _NAMED_ADDRESS.fullmatch(text):
        text = named["address"].strip()
    if scheme := _SCHEME.match(text):
        text = unquote(text[scheme.end() :]).partition("@")[0].partition(":")[0]
    text = text.partition("@")[0]
    if parameters := _PARAMETERS.search(text):
        values = dict(one.partition("=")[::2] for one in parameters[0].split(";"))
        context, extension = values.get("phone-context", ""), values.get("ext")
        number = text[: parameters.start()]
        text = (context + number if context.startswith("+") else number) + (f";ext={extension}" if extension else "")
    return text.strip(" ()")


def _dashed_extension(plain: str, text: str, region: str) -> PhoneNumber | None:
    """Return the number and the extension written behind it with a hyphen only (0411-83612345-801), None if none."""
    match = _DASHED_EXTENSION.fullmatch(plain)
    if match is None:
        return None
    try:
        number = _read(match["number"], text, region)
    except UnreadableNumber:
        return None
    if not number.startswith("+") or phonenumbers.number_type(phonenumbers.parse(number)) not in _WITH_EXTENSIONS:
        return None
    return PhoneNumber(number, match["extension"])


def _read(plain: str, text: str, region: str) -> str:
    """Return a number in E.164; a short one as it is, also if the network put the region's country code before it."""
    digits = _SEPARATORS.sub("", plain)
    if not re.fullmatch(r"\+?\d+", digits):
        raise _refusal(text, _NO_DIGITS)
    short = re.sub(rf"^(?:\+|00){phonenumbers.country_code_for_region(region)}", "", digits)
    return short if _SHORT_NUMBER.fullmatch(short) else _e164(digits, text, region)


def _e164(digits: str, text: str, region: str) -> str:
    try:
        known = phonenumbers.parse(digits, region)
    except NumberParseException as error:
        raise _refusal(text, _UNPARSED.get(error.error_type, _INCOMPLETE)) from None
    national = phonenumbers.national_significant_number(known)
    as_dialled = region == REGION and national == digits.removeprefix("0")
    if known.country_code == _CHINA and _NATIONAL_SERVICE.fullmatch(national):
        return phonenumbers.format_number(known, PhoneNumberFormat.E164)
    if phonenumbers.is_valid_number(known):
        landline = phonenumbers.number_type(known) == PhoneNumberType.FIXED_LINE
        if as_dialled and landline and digits == national and len(digits) < _SHORTEST_CHINESE - 1:
            raise _refusal(text, _NO_AREA_CODE)
        return phonenumbers.format_number(known, PhoneNumberFormat.E164)
    possible = phonenumbers.is_possible_number_with_reason(known)
    if possible in _UNFINISHED or (as_dialled and is_unfinished(digits)):
        raise _refusal(text, _NO_AREA_CODE if _LOCAL_NUMBER.fullmatch(digits) else _INCOMPLETE)
    raise _refusal(text, _TOO_LONG if possible == ValidationResult.TOO_LONG else _INVALID)


def _refusal(text: str, reason: str) -> UnreadableNumber:
    quoted = "".join(mark for mark in text if mark.isprintable())
    return UnreadableNumber(f"“{quoted}” {reason}", incomplete=reason in _COMPLETABLE)
