"""Rows → contacts to call, each checked, or every fault with line and column. Must not know: files, projects.

A list with a fault gives no contact at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from ivr.campaigns.contact_list.columns import NUMBER, ListColumns, find_columns
from ivr.campaigns.contact_list.csv_file import read_csv
from ivr.campaigns.contact_list.table import ListRow, ListTable
from ivr.campaigns.contact_list.xlsx_file import read_xlsx
from ivr.campaigns.rules.calling_hours import Windows, parse_window
from ivr.errors import Fault, FaultyFile
from ivr.events import Value
from ivr.flow.kinds import Variable
from ivr.phone_number import LineType, UnreadableNumber, dialable_number, is_domestic, line_type

MAX_BYTES: Final = 128 * 2**20
"""Maximum size of a list in bytes."""
MAX_NAME: Final = 100
"""Maximum length of a contact's name in characters."""

_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_SEPARATORS: Final = re.compile("[,;、，；/]")
_PARTS_OF_DAY: Final = {
    "上午": "08:00-12:00",
    "morning": "08:00-12:00",
    "mornings": "08:00-12:00",
    "下午": "12:00-18:00",
    "afternoon": "12:00-18:00",
    "afternoons": "12:00-18:00",
    "晚上": "18:00-22:00",
    "evening": "18:00-22:00",
    "evenings": "18:00-22:00",
}


@dataclass(frozen=True, slots=True)
class ListedContact:
    """A contact of a list. `number` is canonical. `only` narrows the calling hours in the zone `zone` (IANA name).

    Empty `language` or `zone` and None for `only`: the list does not say.
    """

    line: int
    number: str
    line_type: LineType
    name: str
    language: str
    zone: str
    only: Windows | None
    variables: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class FlowOffer:
    """What a flow takes: its variables (see ivr.flow.variables.variables_of), and the languages that it speaks."""

    variables: Mapping[str, Variable]
    languages: Collection[str]


@dataclass(frozen=True, slots=True)
class ContactList:
    """The contacts of a faultless list, and the headers of the columns that it does not use."""

    contacts: tuple[ListedContact, ...]
    ignored: tuple[str, ...]


def read_table(data: bytes, file: str) -> ListTable:
    """Read a list, CSV or XLSX, whatever its name; `file` is the name, for faults.

    Raises:
        FaultyFile: it is neither, too large, or empty.
    """
    if len(data) > MAX_BYTES:
        raise FaultyFile([Fault(file, "", f"has more than {MAX_BYTES // 2**20} MiB")])
    if data.startswith(_OLD_EXCEL):
        raise FaultyFile([Fault(file, "", "is an Excel file of the old format or has a password; save it as XLSX")])
    return read_xlsx(data, file) if data.startswith(_ZIP) else read_csv(data, file)


def check_contacts(
    table: ListTable,
    mapping: Mapping[str, str],
    flow: FlowOffer,
    file: str,
    phones: Collection[str] = (),
    on_row: Callable[[], None] = lambda: None,
) -> ContactList:
    """Return the contacts of a table; `on_row` is called after each row. See find_columns for `mapping`.

    `phones` are names of the site's phones, which may be called beside telephone numbers.

    Raises:
        FaultyFile: the list has faults; the error lists all of them, by line.
    """
    columns = find_columns(table.header.cells, mapping, flow.variables, file, table.header.line)
    reader = _RowReader(table, columns, flow, file, phones)
    contacts: list[ListedContact] = []
    faults = list(table.faults)
    faulty_lines = {fault.line for fault in table.faults}
    for row in table.rows:
        if row.line not in faulty_lines:
            try:
                contacts.append(reader.read(row))
            except FaultyFile as faulty:
                faults += faulty.faults
        on_row()
    if faults:
        raise FaultyFile(sorted(faults, key=lambda fault: (fault.line, fault.path)))
    return ContactList(tuple(contacts), columns.ignored)


class _RowReader:
    def __init__(
        self, table: ListTable, columns: ListColumns, flow: FlowOffer, file: str, phones: Collection[str]
    ) -> None:
        self._header, self._columns, self._flow, self._file = table.header.cells, columns, flow, file
        self._phones = phones
        self._seen: dict[str, int] = {}

    def read(self, row: ListRow) -> ListedContact:
        """Return the contact of a row.

        Raises:
            FaultyFile: the row has faults.
        """
        texts = {name: row.cells[place] for name, place in self._columns.fields.items()}
        number = name = language = zone = ""
        only: Windows | None = None
        faults: list[Fault] = []
        with self._noting(faults, row, NUMBER):
            number = self._number(texts[NUMBER], row.line)
        with self._noting(faults, row, "name"):
            name = _name(texts.get("name", ""))
        with self._noting(faults, row, "language"):
            language = self._language(texts.get("language", ""))
        with self._noting(faults, row, "zone"):
            zone = _zone(texts.get("zone", ""))
        with self._noting(faults, row, "hours"):
            only = _only(texts.get("hours", ""))
        variables: dict[str, Value] = {}
        for variable, place in self._columns.variables.items():
            if text := row.cells[place]:
                try:
                    variables[variable] = self._flow.variables[variable].read(text)
                except ValueError as refused:
                    faults.append(self._fault(row, place, str(refused)))
        if faults:
            raise FaultyFile(faults)
        return ListedContact(row.line, number, line_type(number), name, language, zone, only, variables)

    @contextmanager
    def _noting(self, faults: list[Fault], row: ListRow, field: str) -> Iterator[None]:
        """Note a ValueError in the block as a fault of the field."""
        try:
            yield
        except ValueError as refused:
            faults.append(self._fault(row, self._columns.fields[field], str(refused)))

    def _fault(self, row: ListRow, column: int, reason: str) -> Fault:
        return Fault(self._file, self._header[column], reason, row.line)

    def _number(self, text: str, line: int) -> str:
        number = dialable_number(text, self._phones)
        if number not in self._phones:
            if not number.startswith("+"):
                raise UnreadableNumber(f"“{text}” is a service number or an internal phone, which lists may not call")
            if not is_domestic(number):
                raise UnreadableNumber(f"“{text}” is a number of another country")
        if number in self._seen:
            raise UnreadableNumber(f"“{text}” stands in line {self._seen[number]} already")
        self._seen[number] = line
        return number

    def _language(self, text: str) -> str:
        if text and text not in self._flow.languages:
            raise ValueError(f"“{text}” is no language of the flow; it speaks {', '.join(self._flow.languages)}")
        return text


def _name(text: str) -> str:
    if len(text) > MAX_NAME or not text.isprintable():
        raise ValueError(f"must be at most {MAX_NAME} characters without line breaks")
    return text


def _zone(text: str) -> str:
    try:
        return str(ZoneInfo(text)) if text else ""
    except (ValueError, KeyError, OSError):
        raise ValueError(f"“{text}” is no time zone; write e.g. Asia/Urumqi") from None


def _only(text: str) -> Windows | None:
    """Return the windows that a text such as `18:00-20:00; 上午` narrows the hours to; None for an empty one."""
    parts = [part.strip().lower() for part in _SEPARATORS.split(text) if part.strip()]
    return tuple(parse_window(_PARTS_OF_DAY.get(part, part)) for part in parts) or None
