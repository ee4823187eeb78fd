"""The errors of the records, besides ivr.errors.IllegalMove, and the classification of the drivers' errors.

An error is either the database's fault, and passes by itself or when an operator acts, or the transaction's own: then
the same transaction fails every time.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from asyncpg.exceptions import InvalidCachedStatementError, TargetServerAttributeNotMatched
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ivr.errors import HuifangError

PASSING_SQLSTATES: Final = ("08", "25006", "25P03", "25P04", "40", "53300", "55", "57")
"""Errors of PostgreSQL that may pass within seconds, by SQLSTATE or its class (PostgreSQL, appendix A): connection
lost, read-only server, transaction timed out or rolled back, too many connections, object in use, operator
intervention."""
LASTING_SQLSTATES: Final = ("28", "3D", "42501", "53", "58", "F0", "XX")
"""Errors of PostgreSQL that last until an operator acts: access refused, no such database, missing privilege, disk or
memory full, system error, faulty configuration, internal error."""
PASSING_SQLITE_CODES: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
LASTING_SQLITE_CODES: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
)


class UnknownCall(HuifangError):
    """No call with this id exists."""


class RecordsUnavailable(HuifangError):
    """The database cannot be used: it does not respond, refuses writes, or was written by a newer program version."""


class RecordingLost(HuifangError):
    """A recording could not be written completely; the part written so far is readable."""


def is_passing(error: BaseException) -> bool:
    """Return whether a transaction that failed with `error` may succeed if it is repeated within seconds."""
    if isinstance(error, OSError | PoolTimeout | TargetServerAttributeNotMatched):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(_cause(error).__cause__, InvalidCachedStatementError):  # another node has migrated the tables
        return True
    return sqlstate(_cause(error)).startswith(PASSING_SQLSTATES) or _sqlite_code(error) in PASSING_SQLITE_CODES


def is_unavailable(error: BaseException) -> bool:
    """Return whether the database is at fault, so that the same transaction succeeds once the database is restored."""
    return (
        is_passing(error)
        or sqlstate(_cause(error)).startswith(LASTING_SQLSTATES)
        or _sqlite_code(error) in LASTING_SQLITE_CODES
    )


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of a driver's error; empty if it has none."""
    return str(getattr(error, "sqlstate", None) or "")


def describe(error: BaseException) -> str:
    """Return an error without the data that led to it, which drivers quote in their messages."""
    if isinstance(error, HuifangError):
        return str(error)
    cause = _cause(error)
    code = sqlstate(cause) or getattr(cause, "sqlite_errorname", "")
    return f"{type(error).__name__} {code}".rstrip()


def _cause(error: BaseException) -> BaseException:
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, BaseException) else error


def _sqlite_code(error: BaseException) -> int:
    """Return the primary result code of SQLite; 0 for an error of another origin."""
    code: int = getattr(_cause(error), "sqlite_errorcode", 0)
    return code & 0xFF
