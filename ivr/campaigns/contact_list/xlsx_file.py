"""XLSX → table: the first sheet, read by calamine. Must not know: what columns mean.

Calamine keeps a sheet as a full rectangle, and returns the last result of a formula. So the XML of the sheet is scanned
first: for cells so far out that the rectangle would not fit into memory, and for formulas.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from ivr.campaigns.contact_list.table import MAX_COLUMNS, MAX_ROWS, ListTable, TableBuilder
from ivr.errors import Fault, FaultyFile

MAX_UNPACKED: Final = 512 * 2**20
"""Maximum size of an unpacked workbook in bytes."""
MAX_EXACT: Final = 10**15
"""From here on, a spreadsheet no longer keeps every digit of a number."""
ERROR_VALUES: Final = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!")

UNREADABLE: Final = (
    CalamineError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    OSError,
    ValueError,
    RuntimeError,
)
"""What calamine and zipfile raise for a file that is no workbook, has a password, or is damaged."""

_TAG: Final = re.compile(rb"<(?:\w+:)?(?P<tag>sheet|Relationship|row|c|f)(?=[\s/>])(?P<attributes>[^>]*)>")
_ATTRIBUTE: Final = re.compile(rb"""([\w:]+)\s*=\s*["']([^"']*)["']""")
_CELL: Final = re.compile(r"([A-Z]{1,3})(\d{1,7})")

Cell = int | float | str | bool | time | date | datetime | timedelta


def read_xlsx(data: bytes, file: str) -> ListTable:
    """Read the first sheet of a workbook; `file` is its name, for faults.

    Raises:
        FaultyFile: it is no workbook, too large, or empty.
    """
    try:
        formulas = _scan(data, file)
        rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    except UNREADABLE as error:
        raise FaultyFile([Fault(file, "", f"cannot be read as XLSX: {_first_line(error)}")]) from error
    table = TableBuilder(file)
    for line, cells in enumerate(rows, 1):
        read = [_text(cell) for cell in cells]
        table.add(line, [text for text, _ in read])
        for column, (text, fault) in enumerate(read):
            if (line, column) in formulas:
                fault = "is a formula; save the list with values only"
            elif text in ERROR_VALUES:
                fault = f"has the error {text}"
            if fault:
                table.add_fault(line, column, fault)
    return table.build()


def _scan(data: bytes, file: str) -> frozenset[tuple[int, int]]:
    """Return the cells of the first sheet that are formulas, as line from 1 and column from 0.

    Raises:
        FaultyFile: the workbook is too large when unpacked, or has cells too far out.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as workbook:
        if sum(member.file_size for member in workbook.infolist()) > MAX_UNPACKED:
            raise FaultyFile([Fault(file, "", f"has more than {MAX_UNPACKED // 2**20} MiB when unpacked")])
        return _scan_sheet(workbook.read(_first_sheet(workbook)), file)


def _first_sheet(workbook: zipfile.ZipFile) -> str:
    sheets = (_attributes(one) for one in _TAG.finditer(workbook.read("xl/workbook.xml")) if one["tag"] == b"sheet")
    key = next((value for sheet in sheets for name, value in sheet.items() if name.endswith(":id")), "")
    for each in _TAG.finditer(workbook.read("xl/_rels/workbook.xml.rels")):
        relation = _attributes(each)
        if each["tag"] == b"Relationship" and relation.get("Id") == key:
            return posixpath.normpath(posixpath.join("/xl", relation.get("Target", ""))).lstrip("/")
    raise KeyError("it has no sheet")


def _scan_sheet(xml: bytes, file: str) -> frozenset[tuple[int, int]]:
    formulas = set()
    row, column = 0, -1
    for match in _TAG.finditer(xml):
        tag = match["tag"]
        if tag == b"f":
            formulas.add((row, column))
            continue
        place = _attributes(match).get("r", "") if tag in (b"row", b"c") else ""
        if tag == b"row":
            row, column = int(place) if place.isdecimal() else row + 1, -1
        elif tag == b"c":
            cell = _CELL.fullmatch(place)
            row, column = (int(cell[2]), _column(cell[1])) if cell else (row, column + 1)
        if row > 2 * MAX_ROWS or column >= MAX_COLUMNS:
            reason = f"has a cell in row {row}, column {column + 1}; it may have {MAX_COLUMNS} columns, {MAX_ROWS} rows"
            raise FaultyFile([Fault(file, "", reason)])
    return frozenset(formulas)


def _attributes(tag: re.Match[bytes]) -> dict[str, str]:
    found = _ATTRIBUTE.findall(tag["attributes"])
    return {name.decode(): value.decode("utf-8", "replace") for name, value in found}


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _text(cell: Cell) -> tuple[str, str]:
    """Return a cell as text and its fault, empty if it has none."""
    match cell:
        case bool():
            return ("true" if cell else "false"), ""
        case int() | float():
            if abs(cell) >= MAX_EXACT:
                return str(cell), "may have lost digits; format the column as text and enter it again"
            return (str(int(cell)) if cell == int(cell) else str(cell)), ""
        case datetime():
            return cell.isoformat(" "), ""
        case time():
            return f"{cell:%H:%M}", ""
    return str(cell), ""


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
