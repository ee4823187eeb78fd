"""A SQL database: opening, migration, transactions with retries on locks, restarts, fail-overs and lost connections.

Must not know: any table, which errors pass (see ivr/database/errors.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from ivr.database.errors import RecordsUnavailable, is_passing, is_unavailable, sqlstate

T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]

DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x48756966
_READ_ONLY = "25006"
"""SQLSTATE read_only_sql_transaction: the server has been demoted to a standby, or is read-only for another reason."""


class Database:
    """A pool of connections. Safe for concurrent use.

    A transaction that fails for a reason that may pass (lock, lost connection, restart, fail-over) is retried from its
    start for up to `retry_timeout_s`, so it must be idempotent: the first run may have been committed. The pool leaves
    a server that has become read-only: the retry opens a new connection, which reaches the new primary server.

    `read` and `write` raise RecordsUnavailable when the database, and not the transaction, is at fault.
    """

    def __init__(self, url: str, retry_timeout_s: float) -> None:
        self._engine = _engine(_parse(url), retry_timeout_s)
        self._reading = async_sessionmaker(self._engine, expire_on_commit=False)
        self._writing = async_sessionmaker(self._engine.execution_options(writes=True), expire_on_commit=False)
        self._retry_timeout_s = retry_timeout_s
        # SQLite allows one writer at a time and makes the others poll, without fairness: queue them here instead.
        self._writer_lock: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self._engine.dialect.name == "sqlite" else nullcontext()
        )

    @classmethod
    async def open(cls, url: str, retry_timeout_s: float) -> Self:
        """Connect and migrate the tables to the current version.

        Raises:
            RecordsUnavailable: the database does not exist, or was written by a newer version of this program.
        """
        database = cls(url, retry_timeout_s)
        try:
            await database.write(_migrate)
        except DBAPIError as error:
            await database.close()
            raise RecordsUnavailable(f"the database cannot be opened: {error.orig}") from error
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction, committed when it returns."""
        return await self._run(self._writing, work, self._writer_lock)

    async def read(self, work: Work[T]) -> T:
        """Run `work` in one read-only transaction."""
        return await self._run(self._reading, work, nullcontext())

    async def _run(
        self, sessions: async_sessionmaker[AsyncSession], work: Work[T], lock: AbstractAsyncContextManager[object]
    ) -> T:
        attempts = AsyncRetrying(
            retry=retry_if_exception(is_passing),
            stop=stop_after_delay(self._retry_timeout_s),
            wait=wait_random_exponential(multiplier=0.05, max=1),
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    async with lock, sessions.begin() as session:
                        return await work(session)
        except Exception as error:
            if is_unavailable(error):
                raise RecordsUnavailable(f"the database is unavailable: {getattr(error, 'orig', error)}") from error
            raise
        raise AssertionError("tenacity returns or raises")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise RecordsUnavailable("the database URL is invalid; use sqlite:///FILE or postgresql://HOST/NAME") from error
    driver = DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise RecordsUnavailable(f"{parsed.get_backend_name()} is not supported; use sqlite or postgresql")
    if driver == DRIVERS["sqlite"] and not parsed.database:
        raise RecordsUnavailable("SQLite needs a file; use sqlite:///FILE")
    return parsed.set(drivername=driver)


def _engine(url: URL, retry_timeout_s: float) -> AsyncEngine:
    if url.drivername != DRIVERS["sqlite"]:
        limits = {"timeout": 5, "command_timeout": 10}
        engine = create_async_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=10,
            pool_timeout=retry_timeout_s,
            connect_args=limits,
        )
        event.listen(engine.sync_engine, "handle_error", _leave_read_only_server)
        return engine
    file = Path(url.database or "")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        raise RecordsUnavailable(f"the database file cannot be opened: {error}") from error
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=5,
        max_overflow=0,
        pool_timeout=retry_timeout_s,
        connect_args={"timeout": retry_timeout_s},
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _leave_read_only_server(context: ExceptionContext) -> None:
    """Treat the error of a read-only server as a lost connection: SQLAlchemy then replaces all pooled connections."""
    if sqlstate(context.original_exception) == _READ_ONLY:
        context.is_disconnect = True


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction; a writer locks at once, because upgrading a read lock would fail instead of waiting."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _migrate(session: AsyncSession) -> None:
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    try:
        await connection.run_sync(_upgrade)
    except CommandError as error:
        raise RecordsUnavailable(f"the database was written by another version of this program: {error}") from error


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
