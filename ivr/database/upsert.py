"""Idempotent inserts and counters, on both databases. Must not know: any table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

T = TypeVar("T")

_INSERTS = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def _insert(session: AsyncSession, table: Any) -> Any:
    return _INSERTS[session.get_bind().dialect.name](table)


async def insert_once(session: AsyncSession, table: type[DeclarativeBase], **values: object) -> bool:
    """Insert a row unless one with the same key or another equal unique value exists; return whether it was inserted.

    Wait for another transaction that is inserting such a row.
    """
    inserted = await session.execute(_insert(session, table).values(**values).on_conflict_do_nothing())
    return bool(cast("CursorResult[Any]", inserted).rowcount)


async def insert_many_once(
    session: AsyncSession, key: InstrumentedAttribute[T], rows: Sequence[Mapping[str, object]]
) -> Sequence[T]:
    """Insert rows unless one with an equal unique value exists; return the `key` of each that was inserted.

    Wait for other transactions that are inserting such rows. To insert in one order everywhere avoids deadlocks.
    """
    if not rows:
        return []
    insert = _insert(session, key.class_).on_conflict_do_nothing().returning(key)
    inserted: Sequence[T] = (await session.scalars(insert, rows)).all()
    return inserted


async def next_count(session: AsyncSession, counter: InstrumentedAttribute[int], **key: str) -> int:
    """Increment the counter with this key and return it, starting at 1; unique unless this transaction fails."""
    insert = _insert(session, counter.class_).values(**key, **{counter.key: 1})
    step = insert.on_conflict_do_update(index_elements=list(key), set_={counter.key: counter + 1}).returning(counter)
    number: int = (await session.execute(step)).scalar_one()
    return number
