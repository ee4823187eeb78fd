"""Access to the records for commands. Must not know: the queries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ivr.cli.console import refuse
from ivr.errors import HuifangError
from ivr.records.call_records import CallRecords
from ivr.settings import Settings

T = TypeVar("T")


def query(settings: Settings, read: Callable[[CallRecords], Awaitable[T]]) -> T:
    """Open the records and return the result of `read`; on an error print it and exit with status 2."""

    async def run() -> T:
        records = await CallRecords.open(settings.database_url)
        try:
            return await read(records)
        finally:
            await records.close()

    try:
        return asyncio.run(run())
    except HuifangError as fault:
        refuse(fault)
