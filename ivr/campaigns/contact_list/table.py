"""A spreadsheet as text cells with their line numbers, whatever it was saved as. Must not know: what columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ivr.errors import Fault, FaultyFile

MAX_CELL: Final = 2_000
"""Maximum length of a cell in characters."""
MAX_COLUMNS: Final = 200
MAX_ROWS: Final = 500_000


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row: the line of the file, from 1, on which it begins, and its cells, as many as the header has, stripped."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListTable:
    """A header and its rows, without empty ones; `faults` are those of single cells and rows, in order."""

    header: ListRow
    rows: tuple[ListRow, ...]
    faults: tuple[Fault, ...]


class TableBuilder:
    """Builds a table from rows of cells: the first row that is not empty is the header."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._header: ListRow | None = None
        self._rows: list[ListRow] = []
        self._faults: list[Fault] = []

    def add(self, line: int, cells: Sequence[str]) -> None:
        """Add the row that begins on `line`.

        Raises:
            FaultyFile: the table has too many rows or columns.
        """
        cells = [cell.strip() for cell in cells]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            return
        if self._header is None:
            if len(cells) > MAX_COLUMNS:
                raise FaultyFile([Fault(self._file, "", f"has more than {MAX_COLUMNS} columns", line)])
            self._header = ListRow(line, tuple(cells))
            self._check_cells(self._header)
            return
        if len(self._rows) >= MAX_ROWS:
            raise FaultyFile([Fault(self._file, "", f"has more than {MAX_ROWS} rows; divide it", line)])
        width = len(self._header.cells)
        if len(cells) > width:
            self._faults.append(Fault(self._file, "", f"has {len(cells)} cells, but the header has {width}", line))
        row = ListRow(line, tuple([*cells, *[""] * (width - len(cells))][:width]))
        self._check_cells(row)
        self._rows.append(row)

    def add_fault(self, line: int, column: int, reason: str) -> None:
        """Add a fault of a cell; `column` is counted from 0."""
        header = self._header.cells if self._header else ()
        path = header[column] if column < len(header) and len(header[column]) <= MAX_CELL else f"column {column + 1}"
        self._faults.append(Fault(self._file, path, reason, line))

    def build(self) -> ListTable:
        """Return the table.

        Raises:
            FaultyFile: it has no header or no rows.
        """
        if self._header is None:
            raise FaultyFile([Fault(self._file, "", "is empty")])
        if not self._rows:
            raise FaultyFile([Fault(self._file, "", "has a header, but no rows")])
        return ListTable(self._header, tuple(self._rows), tuple(sorted(self._faults, key=lambda fault: fault.line)))

    def _check_cells(self, row: ListRow) -> None:
        for column, cell in enumerate(row.cells):
            if len(cell) > MAX_CELL:
                self.add_fault(row.line, column, f"has {len(cell)} characters; a cell may have {MAX_CELL}")
