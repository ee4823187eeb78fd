"""The do-not-call list: numbers that no project calls, each with its source and time. Must not know: projects.

Entries are never deleted. Only the customer's own word or a person with a reason lifts one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.database import tables as t
from ivr.database.database import Database
from ivr.database.upsert import insert_once
from ivr.errors import IllegalMove

DoNotCallSource = Literal["customer", "person", "network"]
"""Who said so: the customer on a call, a person of the organisation, or the network (SIP 607)."""


class RefusedLift(IllegalMove):
    """An entry was not lifted; nothing was changed."""


@dataclass(frozen=True, slots=True)
class DoNotCallEntry:
    """An entry of the list. `lifted_at` is None while it is in force."""

    number: str
    source: DoNotCallSource
    who: str
    why: str
    at: datetime
    lifted_at: datetime | None
    lifted_by: str
    lifted_why: str


class DoNotCallList:
    """The do-not-call list of a database. Numbers are canonical. Commands are idempotent.

    All methods raise RecordsUnavailable when the database stays unavailable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, number: str, source: DoNotCallSource, who: str, why: str, at: datetime) -> bool:
        """Add a number; return False if it is on the list already. It applies at once, to all projects."""
        return await self._database.write(lambda session: add_entry(session, number, source, who, why, at))

    async def lift(self, number: str, who: str, why: str, at: datetime) -> None:
        """Lift the entry of a number: `who` is the person who does it, `why` the reason.

        Raises:
            RefusedLift: the number is not on the list, or the name or the reason is missing.
        """

        async def work(session: AsyncSession) -> None:
            if not who.strip() or not why.strip():
                raise RefusedLift("to call again somebody who did not want it needs a person's name and a reason")
            query = select(t.DoNotCallRow).where(t.DoNotCallRow.number == number)
            entries = (await session.scalars(query.with_for_update())).all()
            if any(each.lifted_at == at and each.lifted_by == who for each in entries):
                return
            entry = next((each for each in entries if each.lifted_at is None), None)
            if entry is None:
                raise RefusedLift("the number is not on the do-not-call list")
            entry.lifted_at, entry.lifted_by, entry.lifted_why = at, who, why

        await self._database.write(work)

    async def entries(self, number: str) -> tuple[DoNotCallEntry, ...]:
        """Return all entries of a number, the oldest first, also those that were lifted."""

        async def work(session: AsyncSession) -> tuple[DoNotCallEntry, ...]:
            query = select(t.DoNotCallRow).where(t.DoNotCallRow.number == number).order_by(t.DoNotCallRow.id)
            return tuple(_entry(row) for row in await session.scalars(query))

        return await self._database.read(work)


async def add_entry(
    session: AsyncSession, number: str, source: DoNotCallSource, who: str, why: str, at: datetime
) -> bool:
    """Add a number within a transaction; return False if it is on the list already."""
    return await insert_once(
        session, t.DoNotCallRow,
        number=number, source=source, who=who, why=why, at=at, lifted_at=None, lifted_by="", lifted_why="",
    )  # fmt: skip


def _entry(row: t.DoNotCallRow) -> DoNotCallEntry:
    source = cast("DoNotCallSource", row.source)
    return DoNotCallEntry(row.number, source, row.who, row.why, row.at, row.lifted_at, row.lifted_by, row.lifted_why)
