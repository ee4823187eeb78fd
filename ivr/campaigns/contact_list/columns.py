"""The columns of a list: by their usual names, or as the project's plan maps them. Must not know: rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ivr.errors import Fault, FaultyFile
from ivr.flow.nearest import suggestion

NUMBER: Final = "number"
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    NUMBER: (
        "number", "phone", "phone number", "telephone", "tel", "mobile", "mobile number", "电话", "电话号码", "手机",
        "手机号", "手机号码", "联系电话", "联系方式", "客户电话", "号码",
    ),
    "name": ("name", "customer", "customer name", "姓名", "客户", "客户姓名", "户主", "联系人"),
    "language": ("language", "语言"),
    "zone": ("zone", "time zone", "timezone", "时区"),
    "hours": ("hours", "calling hours", "时段", "接听时间", "方便时间"),
}  # fmt: skip
"""The fields of a contact → the usual names of their columns."""


@dataclass(frozen=True, slots=True)
class ListColumns:
    """Which column, from 0, holds which field and which variable; `ignored` are the headers of all others."""

    fields: Mapping[str, int]
    variables: Mapping[str, int]
    ignored: tuple[str, ...]


def find_columns(
    header: Sequence[str], mapping: Mapping[str, str], variables: Collection[str], file: str, line: int
) -> ListColumns:
    """Find the columns; `mapping` is field or variable → header, `variables` are those that the flow takes.

    Raises:
        FaultyFile: no column or several hold the number or another field, or the mapping names what does not exist.
    """
    faults: list[Fault] = []
    plain = [_plain(name) for name in header]
    found: dict[str, int] = {}
    for name, column in mapping.items():
        if name not in FIELDS and name not in variables:
            near = suggestion(name, [*FIELDS, *variables])
            faults.append(Fault(file, f"columns.{name}", f"the flow takes no such variable{near}"))
        elif (places := plain.count(_plain(column))) != 1:
            what = "no column is called" if not places else "several columns are called"
            reason = f"{what} “{column}”; the list has {', '.join(header)}"
            faults.append(Fault(file, f"columns.{name}", reason, line))
        else:
            found[name] = plain.index(_plain(column))
    for name in [*FIELDS, *variables]:
        if name in mapping:
            continue
        usual = {_plain(name), *map(_plain, FIELDS.get(name, ()))}
        free = [place for place, each in enumerate(plain) if each in usual and place not in found.values()]
        if len(free) > 1:
            called = " and ".join(f"“{header[place]}”" for place in free)
            faults.append(Fault(file, "", f"both {called} may be the {name}; say which in `columns` of the plan", line))
        elif free:
            found[name] = free[0]
    if NUMBER not in found and not faults:
        reason = f"no column holds the telephone number; the list has {', '.join(header)}"
        faults.append(Fault(file, "", f"{reason}. Name it in `columns` of the plan", line))
    if faults:
        raise FaultyFile(faults)
    return ListColumns(
        {name: place for name, place in found.items() if name in FIELDS},
        {name: place for name, place in found.items() if name not in FIELDS},
        tuple(name for place, name in enumerate(header) if name and place not in found.values()),
    )


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()
