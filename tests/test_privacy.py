from __future__ import annotations

import logging
import re
import subprocess
import sys
import unicodedata
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.privacy import MaskingFormatter, mask, mask_text
from tests.spellings import COMPANYS, PERSONS

MASKED = {
    "13812345678": "138****5678",
    "138 1234 5678": "138****5678",
    "138-1234-5678": "138****5678",
    "+8613812345678": "+86138****5678",
    "+86 138 1234 5678": "+86138****5678",
    "008613812345678": "0086138****5678",
    "8613812345678": "86138****5678",
    "010-12345678": "010****5678",
    "(010) 12345678": "010****5678",
    "66001234": "******34",
    "6600123": "*****23",
    "+1 415 555 2671": "+141****2671",
    "415.555.2671": "********71",
    "138.1234.5678": "138****5678",
    "1 3 8 1 2 3 4 5 6 7 8": "138****5678",
    "幺三八一二三四五六七八": "幺三八****五六七八",
    "138/1234/5678": "138****5678",
    "138/12345/678": "138****5678",
    "+86/138/1234/5678": "+86138****5678",
    "0411/83612345": "041*****2345",
    "0411/8361/2345": "041*****2345",
    "138 - 1234 - 5678": "138****5678",
    "138–1234–5678": "138****5678",
    "138—1234—5678": "138****5678",
    "138\u00a01234\u00a05678": "138****5678",
    "138\u200b1234\u200b5678": "138****5678",
    "１３８１２３４５６７８": "138****5678",
    "１３８　１２３４　５６７８": "138****5678",
    "１３８－１２３４－５６７８": "138****5678",
    "１３８／１２３４／５６７８": "138****5678",
    "＋８６１３８１２３４５６７８": "+86138****5678",
    "(0411) 8361 2345": "041*****2345",
    "（０４１１）８３６１ ２３４５": "041*****2345",
    "(+86)13812345678": "+86138****5678",
    "+86(0)411-83612345": "+86041*****2345",
    "+86 (0411) 8361 2345": "+86041*****2345",
    "400-820-8820": "********20",
    "+8641183612345;ext=801": "+86411****2345;ext=801",
    "138·1234·5678": "138****5678",
    "138_1234_5678": "138****5678",
    "138 / 1234 / 5678": "138****5678",
    "138--1234--5678": "138****5678",
    "138. 1234. 5678": "138****5678",
    "138.1234-5678": "138****5678",
    "138-1234/5678": "138****5678",
    "138\t1234\t5678": "138****5678",
    "1/3/8/1/2/3/4/5/6/7/8": "138****5678",
    "0411.83612345": "041*****2345",
    "0411 / 8361 / 2345": "041*****2345",
    "①③⑧①②③④⑤⑥⑦⑧": "138****5678",
    "壹叁捌壹贰叁肆伍陆柒捌": "壹叁捌****伍陆柒捌",
    "一三八 一二三四 五六七八": "一三八****五六七八",
}


@pytest.mark.parametrize(("number", "masked"), MASKED.items())
def test_a_phone_number_is_masked_in_any_notation(number: str, masked: str) -> None:
    assert mask(number) == masked
    assert mask_text(number) == masked
    assert mask_text(f"从{number}来电") == f"从{masked}来电"
    assert mask_text(f"caller={number}, turn=3") == f"caller={masked}, turn=3"


@pytest.mark.parametrize("text", [*PERSONS, *COMPANYS])
def test_every_spelling_that_is_read_as_a_number_is_masked(text: str) -> None:
    masked = mask_text(f"“{text}” is not a telephone number")
    plain = re.sub(r"\D", "", "".join(str(unicodedata.digit(mark, mark)) for mark in masked))
    assert "1234567" not in plain and "8361234" not in plain


@pytest.mark.parametrize("number", ["1001", "12345", "95588", "110", ""])
def test_extensions_and_service_numbers_stay(number: str) -> None:
    assert mask(number) == number
    assert mask_text(f"to {number}.") == f"to {number}."


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("sip:13812345678@10.0.0.1:5060", "sip:138****5678@10.0.0.1:5060"),
        ("sip:+8613812345678@pbx.example", "sip:+86138****5678@pbx.example"),
        ("sip:1001@192.168.100.200", "sip:1001@192.168.100.200"),
        ("sip:zhang.san@pbx.example", "sip:***@pbx.example"),
        ('From: "张三" <sip:13812345678@10.0.0.1>', 'From: "***" <sip:138****5678@10.0.0.1>'),
        ("tel:+86-138-1234-5678;ext=2", "tel:+86138****5678;ext=2"),
        ("PJSIP/13812345678-0000001a", "PJSIP/138****5678-0000001a"),
        ("PJSIP/66001234-66001235", "PJSIP/******34-66001235"),
        ("66001234-66001235", "660*********1235"),
        ("x13812345678y", "x138****5678y"),
        ("to_13812345678", "to_138****5678"),
        ("dec13812345678", "dec138****5678"),
        ("from 13812345678 to 13912345678", "from 138****5678 to 139****5678"),
        ("13812345678,13912345678", "138****5678,139****5678"),
        ("/calls/138/1234/5678/", "/calls/138****5678/"),
        ("０４１１－８３６１２３４５转８０１，忙", "041*****2345转801，忙"),
        ("全角：１３８１２３４５６７８。", "全角：138****5678。"),
        ("{'caller': '13812345678'}", "{'caller': '138****5678'}"),
        ("021-20251121-8001", "021********8001"),
        ("?number=138%201234%205678", "?number=138********5678"),
        (r"'138\xa01234\xa05678'", "'138**********5678'"),
        (r"'138\u30001234\u30005678'", "'138**************5678'"),
    ],
)
def test_numbers_within_text_are_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T19:46:18.123456+00:00",
        "2026-11-21 19:46:18,123",
        "2026-11-21T19:46:18Z",
        "2026-11-21",
        "550e8400-e29b-41d4-a716-446655440000",
        "call 3f9a1234567b8c90 turn 12",
        "recordings/2026/11/21/9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d.wav",
        "2026/11/21 19:46",
        "２０２６－１１－２１",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "CA1234567890abcdef1234567890abcdef",
        "case 20261121-0001 opened",
        "channel 1732218378.42",
        "PJSIP/1001-00000012",
        "192.168.100.200:5060",
        "took 0.123456789 s, then 12.3456789 s",
        "<Task at 0x7f1234567890>",
        "port 8080, pid 12345, 320 bytes, 100 ms",
    ],
)
def test_times_ids_and_measurements_stay_readable(text: str) -> None:
    assert mask_text(text) == text


@example(uuid.UUID("5932b247-0569-4069-9688-867975502818"))
@example(uuid.UUID("59321247-0569-4069-9688-867975502818"))
@given(st.uuids(version=4))
def test_call_ids_stay_unmasked(call_id: uuid.UUID) -> None:
    for text in (str(call_id), f"call {call_id.hex} ended"):
        assert mask_text(text) == text


@given(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.text(st.characters(exclude_categories=("N", "Cs"), exclude_characters="零〇一二三四五六七八九幺两")),
    st.text(st.characters(exclude_categories=("N", "Cs"), exclude_characters="零〇一二三四五六七八九幺两")),
)
@example("13000000000", "a", "a")
def test_no_mobile_number_survives_between_words(number: str, before: str, after: str) -> None:
    assert number not in mask_text(before + number + after)


def test_a_traceback_and_arguments_are_masked() -> None:
    try:
        raise ValueError("cannot call 13812345678")
    except ValueError:
        arguments = ("+86 139 1234 5678",)
        record = logging.LogRecord("ivr", logging.ERROR, "f.py", 1, "dialling %s", arguments, sys.exc_info())
    line = MaskingFormatter().format(record)
    assert "dialling +86139****5678" in line
    assert "ValueError: cannot call 138****5678" in line


def test_all_log_output_of_a_process_is_masked_and_dated() -> None:
    program = (
        "import logging, threading, warnings\n"
        "from ivr.privacy import configure_logging\n"
        "configure_logging('INFO')\n"
        "logging.getLogger('any').info('call from 13812345678')\n"
        "warnings.warn('odd number 13812345678')\n"
        "def fall(): raise RuntimeError('thread 13812345678')\n"
        "thread = threading.Thread(target=fall); thread.start(); thread.join()\n"
        "raise RuntimeError('main 13812345678')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "12345678" not in ran.stderr.replace("****5678", "")
    for said in ("INFO any: call from 138****5678", "odd number 138****5678", "thread 138****5678", "main 138****5678"):
        assert said in ran.stderr
    first = ran.stderr.splitlines()[0]
    assert first[4] == first[7] == "-" and first[10] == "T" and first[23:].startswith("Z INFO")
