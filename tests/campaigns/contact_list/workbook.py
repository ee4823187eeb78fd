"""Writes small XLSX files, as a spreadsheet program would, and as none should."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)


def cell(place: str, value: str | float, formula: str = "") -> str:
    """Return the XML of a cell."""
    computed = f"<f>{escape(formula)}</f>" if formula else ""
    if isinstance(value, str):
        return f'<c r="{place}" t="str">{computed}<v>{escape(value)}</v></c>'
    return f'<c r="{place}">{computed}<v>{value!r}</v></c>'


def workbook(rows: Sequence[Sequence[str | float]], extra: str = "") -> bytes:
    """Return a workbook whose first sheet has these rows; `extra` is XML of further rows."""
    xml = "".join(f'<row r="{line}">{_cells(line, row)}</row>' for line, row in enumerate(rows, 1))
    return of_sheet(f"<worksheet {MAIN}><sheetData>{xml}{extra}</sheetData></worksheet>")


def _cells(line: int, row: Sequence[str | float]) -> str:
    return "".join(cell(f"{chr(65 + at)}{line}", value) for at, value in enumerate(row) if value != "")


def of_sheet(sheet: str) -> bytes:
    """Return a workbook whose first sheet is this XML; a second one has formulas that do not matter."""
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": _relations(("rId1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="名单" sheetId="1" r:id="rId7"/>'
        '<sheet name="统计" sheetId="2" r:id="rId8"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            ("rId8", "worksheet", "worksheets/sheet1.xml"), ("rId7", "worksheet", "/xl/worksheets/sheet2.xml")
        ),
        "xl/worksheets/sheet1.xml": f"<worksheet {MAIN}><sheetData>"
        f'<row r="1">{cell("A1", 1.0, "COUNT(A:A)")}</row></sheetData></worksheet>',
        "xl/worksheets/sheet2.xml": sheet,
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return data.getvalue()


def _relations(*relations: tuple[str, str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="{key}" Type="{RELATIONS}/{kind}" Target="{to}"/>' for key, kind, to in relations
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )
