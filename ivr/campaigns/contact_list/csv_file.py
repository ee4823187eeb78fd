"""CSV → table. Finds out the encoding (UTF-8 or GB18030) and the separator. Must not know: what columns mean."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from typing import Final

from ivr.campaigns.contact_list.table import ListTable, TableBuilder
from ivr.errors import Fault, FaultyFile

SEPARATORS: Final = (",", "\t", ";", "，")
"""The characters that may separate cells; a header has most of the one that does."""
FORMULA_MARKS: Final = ("=", "@")
"""What a cell begins with that a spreadsheet would take for a formula; + and - begin numbers as well."""


def read_csv(data: bytes, file: str) -> ListTable:
    """Read a CSV file; `file` is its name, for faults.

    Raises:
        FaultyFile: it is no text in UTF-8 or GB18030, no CSV, or empty.
    """
    text = _decode(data, file)
    table = TableBuilder(file)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            table.add(line, cells)
            for column, cell in enumerate(cells):
                if cell.lstrip().startswith(FORMULA_MARKS):
                    table.add_fault(line, column, "is a formula; save the list with values only")
            line = reader.line_num + 1
    except csv.Error as error:
        raise FaultyFile([Fault(file, "", f"is no CSV from here on: {error}", line)]) from error
    return table.build()


def _decode(data: bytes, file: str) -> str:
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise FaultyFile([Fault(file, "", "is in UTF-16; save it as CSV in UTF-8")])
    if b"\0" in data:
        raise FaultyFile([Fault(file, "", "is no text file; save the list as CSV or XLSX")])
    body = data.removeprefix(BOM_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as not_utf8:
        if data.startswith(BOM_UTF8):
            raise FaultyFile([_undecodable(body, not_utf8, file, "UTF-8, as it claims")]) from not_utf8
    try:
        return body.decode("gb18030")
    except UnicodeDecodeError as error:
        raise FaultyFile([_undecodable(body, error, file, "UTF-8 or GB18030")]) from error


def _undecodable(data: bytes, error: UnicodeDecodeError, file: str, encoding: str) -> Fault:
    return Fault(file, "", f"is not in {encoding}; save it as CSV in UTF-8", data.count(b"\n", 0, error.start) + 1)


def _separator(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=header.count)
