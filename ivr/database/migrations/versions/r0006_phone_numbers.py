"""Give telephone numbers their canonical form; make customers known under several spellings of one number one customer.

A withheld number (anonymous, …) is nobody's: its calls and cases lose their customer. Numbers that fit no numbering
plan stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from ivr.phone_number import canonical_number

revision = "0006"
down_revision = "0005"

PAGE: Final = 1000
"""Rows that one statement reads or changes."""
DETAILS: Final = ("phone", "callback_phone")
"""The details of a case that are telephone numbers."""
JSON: Final = sa.JSON().with_variant(JSONB(), "postgresql")

customers = sa.table("customers", *map(sa.column, ("id", "number", "name", "language")))
changes = sa.table("customer_changes", *map(sa.column, ("id", "customer_id", "name", "language", "at")))
calls = sa.table("calls", *map(sa.column, ("id", "customer_id", "direction", "caller", "called")))
cases = sa.table("cases", sa.column("id"), sa.column("customer_id"), sa.column("details", JSON))


def upgrade() -> None:
    merge_customers()
    rewrite(calls, call_numbers)
    rewrite(cases, case_details)


def merge_customers() -> None:
    spellings: defaultdict[str, list[sa.RowMapping]] = defaultdict(list)
    for row in chain.from_iterable(pages(customers)):
        spellings[canonical_number(row["number"])].append(row)
    for row in spellings.pop("", []):
        replace(row, None)
    for rows in spellings.values():
        if len(rows) > 1:
            merge(rows)
    rewrite(customers, lambda row: {"number": canonical_number(row["number"])})


def merge(rows: Sequence[sa.RowMapping]) -> None:
    """Keep the oldest of the customers, with the latest profile that was saved for any of them, else the first name."""
    ids = [row["id"] for row in rows]
    saved = sa.select(changes).where(changes.c.customer_id.in_(ids)).order_by(changes.c.at.desc(), changes.c.id.desc())
    latest = op.get_bind().execute(saved.limit(1)).mappings().first()
    profile = latest or next((row for row in rows if row["name"]), rows[0])
    for row in rows[1:]:
        replace(row, ids[0])
    values = {name: profile[name] for name in ("name", "language")}
    op.execute(sa.update(customers).where(customers.c.id == ids[0]).values(values))


def replace(customer: sa.RowMapping, by: int | None) -> None:
    """Delete a customer in favour of another one, None for nobody."""
    for table in (calls, cases):
        op.execute(sa.update(table).where(table.c.customer_id == customer["id"]).values(customer_id=by))
    history = changes.c.customer_id == customer["id"]
    op.execute(sa.update(changes).where(history).values(customer_id=by) if by else sa.delete(changes).where(history))
    op.execute(sa.delete(customers).where(customers.c.id == customer["id"]))


def call_numbers(row: sa.RowMapping) -> dict[str, Any]:
    """Return a call's numbers; the number that an inbound call was made to is a line's."""
    called = row["called"] if row["direction"] == "inbound" else canonical_number(row["called"])
    return {"caller": canonical_number(row["caller"]), "called": called}


def case_details(row: sa.RowMapping) -> dict[str, Any]:
    """Return a case's details."""
    numbers = {name: row["details"].get(name) for name in DETAILS}
    known = {name: canonical_number(number) for name, number in numbers.items() if isinstance(number, str)}
    return {"details": {**row["details"], **known}}


def rewrite(table: sa.TableClause, change: Callable[[sa.RowMapping], dict[str, Any]]) -> None:
    """Change the rows of a table for which `change` returns other values than they have."""
    for page in pages(table):
        new = [(row, change(row)) for row in page]
        changed = [
            {"key": row["id"], **{f"new_{name}": value for name, value in values.items()}}
            for row, values in new
            if any(row[name] != value for name, value in values.items())
        ]
        if changed:
            columns = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in new[0][1]}
            statement = sa.update(table).where(table.c.id == sa.bindparam("key")).values(columns)
            op.get_bind().execute(statement, changed)


def pages(table: sa.TableClause) -> Iterator[Sequence[sa.RowMapping]]:
    """Yield the rows of a table by id, page by page."""
    query = sa.select(table).order_by(table.c.id).limit(PAGE)
    page = op.get_bind().execute(query).mappings().all()
    while page:
        yield page
        page = op.get_bind().execute(query.where(table.c.id > page[-1]["id"])).mappings().all()
