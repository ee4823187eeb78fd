"""Masking of phone numbers and callers' names in logs. Must not know: who writes the logs, or where they go.

Log lines are masked immediately before they are written, which covers tracebacks and other libraries' messages.
Ambiguous runs of digits are masked.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
import unicodedata
from types import TracebackType
from typing import Final

from ivr.phone_number import SHORT

_COUNTRY = re.compile(r"(?P<country>\+86|0086|86(?=1[3-9]\d{9}$))(?P<national>\d+)")

_NARROW: Final[dict[int, int | str]] = {
    **{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212), "-"),
    **dict.fromkeys((0xA0, 0xAD, *range(0x2000, 0x2010), *range(0x202A, 0x2030), 0x2060, 0x3000, 0xFEFF), " "),
}
"""Full-width and typographic characters → the ASCII character that replaces them while numbers are sought."""

_ANYTHING = r"(?:%[0-9a-fA-F]{2}|\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})|_|[^\w\n]){1,3}"
"""What may separate the groups of a number: up to three marks, as they are, or escaped in an address or a literal."""

_KEEP = (
    # UUID
    r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])",
    # UUID of version 4 without hyphens: a call's id
    r"(?<![0-9A-Za-z])[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}(?![0-9A-Za-z])",
    # memory address
    r"(?<![0-9A-Za-z])0x[0-9a-fA-F]+",
    # hexadecimal id of a common length: two letters or more, one after a digit (so not "dec13812345678")
    r"(?<![0-9A-Za-z])(?=[0-9a-f]*\d[a-f])(?=\d*[a-f]\d*[a-f])"
    r"(?:[0-9a-f]{8}|[0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})(?![0-9A-Za-z])",
    # Twilio SID
    r"(?<![0-9A-Za-z])[A-Z]{2}[0-9a-f]{32}(?![0-9A-Za-z])",
    # ISO 8601 date, optionally with time and zone
    r"(?<![\d-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\d-])"
    r"(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?(?!\d))?",
    # case number: date and counter
    r"(?<![\d-])20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-\d{4}(?![\d-])",
    # seconds since 1970 with a fraction; also Asterisk's unique ids
    r"(?<![\d.+])1[6-9]\d{8}\.\d{1,9}(?![\d.])",
    # IPv4 address
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])",
    # decimal fraction; not an area code and a number, nor the beginning of a mobile number
    rf"(?<![\d.])(?!0\d{{2,3}}\.\d{{7,8}}(?!\d)|1[3-9]\d\.\d{{4}}{_ANYTHING}\d{{4}}(?!\d))\d{{1,6}}\.\d+(?![\d.])",
)
_NUMBER = (
    # groups of a mobile number, or an area code and a number, separated by anything
    rf"(?<!\d)1[3-9]\d{_ANYTHING}\d{{4}}{_ANYTHING}\d{{4}}(?!\d)",
    rf"(?<!\d)0\d{{2,3}}{_ANYTHING}\d{{3,4}}{_ANYTHING}\d{{4}}(?!\d)",
    rf"(?<!\d)0\d{{2,3}}{_ANYTHING}\d{{7,8}}(?![ -]?\d)",
    # groups separated by dots
    r"\+?(?:\d{1,3}\.)?\d{3,4}\.\d{3,4}\.\d{4}(?!\d)",
    # groups separated by slashes; not the path recordings/2026/11/21
    r"(?<!\d)1[3-9]\d/\d{4}/\d{4}(?!\d)",
    r"(?<![0-9A-Za-z_/])\+?(?=(?:/?\d){10,15}(?![\d/]))\d{1,4}(?:/\d{3,8})+",
    # digits separated one by one
    r"(?<!\d)\d(?:[ /.-] ?\d){6,}(?!\d)",
    # a run, or groups separated by spaces, hyphens or brackets
    r"(?:\+|\()*\d+(?:(?:\)? ?\(|\) ?| - |[ -])\d{2,})*",
    # spelled out: 幺三八…
    r"[零〇一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖](?:[ -]?[零〇一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖]){6,}",
)
_TEXT = re.compile(
    rf"(?P<keep>{'|'.join(_KEEP)})"
    r'|(?P<name>"[^"\n]*"(?=\s*<(?:sips?|tel):))'
    r"|(?P<scheme>\bsips?:)(?P<user>[^\s@:;<>\"]+)(?=[@:])"
    # Asterisk channel name: technology, peer, serial number
    r"|(?P<technology>\b[A-Z][A-Za-z]+/)(?P<peer>\+?\d+)(?P<serial>-[0-9a-f]{8})(?![0-9A-Za-z])"
    rf"|(?P<number>{'|'.join(_NUMBER)})"
)


def mask(number: str) -> str:
    """Return the number with most of its digits masked: `13812345678` becomes `138****5678`.

    Numbers of eleven or more digits keep a leading +86, the first three digits (network or area) and the last four;
    seven to ten digits keep the last two; shorter numbers are not personal and stay whole, and so does an extension
    (`;ext=801`). Separators are dropped.
    """
    number, *extension = number.partition(";ext=")
    plain = "".join(c for c in _narrow(number) if c.isalnum() or c == "+")
    if sum(map(str.isalnum, plain)) <= SHORT:
        return "".join([number, *extension])
    country = ""
    if match := _COUNTRY.fullmatch(plain):
        country, plain = match["country"], match["national"]
    elif plain.startswith("+"):
        country, plain = "+", plain[1:]
    head, tail = (3, 4) if len(plain) >= 11 else (0, 2)
    return "".join([country, plain[:head], "*" * (len(plain) - head - tail), plain[-tail:], *extension])


def mask_text(text: str) -> str:
    """Return the text with everything masked that looks like a phone number or a SIP caller's name.

    Dates, times, ids, addresses and decimal fractions stay readable.
    """
    masked: list[str] = []
    end = 0
    for match in _TEXT.finditer(_narrow(text)):
        masked += text[end : match.start()], text[slice(*match.span())] if match["keep"] else _mask_match(match)
        end = match.end()
    return "".join([*masked, text[end:]])


def _narrow(text: str) -> str:
    """Return the text with each character replaced by its ASCII counterpart, digits of any kind (٣, ③) included."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(mark, mark)) for mark in text.translate(_NARROW))


def _mask_match(match: re.Match[str]) -> str:
    if match["name"] is not None:
        return '"***"'
    if (user := match["user"]) is not None:
        number = user.lstrip("+").isdigit()
        return match["scheme"] + (mask(user) if number else "***")
    if (peer := match["peer"]) is not None:
        return match["technology"] + mask(peer) + match["serial"]
    return mask(match["number"])


class MaskingFormatter(logging.Formatter):
    """Log formatter that masks its output, tracebacks included. Times are UTC, ISO 8601."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        return mask_text(super().format(record))


def configure_logging(level: int | str) -> None:
    """Send all logs of the process, including warnings and uncaught exceptions, masked to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(MaskingFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger(__name__).critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
