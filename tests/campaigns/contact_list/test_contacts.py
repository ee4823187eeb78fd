"""Lists of contacts, good and bad: a good one is read whatever it was saved as, a bad one names every fault."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.campaigns.contact_list import xlsx_file
from ivr.campaigns.contact_list.contacts import ContactList, FlowOffer, ListedContact, check_contacts, read_table
from ivr.campaigns.rules.calling_hours import parse_window
from ivr.errors import FaultyFile
from ivr.flow.parse import parse
from ivr.flow.variables import variables_of
from tests.campaigns.contact_list.workbook import cell, of_sheet, workbook

ROOT = Path(__file__).parents[3]
FLOWS = parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml").flows


SURVEY = FlowOffer(variables_of(FLOWS, "survey"), FLOWS.languages)
GOOD = "姓名,手机号,fee_unpaid,时段,备注\n张三,138 1234 5678,true,晚上,好\n李四,0411-83612345转801,,,\n"


def contacts(data: bytes | str, mapping: Mapping[str, str] | None = None) -> ContactList:
    raw = data.encode() if isinstance(data, str) else data
    return check_contacts(read_table(raw, "list"), mapping or {}, SURVEY, "list")


def faults(data: bytes | str, mapping: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(FaultyFile) as faulty:
        contacts(data, mapping)
    return [str(fault) for fault in faulty.value.faults]


def test_a_list_is_read_with_the_usual_names_of_columns() -> None:
    assert contacts(GOOD) == ContactList(
        (
            ListedContact(
                2, "+8613812345678", "mobile", "张三", "", "", (parse_window("18:00-22:00"),), {"fee_unpaid": True}
            ),
            ListedContact(3, "+8641183612345;ext=801", "landline", "李四", "", "", None, {}),
        ),
        ignored=("备注",),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "，"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encoding_and_separator_are_found_out(encoding: str, separator: str, end: str) -> None:
    data = GOOD.replace(",", separator).replace("\n", end).encode(encoding)
    assert contacts(data) == contacts(GOOD)


def test_a_workbook_is_read_like_a_text() -> None:
    rows: list[list[str | float]] = [
        ["姓名", "手机号", "fee_unpaid", "时段", "备注"],
        ["张三", 13812345678.0, "true", "晚上", "好"],
        ["李四", "0411-83612345转801"],
    ]
    assert contacts(workbook(rows)) == contacts(GOOD)


SPELLINGS = [
    "13812345678",
    "138-1234-5678",
    "+86 138 1234 5678",
    "008613812345678",
    "０１３８１２３４５６７８",
    "tel:13812345678",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_numbers_are_read_in_every_usual_spelling(spelling: str) -> None:
    [contact] = contacts(f"电话\n{spelling}\n").contacts
    assert (contact.number, contact.line_type) == ("+8613812345678", "mobile")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("83612345", "“83612345” is not a telephone number; give it with its area code"),
        ("+49 30 123456", "“+49 30 123456” is a number of another country"),
        ("+852 2123 4567", "“+852 2123 4567” is a number of another country"),
        ("110", "“110” is a service number or an internal phone, which lists may not call"),
        ("1001", "which lists may not call"),
        ("匿名", "stands for a withheld number"),
        ("1.38E+10", "is not a telephone number"),
        ("", "no telephone number is given"),
        ("138123456789", "is not a valid telephone number"),
        ("无", "is not a telephone number"),
    ],
)
def test_a_bad_number_is_reported_with_its_line(number: str, reason: str) -> None:
    [fault] = faults(f"电话,name\n13812345678,a\n{number},b\n")
    assert fault.startswith("list:3: 电话: ") and reason in fault


def test_every_fault_of_every_line_is_reported_and_nothing_is_returned() -> None:
    bad = (
        "电话,fee_unpaid,zone,hours,language,name\n"
        "13812345678,maybe,Mars/Base,22:00-23:00,xx-XX,a\n"
        "13812345679,true,Asia/Urumqi,09:00-12:00,zh-CN,b\n"
        "\n"
        "0138 1234 5678,,,,,c\n"
        "13812345680,,,,,d,e\n"
    )
    assert faults(bad) == [
        "list:2: fee_unpaid: must be true or false; yes, no, on, off, 1 and 0 are not accepted",
        "list:2: hours: 22:00-23:00 exceeds 08:00-22:00, outside which nobody is called",
        "list:2: language: “xx-XX” is no language of the flow; it speaks zh-CN, en-US",
        "list:2: zone: “Mars/Base” is no time zone; write e.g. Asia/Urumqi",
        "list:5: 电话: “0138 1234 5678” stands in line 2 already",
        "list:6: has 7 cells, but the header has 6",
    ]


def test_lines_are_counted_as_an_editor_does() -> None:
    assert faults('name,电话\n"a\nb",13812345678\n\n\nc,1\n')[-1].startswith("list:6: 电话: ")


def test_columns_can_be_mapped() -> None:
    data = "甲,乙,丙\n13812345678,13812345679,7\n"
    [contact] = contacts(data, {"number": "乙", "score": "丙"}).contacts
    assert (contact.number, contact.variables) == ("+8613812345679", {"score": 7})
    assert contacts(data, {"number": "乙"}).ignored == ("甲", "丙")


@pytest.mark.parametrize(
    ("data", "mapping", "reason"),
    [
        ("甲,乙\n1,2\n", {}, "list:1: no column holds the telephone number; the list has 甲, 乙"),
        (
            "电话,手机\n1,2\n",
            {},
            "list:1: both “电话” and “手机” may be the number; say which in `columns` of the plan",
        ),
        ("电话,电话\n1,2\n", {"number": "电话"}, "several columns are called “电话”"),
        ("电话\n1\n", {"name": "姓名"}, "list:1: columns.name: no column is called “姓名”; the list has 电话"),
        ("电话\n1\n", {"fee_unpayed": "电话"}, "list: columns.fee_unpayed: the flow takes no such variable"),
    ],
)
def test_columns_that_cannot_be_found_are_reported(data: str, mapping: dict[str, str], reason: str) -> None:
    assert reason in faults(data, mapping)[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "list: is empty"),
        (b"\n\r\n , ,\n", "list: is empty"),
        ("电话\n".encode(), "list: has a header, but no rows"),
        ("电话\n1".encode("utf-16"), "list: is in UTF-16; save it as CSV in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "list: is no text file; save the list as CSV or XLSX"),
        (b"number\n138\n\xff\xff\xff\n", "list:3: is not in UTF-8 or GB18030; save it as CSV in UTF-8"),
        (b"\xef\xbb\xbfnumber\n\xb5\xe7\n", "list:2: is not in UTF-8, as it claims; save it as CSV in UTF-8"),
        ("電話\n13812345678\n".encode("big5"), "no column holds the telephone number"),
        (b'number\n"138\n', "list:2: is no CSV from here on: unexpected end of data"),
        (b'number\n"138"x\n', "list:2: is no CSV from here on"),
        (b"PK\x03\x04 no archive", "cannot be read as XLSX"),
        (b"\xd0\xcf\x11\xe0 old", "save it as XLSX"),
        (workbook([]), "list: is empty"),
        (of_sheet("no XML"), "list"),
        (b"number," + b"x," * 300 + b"\n1\n", "has more than 200 columns"),
        (b"number\n" + b"9" * 10_000_000 + b"\n", "is no CSV from here on: field larger than field limit"),
        (b"number,x\n13812345678," + b"9" * 10_000 + b"\n", "list:2: x: has 10000 characters; a cell may have 2000"),
        (workbook([["number"], ["9" * 10_000_000]]), "list:2: number: has 10000000 characters; a cell may have 2000"),
        (b"number\n=13812345678\n", "list:2: number: is a formula; save the list with values only"),
        (b"number,name\n13812345678,\"@SUM(1,2)\"\n", "list:2: name: is a formula; save the list with values only"),
        (
            workbook([["number"]], f'<row r="2">{cell("A2", 13812345678.0, "B2+1")}</row>'),
            "list:2: number: is a formula; save the list with values only",
        ),
        (workbook([["number", "name"], [13812345678.0, "#N/A"]]), "list:2: name: has the error #N/A"),
        (workbook([["number"], [8613812345678000.0]]), "list:2: number: may have lost digits"),
        (workbook([["number"]], f'<row r="1048576">{cell("A1048576", 1.0)}</row>'), "has a cell in row 1048576"),
        (workbook([["number"]], f'<row r="2">{cell("XFD2", 1.0)}</row>'), "column 16384; it may have 200 columns"),
    ],
)  # fmt: skip
def test_a_bad_file_is_a_plain_error(data: bytes, reason: str) -> None:
    found = faults(data)
    assert reason in found[0]
    assert all(len(fault) < 300 for fault in found)


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "MAX_UNPACKED", 2**20)
    with pytest.raises(FaultyFile, match="has more than 1 MiB when unpacked"):
        read_table(of_sheet(" " * 2**20), "list")


def test_a_formula_on_another_sheet_does_not_matter() -> None:
    assert len(contacts(workbook([["number"], ["13812345678"]])).contacts) == 1


def faults_or_none(data: bytes) -> list[str]:
    try:
        contacts(data)
    except FaultyFile as faulty:
        return [str(fault) for fault in faulty.faults]
    return []


@given(data=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_contacts_or_a_plain_error(data: bytes) -> None:
    assert all(fault.startswith("list") for fault in faults_or_none(b"number\n" + data))


@given(damage=st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), max_size=5))
def test_a_damaged_workbook_is_contacts_or_a_plain_error(damage: list[tuple[int, int]]) -> None:
    data = bytearray(workbook([["number", "name"], ["13812345678", "张三"]]))
    for place, value in damage:
        data[place % len(data)] = value
    assert all(fault.startswith("list") for fault in faults_or_none(bytes(data)))


@given(rows=st.lists(st.tuples(st.text(max_size=20), st.sampled_from(SPELLINGS)), min_size=1, max_size=5))
def test_cells_survive_csv_whatever_they_contain(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([("备注", "number"), *rows])
    data = file.getvalue().encode("utf-8", "replace")
    known = ("stands in line", "is a formula", "is no CSV", "is no text")
    found = faults_or_none(data)
    assert all(any(one in fault for one in known) for fault in found)
    assert found or len(contacts(data).contacts) == len(rows)


def test_a_large_list_is_read_quickly() -> None:
    count = 20_000
    data = "电话,姓名,fee_unpaid\n" + "".join(f"138{at:08},客户{at},true\n" for at in range(count))
    begin = time.process_time()
    steps: list[None] = []
    table = read_table(data.encode("gb18030"), "list")
    read = check_contacts(table, {}, SURVEY, "list", on_row=lambda: steps.append(None))
    assert len(read.contacts) == len(steps) == count
    print(f"{count / (time.process_time() - begin):.0f} rows/s")
